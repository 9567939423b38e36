//! Laws of scans in parts: their values are those of the scan, and their gradients stay within a part.

use crate::gradients::gradients;
use crate::{OPTIONS, Subject, assert_close, assert_states_close};
use lnn_core::{Sequence, State, scan_in_parts};
use tch::{Kind, Tensor};

fn sum(tensor: &Tensor) -> Tensor {
    tensor.sin().sum(OPTIONS.0)
}

pub(crate) fn a_scan_in_parts_has_the_values_of_the_scan(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    for steps in [1, 2, subject.steps(), 100] {
        for mask in [None, Some(mask)] {
            for initial in [None, Some(initial)] {
                let sequence = Sequence::new(x).with_mask(mask);
                let whole = cell.scan(sequence, initial).unwrap();
                let parts = scan_in_parts(&**cell, sequence, initial, steps).unwrap();
                assert_close(&parts.outputs, &whole.outputs);
                assert_states_close(&parts.last, &whole.last);
            }
        }
    }
}

pub(crate) fn the_gradient_of_an_output_stays_within_its_part(subject: &Subject) {
    let Subject { cell, x, initial, .. } = subject;
    let (total, leaf) = (subject.steps(), [x.shallow_clone()]);
    for steps in [1, 2, 3] {
        let start = (total - 1) / steps * steps;
        let run = scan_in_parts(&**cell, Sequence::new(x), Some(initial), steps).unwrap();
        let found = &gradients(&sum(&run.outputs.select(1, total - 1)), &leaf)[0];
        let before = match start {
            0 => State::new(initial.tensors().iter().map(Tensor::shallow_clone).collect()),
            _ => cell.scan(Sequence::new(&x.narrow(1, 0, start)), Some(initial)).unwrap().last,
        };
        let before = State::new(before.tensors().iter().map(Tensor::detach).collect());
        let part = x.narrow(1, start, total - start);
        let alone = cell.scan(Sequence::new(&part), Some(&before)).unwrap();
        let expected = &gradients(&sum(&alone.outputs.select(1, total - start - 1)), &leaf)[0];
        assert_close(found, expected);
    }
}

/// In a padded batch the last state of a short sequence is that of a part before the last.
pub(crate) fn the_last_state_keeps_the_gradient_of_its_last_step_that_counts(subject: &Subject) {
    let Subject { cell, x, initial, .. } = subject;
    let leaf = [x.shallow_clone()];
    for length in 1..=subject.steps() {
        let mask = Tensor::arange(subject.steps(), (Kind::Int64, OPTIONS.1)).lt(length);
        let mask = mask.unsqueeze(0).repeat([subject.batch(), 1]);
        let [padded, short] = [x.shallow_clone(), x.narrow(1, 0, length)].map(|x| {
            let mask = mask.narrow(1, 0, x.size()[1]);
            let sequence = Sequence::new(&x).with_mask(Some(&mask));
            let run = scan_in_parts(&**cell, sequence, Some(initial), 2).unwrap();
            gradients(&sum(run.last.output()), &leaf).remove(0)
        });
        assert_close(&padded, &short);
    }
}
