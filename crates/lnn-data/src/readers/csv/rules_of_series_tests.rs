//! Tests of what goes for the rows of a series: the split in time, rows of equal time, static columns.

// The numbers are whole.
#![allow(clippy::float_cmp)]

use super::tests::{opened, parts, refused};
use super::*;
use crate::error::DataError;
use crate::kept::{Fingerprints, Kept};
use crate::source::SplitRequest;
use lnn_core::SampleSet;

/// Three series of `rows` rows, the numbers of each from a hundred of its own.
fn three(rows: usize) -> String {
    let rows = (0..3).flat_map(|id| (0..rows).map(move |row| format!("s{id},{row},{}\n", 100 * id + row)));
    std::iter::once("id,t,a\n".to_owned()).chain(rows).collect()
}

fn numbers(set: &SampleSet) -> Vec<f64> {
    Vec::try_from(set.narrow(0, set.len()).targets.squeeze_dim(1)).unwrap()
}

const IN_TIME: &str = ",id=id,time=t,target=a,window=2,split=time,test=0.2";

#[test]
fn each_series_is_split_in_time_and_no_target_lies_in_another_part() {
    let data = opened(&three(20), IN_TIME).unwrap();
    let parts = parts(&*data, 0.25).unwrap();
    // Of 20 rows 12 train, 4 validate and 4 test.
    let of_each = |rows: std::ops::Range<usize>| -> Vec<f64> {
        (0..3).flat_map(|id| rows.clone().map(move |row| (100 * id + row) as f64)).collect()
    };
    assert_eq!(numbers(&parts.train), of_each(2..12));
    assert_eq!(numbers(&parts.validation), of_each(12..16));
    assert_eq!(numbers(&parts.test), of_each(18..20));
    // The windows of the validation reach back within their own series.
    let short = opened(&three(6), ",id=id,target=a,window=4,columns=a,split=time,test=0.2").unwrap();
    assert!(short.parts(&SplitRequest::new(0.8, 0)).is_err());
    let x = parts.validation.narrow(4, 1).input.x;
    assert_eq!(x.double_value(&[0, 0, 0]), 110.0);
}

#[test]
fn series_that_are_split_in_time_are_resumed_as_they_were_or_not_at_all() {
    let known = parts(&*opened(&three(20), IN_TIME).unwrap(), 0.25).unwrap().fingerprints;
    let resumed = |text: &str, accept_changes| {
        let kept = Kept { fingerprints: &known, accept_changes };
        opened(text, IN_TIME).unwrap().parts(&SplitRequest { kept: Some(kept), ..SplitRequest::new(0.25, 0) })
    };
    assert_eq!(resumed(&three(20), false).unwrap().fingerprints, known);
    assert!(matches!(resumed(&three(24), false).unwrap_err(), DataError::Changed { .. }));
    let error = resumed(&three(24), true).unwrap_err().to_string();
    assert!(error.contains("split in time") && error.contains("--init"), "{error}");
}

#[test]
fn a_test_of_other_files_leaves_out_the_beginnings_that_were_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let [path, longer] = ["x.csv", "y.csv"].map(|name| folder.path().join(name));
    std::fs::write(&path, three(20)).unwrap();
    std::fs::write(&longer, three(30)).unwrap();
    let data = format!("csv:{}{IN_TIME}", path.display());
    let source = open(&data[4..], None, &mut |_| ()).unwrap();
    let (known, input): (Fingerprints, _) = (parts(&*source, 0.25).unwrap().fingerprints, source.spec());
    let trained = Trained { data: &data, input: &input, known: Some(&known) };
    let tested = |text: String| open(&text, Some(&trained), &mut |_| ()).map(|data| data.test().unwrap());
    assert_eq!(numbers(&tested(path.display().to_string()).unwrap()), numbers(&source.test().unwrap()));
    let found = numbers(&tested(longer.display().to_string()).unwrap());
    // The first 16 rows of each were known.
    assert_eq!((found.len(), found[0]), (3 * (14 - 2), 18.0));
    let error = tested(format!("{},split=series", longer.display())).unwrap_err().to_string();
    assert!(error.contains("split=series") && error.contains("up to a time"), "{error}");
}

#[test]
fn a_split_needs_series_and_windows() {
    for (options, words) in [
        (",split=time,target=a,columns=a", "id=COLUMN"),
        (",split=series,target=a,columns=a", "id=COLUMN"),
        (",split=time,id=id,window=all,target=a", "window=N"),
        (",split=rows,id=id", "series or time"),
    ] {
        let error = refused(&three(20), options);
        assert!(error.contains(words), "{options}: {error}");
    }
}

/// Two rows of the time 2, of which one lacks `b`.
const TWICE: &str = "t,a,b\n1,1,10\n2,2,\n2,4,20\n3,5,30\n4,6,40\n";

#[test]
fn rows_of_equal_time_are_joined_by_their_mean_or_the_last() {
    let options = ",time=t,target=b,columns=a,window=1,missing=mask,test=all";
    for (how, x, target) in [("mean", 3.0, 20.0), ("last", 4.0, 20.0)] {
        let data = opened(TWICE, &format!("{options},duplicates={how}")).unwrap();
        let test = data.test().unwrap();
        assert_eq!((test.len(), numbers(&test)[0]), (3, target));
        assert_eq!(test.narrow(1, 1).input.x.double_value(&[0, 0, 0]), x);
        assert_eq!(test.narrow(1, 1).input.dt.unwrap().double_value(&[0, 0]), 1.0);
    }
    let error = refused(TWICE, options);
    assert!(error.contains("line 4") && error.contains("duplicates=mean"), "{error}");
    let error = refused(TWICE, ",target=b,duplicates=mean");
    assert!(error.contains("time=COLUMN"), "{error}");
    let error = refused("t,a\n1,2\n3,2\n2,2\n", ",time=t,target=a,duplicates=last");
    assert!(error.contains("line 4"), "{error}");
    let labels = "t,a,k\n1,1,x\n1,1,y\n2,1,x\n";
    let error = refused(labels, ",time=t,label=k,task=per-step,duplicates=mean");
    assert!(error.contains("line 3") && error.contains("duplicates=last"), "{error}");
}

#[test]
fn a_note_tells_how_many_rows_were_joined_and_the_truth_is_joined_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "t,a\n1,1\n2,2\n2,5\n2,5\n3,4\n4,1\n").unwrap();
    let text = format!("{},time=t,target=a,window=1,duplicates=mean,test=all", path.display());
    let mut notes = Vec::new();
    let input = open(&text, None, &mut |progress| {
        if let Progress::Note { text } = progress {
            notes.push(text.to_owned());
        }
    });
    assert_eq!(notes, ["2 rows have the time of the row before; their mean is taken"]);
    let (data, input) = (format!("csv:{text}"), input.unwrap().spec());
    let trained = Trained { data: &data, input: &input, known: None };
    let found = open_to_predict(&text, &trained, &mut |_| ()).unwrap();
    assert_eq!(found.rows[0].truth, Some(vec!["4".to_owned()]));
    assert_eq!(found.rows.len(), 4);
}

/// Two series whose size stands in one row of each.
const SIZED: &str = "id,a,size,b\nx,1,,0\ny,5,,0\nx,2,7,0\ny,6,8,0\nx,3,7,0\ny,7,8.0,0\n";

#[test]
fn a_static_column_fills_its_series_and_is_an_input() {
    for columns in ["", ",columns=a", ",columns=a+size"] {
        let options = format!(",id=id,target=b,window=2,test=all,static=size{columns}");
        let data = opened(SIZED, &options).unwrap();
        let InputShape::Sequences { features } = data.spec().shape else { panic!("sequences") };
        let place = features.iter().position(|name| name == "size").unwrap() as i64;
        let test = data.test().unwrap();
        let sizes = test.narrow(0, test.len()).input.x.select(2, place);
        assert_eq!(Vec::<f64>::try_from(sizes.contiguous().view([-1])).unwrap(), [7.0, 7.0, 8.0, 8.0]);
    }
}

#[test]
fn a_static_column_that_changes_or_holds_no_number_is_refused_with_its_line() {
    for (content, options, words) in [
        ("id,a,s\nx,1,7\nx,2,\nx,3,9\n", ",id=id,static=s,target=a", ["line 4", "static"]),
        ("id,a,s\nx,1,\nx,2,\ny,1,3\ny,2,\n", ",id=id,static=s,target=a", ["line 2", "missing=mask"]),
        ("id,a,s\nx,1,red\nx,2,red\n", ",id=id,static=s,target=a", ["line 2", "no categories as text"]),
        ("id,a,s\nx,1,2\nx,2,2\n", ",static=s,target=a,columns=a", ["static", "id=COLUMN"]),
        ("id,a,s\nx,1,2\nx,2,2\n", ",id=id,static=id,target=a", ["static", "not the time"]),
        ("id,a,s\nx,1,2\nx,2,2\n", ",id=id,static=s,target=s", ["static", "not the target"]),
        ("id,a,s\nx,1,2\nx,2,2\n", ",id=id,static=size,target=a", ["size", "id, a, s"]),
    ] {
        let error = refused(content, options);
        assert!(words.iter().all(|word| error.contains(word)), "{options}: {error}");
    }
}

#[test]
fn a_forecast_keeps_what_is_static() {
    let folder = tempfile::tempdir().unwrap();
    let [path, one, future] = ["x.csv", "one.csv", "future.csv"].map(|name| folder.path().join(name));
    std::fs::write(&path, SIZED).unwrap();
    std::fs::write(&one, "id,a,size,b\nx,1,7,0\nx,2,,0\n").unwrap();
    std::fs::write(&future, "id,b\nx,1\nx,2\nx,3\n").unwrap();
    let text = format!("{},id=id,target=a,window=2,test=all,static=size", path.display());
    let (data, input) = (format!("csv:{text}"), open(&text, None, &mut |_| ()).unwrap().spec());
    let trained = Trained { data: &data, input: &input, known: None };
    let history = open_history(&one.display().to_string(), &trained, &mut |_| ()).unwrap();
    let known = open_future(&future.display().to_string(), &trained, &history, &mut |_| ()).unwrap();
    for future in [history.unknown_future(3), known] {
        assert_eq!(Vec::<f64>::try_from(future.input.x.get(0).select(1, 1)).unwrap(), [7.0; 3]);
        assert!(future.input.x.get(0).select(1, 0).isnan().all().int64_value(&[]) == 1);
    }
}
