//! Tests of several horizons at once.

// The numbers are whole.
#![allow(clippy::float_cmp)]

use super::tests::{opened, parts, refused};
use super::*;
use lnn_core::SampleSet;

/// `rows` rows of a number that counts, ten times the number, and the series it belongs to.
fn counted(rows: usize, series: usize) -> String {
    let rows = (0..rows).map(|i| format!("{i},{},{}\n", 10 * i, i * series / rows));
    std::iter::once("a,b,id\n".to_owned()).chain(rows).collect()
}

fn numbers(tensor: &tch::Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(tch::Kind::Double).contiguous().view([-1])).unwrap()
}

#[test]
fn the_targets_of_a_window_are_the_rows_of_all_horizons_after_it() {
    let options = ",target=a+b,columns=a,window=2,horizon=1..3,test=0.25";
    let data = opened(&counted(40, 1), options).unwrap();
    assert_eq!(data.spec().task.names(), ["a+1", "b+1", "a+2", "b+2", "a+3", "b+3"]);
    let parts = parts(&*data, 0.2).unwrap();
    // 10 rows for the test; the last window ends 3 rows before them.
    assert_eq!(parts.test.len(), 10 - 2 - 3 + 1);
    let test = parts.test.narrow(0, 2);
    assert_eq!(numbers(&test.input.x.get(0)), [30.0, 31.0]);
    assert_eq!(numbers(&test.targets.get(0)), [32.0, 320.0, 33.0, 330.0, 34.0, 340.0]);
    // What a forecast of no change says is the last row of the window, for each horizon.
    let last = parts.test.last_values(0, 1).unwrap();
    assert_eq!(numbers(&last), [31.0, 310.0, 31.0, 310.0, 31.0, 310.0]);
    // 24 rows for training, 6 for validation: no target of a part lies in another.
    let targets = |set: &SampleSet| numbers(&set.narrow(0, set.len()).targets.select(1, 0));
    assert_eq!(targets(&parts.validation)[0], 24.0);
    assert_eq!(targets(&parts.train).last(), Some(&21.0));
}

#[test]
fn windows_of_many_series_and_steps_have_all_horizons_of_their_series() {
    for options in [",window=2", ",window=all", ",window=2,task=per-step", ",window=2,split=time"] {
        let options = format!(",id=id,target=a,columns=b,horizon=2..4,test=0.4{options}");
        let data = opened(&counted(60, 3), &options).unwrap();
        let parts = parts(&*data, 0.4).unwrap();
        let test = parts.test.narrow(0, 1);
        let x = numbers(&test.input.x.select(1, -1));
        let expected: Vec<f64> = [2.0, 3.0, 4.0].iter().map(|ahead| x[0] / 10.0 + ahead).collect();
        let found = numbers(&test.targets);
        assert_eq!(found[found.len() - 3..], expected, "{options}");
    }
}

#[test]
fn a_window_whose_targets_are_missing_is_left_out() {
    let rows = (0..40).map(|i| if i == 30 { "30,\n".to_owned() } else { format!("{i},{i}\n") });
    let text: String = std::iter::once("t,a\n".to_owned()).chain(rows).collect();
    let data = opened(&text, ",target=a,columns=t,missing=mask,window=2,horizon=1..2,test=all").unwrap();
    assert_eq!(data.test().unwrap().len(), 40 - 2 - 2 + 1 - 2);
}

#[test]
fn predictions_have_the_truth_of_each_horizon_as_far_as_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, counted(20, 1)).unwrap();
    let text = format!("{},target=a+b,columns=a,window=2,horizon=1..2", path.display());
    let (data, input) = (format!("csv:{text}"), open(&text, None, &mut |_| ()).unwrap().spec());
    let trained = Trained { data: &data, input: &input, known: None };
    let path = path.display().to_string();
    let found = open_to_predict(&path, &trained, &mut |_| ()).unwrap();
    assert_eq!((found.windows.len(), found.horizons.to_string().as_str()), (19, "1..2"));
    let truth = |row: usize| found.rows[row].truth.as_ref().map(|truth| truth.join(" "));
    assert_eq!(truth(17).as_deref(), Some("18 180 19 190"));
    assert_eq!(truth(18).as_deref(), Some("19 190  "));
    assert_eq!(truth(19), None);
    // The same columns are the targets of a test, and another horizon is refused.
    let test = open(&path, Some(&trained), &mut |_| ()).unwrap();
    assert_eq!(test.spec().task.names(), input.task.names());
    let error = open(&format!("{path},horizon=1"), Some(&trained), &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("1..2 rows ahead"), "{error}");
    let error = open_history(&path, &trained, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("1..2 rows ahead at once") && error.contains("lnn-cli predict"), "{error}");
}

#[test]
fn horizons_that_make_no_sense_are_refused() {
    for (options, words) in [
        (",horizon=3..1", "A..B"),
        (",horizon=1..5000", "at most 1000"),
        (",horizon=0..2,target=b", "1 or more"),
        (",horizon=1..2,label=id,task=per-step", "one number of rows beside a label"),
        (",horizon=1..30,target=b,window=20", "expected at least 50"),
    ] {
        let error = refused(&counted(40, 2), options);
        assert!(error.contains(words), "{options}: {error}");
    }
}
