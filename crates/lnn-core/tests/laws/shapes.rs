//! Laws of the checks: an argument that does not fit is an error that names it, never a panic.

use crate::{OPTIONS, Subject};
use lnn_core::{Error, Run, Sequence, State};
use tch::Tensor;

fn zeros(size: &[i64]) -> Tensor {
    Tensor::zeros(size, OPTIONS)
}

/// The result must be a shape error about `what`, which reports the size it found.
#[track_caller]
fn assert_refused(result: Result<Run, Error>, what: &str, size: &[i64]) {
    match result {
        Err(Error::Shape { what: named, expected, found }) => {
            assert_eq!(named, what);
            assert_eq!(found, size, "{named} must be {expected}");
        }
        Err(other) => panic!("expected a shape error about {what}, found {other}"),
        Ok(run) => panic!("{what} of {size:?} went through, to outputs {:?}", run.outputs.size()),
    }
}

pub(crate) fn an_input_that_does_not_fit_is_named(subject: &Subject) {
    let (b, t, i) = (subject.batch(), subject.steps(), subject.cell.input_size());
    let sizes: [&[i64]; 9] = [
        &[],
        &[i],
        &[b, i],
        &[b, t, i, 1],
        &[1, b, t, i],
        &[b, t, i + 1],
        &[b, t, i - 1],
        &[b, 0, i],
        &[b, 0, i + 1],
    ];
    for size in sizes {
        assert_refused(subject.cell.scan(Sequence::new(&zeros(size)), None), "the input", size);
        // A mask or state that does not fit either must not hide the error of the input.
        let other = State::new(vec![zeros(&[])]);
        assert_refused(
            subject.cell.scan(Sequence::new(&zeros(size)).with_mask(Some(&zeros(&[]))), Some(&other)),
            "the input",
            size,
        );
    }
}

pub(crate) fn a_mask_that_does_not_fit_is_named(subject: &Subject) {
    let (b, t) = (subject.batch(), subject.steps());
    let sizes: [&[i64]; 8] = [
        &[],
        &[b],
        &[t],
        &[b, t + 1],
        &[b, t - 1],
        &[b + 1, t],
        &[b, t, 1],
        &[b, t, subject.cell.input_size()],
    ];
    for size in sizes {
        for initial in [None, Some(&subject.initial)] {
            let mask = zeros(size).gt(0.0);
            assert_refused(
                subject.cell.scan(Sequence::new(&subject.x).with_mask(Some(&mask)), initial),
                "the mask",
                size,
            );
        }
    }
}

pub(crate) fn an_initial_state_that_does_not_fit_is_named(subject: &Subject) {
    let scan = |state: &State| subject.cell.scan(Sequence::new(&subject.x), Some(state));
    let batch = subject.batch();
    let changes: [fn(i64, i64) -> Vec<i64>; 6] = [
        |b, h| vec![b + 1, h],
        |b, h| vec![b - 1, h],
        |b, h| vec![b, h + 1],
        |b, h| vec![b, h, 1],
        |_, h| vec![h],
        |_, _| vec![],
    ];
    // Each tensor of the state in turn is the wrong one.
    for wrong in 0..subject.initial.tensors().len() {
        for change in changes {
            let mut tensors: Vec<_> = subject.initial.tensors().iter().map(Tensor::shallow_clone).collect();
            let size = change(batch, subject.cell.state_sizes()[wrong]);
            tensors[wrong] = zeros(&size);
            assert_refused(scan(&State::new(tensors)), "the initial state", &size);
        }
    }
}

pub(crate) fn a_wrong_number_of_state_tensors_is_refused(subject: &Subject) {
    let Subject { cell, x, initial, .. } = subject;
    // The extra tensors may have any rank: counting them must not read their shapes.
    let surplus: [&[i64]; 3] = [&[subject.batch(), 1], &[subject.batch()], &[]];
    for size in surplus {
        let tensors = initial.tensors().iter().map(Tensor::shallow_clone).chain([zeros(size)]);
        let result = cell.scan(Sequence::new(x), Some(&State::new(tensors.collect())));
        assert!(matches!(result, Err(Error::Shape { what, .. }) if what == "the initial state"));
    }
    if initial.tensors().len() > 1 {
        let first = State::new(vec![initial.output().shallow_clone()]);
        let result = cell.scan(Sequence::new(x), Some(&first));
        assert!(matches!(result, Err(Error::Shape { what, .. }) if what == "the initial state"));
    }
}
