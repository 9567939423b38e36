use super::*;
use crate::kept::Kept;
use std::fs;
use tch::Device;

/// Traces whose number in row t and column i of file k is 1000 k + 10 t + i.
fn folder(rows: &[i64]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (k, rows) in rows.iter().enumerate() {
        let t = Tensor::arange(*rows, (Kind::Float, Device::Cpu)).unsqueeze(1) * 10.0;
        let trace = t + Tensor::arange(2, (Kind::Float, Device::Cpu)) + 1000.0 * k as f64;
        trace.write_npy(folder.path().join(format!("trace_{k:02}.npy"))).unwrap();
    }
    folder
}

fn opened(folder: &tempfile::TempDir, options: &str) -> Result<Traces, DataError> {
    open(&format!("{}{options}", folder.path().display()), None, &mut |_| ())
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.contiguous().view([-1])).unwrap()
}

#[test]
fn every_step_of_a_window_has_the_next_row_as_its_target_and_no_window_lies_in_two_traces() {
    let folder = folder(&[6, 7, 8, 6]);
    let source = opened(&folder, ",window=3,stride=2,valid=0..1,test=1..2,train=2..4").unwrap();
    let spec = source.spec();
    assert_eq!(
        (spec.per, spec.task.names(), spec.outputs()),
        (Per::Step, &["0".to_owned(), "1".into()][..], 2)
    );
    let parts = source.parts(&SplitRequest::new(0.1, 0)).unwrap();
    assert_eq!([parts.train.len(), parts.validation.len(), parts.test.len()], [5, 2, 2]);
    let last = parts.train.narrow(4, 1);
    assert_eq!(numbers(&last.input.x), [3020.0, 3021.0, 3030.0, 3031.0, 3040.0, 3041.0]);
    assert_eq!(numbers(&last.targets), [3030.0, 3031.0, 3040.0, 3041.0, 3050.0, 3051.0]);
    let far = opened(&folder, ",window=3,horizon=2,valid=0..1,test=1..2,train=2..4").unwrap();
    let first = far.parts(&SplitRequest::new(0.1, 0)).unwrap().train.narrow(0, 1);
    assert_eq!(numbers(&first.targets)[..2], [2020.0, 2021.0]);
}

#[test]
fn without_ranges_the_last_traces_are_for_the_test_and_those_before_for_validation() {
    let folder = folder(&[5; 10]);
    let source = opened(&folder, ",window=4").unwrap();
    let parts = source.parts(&SplitRequest::new(0.25, 0)).unwrap();
    let first = |set: &SampleSet| set.narrow(0, 1).input.x.double_value(&[0, 0, 0]) as i64 / 1000;
    assert_eq!([parts.train.len(), parts.validation.len(), parts.test.len()], [6, 2, 2]);
    assert_eq!([first(&parts.train), first(&parts.validation), first(&parts.test)], [0, 6, 8]);
    assert_eq!(source.test().unwrap().len(), 2);
}

#[test]
fn a_resumed_run_notices_that_a_trace_has_changed() {
    let folder = folder(&[5; 6]);
    let before = opened(&folder, ",window=4").unwrap().parts(&SplitRequest::new(0.25, 0)).unwrap();
    let resumed = || {
        let kept = Kept { fingerprints: &before.fingerprints, accept_changes: false };
        let request = SplitRequest { kept: Some(kept), ..SplitRequest::new(0.25, 0) };
        opened(&folder, ",window=4").unwrap().parts(&request).map(|parts| parts.train.len())
    };
    assert_eq!(resumed().unwrap(), before.train.len());
    Tensor::zeros([5, 2], (Kind::Float, Device::Cpu)).write_npy(folder.path().join("trace_00.npy")).unwrap();
    assert!(matches!(resumed(), Err(DataError::Changed { lost: 1, new: 1 })));
}

#[test]
fn another_folder_is_tested_whole_in_the_windows_of_the_training() {
    let [first, second] = [folder(&[9; 5]), folder(&[9; 3])];
    let data =
        format!("npy-folder:{},window=3,stride=1,valid=0..1,test=1..3,train=3..5", first.path().display());
    let input = opened(&first, "").unwrap().spec();
    let options = ",window=3,valid=0..1,test=1..3,train=3..5";
    let known = opened(&first, options).unwrap().parts(&SplitRequest::new(0.2, 0)).unwrap().fingerprints;
    let trained = Trained { data: &data, input: &input, known: Some(&known) };
    let test = |folder: &tempfile::TempDir, options: &str| {
        let text = format!("{}{options}", folder.path().display());
        open(&text, Some(&trained), &mut |_| ()).and_then(|source| source.test())
    };
    // Its first trace is that of the validation.
    assert_eq!(test(&second, "").unwrap().len(), 12);
    assert_eq!(test(&first, "").unwrap().len(), 12);
    assert_eq!(test(&second, ",stride=3").unwrap().len(), 4);
    let refused = test(&second, ",horizon=2").unwrap_err().to_string();
    assert!(refused.contains("horizon: expected 1, for which the model was trained"), "{refused}");
}

#[test]
fn what_is_no_folder_of_traces_is_refused_with_what_was_expected() {
    let good = folder(&[5; 6]);
    let refused = |options: &str| match opened(&good, options) {
        Ok(source) => source.parts(&SplitRequest::new(0.2, 0)).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    for (options, expected) in [
        (",window=0", "window: expected a whole number from 1, found \"0\""),
        (",window=3,window=4", "window: expected it once"),
        (",steps=3", "steps: expected one of window"),
        (",train=0..2", "train, valid and test: expected all three or none"),
        (",train=0..3,valid=2..4,test=4..5", "no trace twice"),
        (",train=0..3,valid=3..4,test=4..9", "traces of 0..6"),
        (",window=5", "a window with its target needs 6"),
        (",window=999999999999", "needs 1000000000000"),
    ] {
        let text = refused(options);
        assert!(text.contains(expected), "{options}: {text}");
    }
    let trace = |name: &str, numbers: &Tensor| numbers.write_npy(good.path().join(name)).unwrap();
    trace("trace_99.npy", &Tensor::zeros([5, 3], (Kind::Float, Device::Cpu)));
    assert!(
        refused("").contains("expected a trace [T, 2] of finite numbers, found [5, 3]"),
        "{}",
        refused("")
    );
    trace("trace_99.npy", &Tensor::full([5, 2], f64::NAN, (Kind::Float, Device::Cpu)));
    assert!(refused("").contains("trace_99.npy") && refused("").contains("not finite"), "{}", refused(""));
    fs::write(good.path().join("trace_99.npy"), b"not numpy").unwrap();
    assert!(refused("").contains("expected a .npy file"), "{}", refused(""));
    let empty = tempfile::tempdir().unwrap();
    assert!(opened(&empty, "").unwrap_err().to_string().contains("as .npy files"));
    assert!(
        open("/nowhere/at/all", None, &mut |_| ())
            .unwrap_err()
            .to_string()
            .contains("cannot read /nowhere/at/all")
    );
}
