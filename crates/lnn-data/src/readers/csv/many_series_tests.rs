//! Tests of tables with several series.

// The numbers are whole.
#![allow(clippy::float_cmp)]

use super::tests::{opened, parts, refused};
use super::*;
use lnn_core::SampleSet;

/// Twelve series of 4 to 7 rows, whose rows lie between one another; `k` is the class, even or odd, `a` counts from ten times the series.
fn many_series() -> String {
    let rows = (0..7).flat_map(|row| (0..12).filter(move |id| row < 4 + id % 4).map(move |id| (row, id)));
    let rows = rows.map(|(row, id)| format!("{row},s{id},{},{}\n", 10 * id + row, ["even", "odd"][id % 2]));
    std::iter::once("t,id,a,k\n".to_owned()).chain(rows).collect()
}

#[test]
fn whole_series_with_a_label_each_go_to_a_part_of_each_class() {
    let series = opened(&many_series(), ",id=id,label=k,time=t,test=0.34").unwrap();
    assert_eq!(series.spec().shape, InputShape::Sequences { features: vec!["a".into()] });
    let parts = parts(&*series, 0.25).unwrap();
    assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [6, 2, 4]);
    for part in [&parts.train, &parts.validation, &parts.test] {
        let batch = part.narrow(0, part.len());
        let odd = batch.targets.sum(tch::Kind::Int64).int64_value(&[]);
        assert_eq!(odd * 2, part.len());
        // Each series counts up from its own number and is of its own length.
        let first = batch.input.x.select(1, 0).select(1, 0) / 10.0;
        let lengths = batch.input.mask.map_or_else(
            || vec![batch.input.x.size()[1]; part.len() as usize],
            |mask| Vec::<i64>::try_from(mask.sum_dim_intlist(1, false, tch::Kind::Int64)).unwrap(),
        );
        let ids = Vec::<f64>::try_from(first).unwrap();
        let classes = Vec::<i64>::try_from(batch.targets).unwrap();
        for ((id, length), class) in ids.iter().zip(lengths).zip(classes) {
            assert_eq!((length, class), (4 + *id as i64 % 4, *id as i64 % 2));
        }
    }
}

#[test]
fn windows_of_many_series_never_cross() {
    let series = opened(&many_series(), ",id=id,columns=a,target=a,time=t,window=3,test=0.34").unwrap();
    let parts = parts(&*series, 0.25).unwrap();
    for part in [&parts.train, &parts.validation, &parts.test] {
        let batch = part.narrow(0, part.len());
        let expected = batch.input.x.select(1, -1) + 1.0;
        assert_eq!(batch.targets, expected);
    }
    let per_step =
        opened(&many_series(), ",id=id,columns=a,target=a,task=per-step,window=all,test=0.34").unwrap();
    let first = per_step.test().unwrap().narrow(0, 1);
    assert_eq!(first.targets, first.input.x + 1.0);
}

#[test]
fn a_table_of_many_series_is_read_in_any_order_and_what_is_wrong_is_named() {
    let text = many_series();
    let mut sorted: Vec<&str> = text.lines().collect();
    sorted[1..].sort_by_key(|line| line.split(',').nth(1));
    let of = |text: &str| {
        let mut hashes =
            parts(&*opened(text, ",id=id,label=k,time=t").unwrap(), 0.25).unwrap().fingerprints.train;
        hashes.sort_unstable();
        hashes.len()
    };
    assert_eq!(of(&sorted.join("\n")), of(&text));
    for (content, options, words) in [
        (text.as_str(), ",id=id,label=k,time=t,window=9,horizon=1", "window of 9"),
        (text.as_str(), ",label=k,time=t", "id=COLUMN"),
        (text.as_str(), ",window=all,target=a", "id=COLUMN"),
        (text.as_str(), ",id=id,target=a,columns=a,test=all", "no series is for the training part"),
        ("id,a,k\n1,2,x\n1,3,y\n", ",id=id,label=k", "one label for all rows"),
        ("id,t,a\n1,2,3\n2,1,5\n1,2,4\n", ",id=id,time=t,target=a", "line 4"),
    ] {
        let error = refused(content, options);
        assert!(error.contains(words), "{options}: {error}");
    }
}

#[test]
fn a_test_of_other_series_leaves_out_those_of_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let [path, other] = ["x.csv", "y.csv"].map(|name| folder.path().join(name));
    std::fs::write(&path, many_series()).unwrap();
    let more: String = many_series() + "0,new,1000,odd\n1,new,1001,odd\n";
    std::fs::write(&other, more).unwrap();
    let data = format!("csv:{},id=id,label=k,time=t", path.display());
    let series = open(&data[4..], None, &mut |_| ()).unwrap();
    let (known, input) = (parts(&*series, 0.25).unwrap().fingerprints, series.spec());
    let trained = Trained { data: &data, input: &input, known: Some(&known) };
    let tested = |path: &std::path::Path| {
        open(&path.display().to_string(), Some(&trained), &mut |_| ()).unwrap().test().unwrap().len()
    };
    let of_run = series.test().unwrap().len();
    assert_eq!((tested(&path), tested(&other)), (of_run, of_run + 1));
}
