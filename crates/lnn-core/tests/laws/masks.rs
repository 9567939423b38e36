//! Laws of the mask: where it is false, nothing changes.

use crate::{OPTIONS, Subject, assert_close, assert_states_close, map_state};
use lnn_core::Sequence;
use tch::{Kind, Tensor};

pub(crate) fn a_masked_step_leaves_the_state_and_repeats_the_output(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    let zero = cell.zero_state(x);
    for (given, start) in [(Some(initial), initial), (None, &zero)] {
        let mut before = map_state(start, Tensor::shallow_clone);
        let outputs = cell.scan(Sequence::new(x).with_mask(Some(mask)), given).unwrap().outputs;
        for t in 0..subject.steps() {
            // One step at a time, to compare the whole state and not only its output.
            let step = |tensor: &Tensor| tensor.narrow(1, t, 1);
            let free = cell.scan(Sequence::new(&step(x)), Some(&before)).unwrap().last;
            let masked =
                cell.scan(Sequence::new(&step(x)).with_mask(Some(&step(mask))), Some(&before)).unwrap().last;
            let counts = step(mask);
            for ((masked, free), before) in masked.tensors().iter().zip(free.tensors()).zip(before.tensors())
            {
                assert_close(masked, &free.where_self(&counts, before));
            }
            assert_close(&outputs.select(1, t), &cell.emit(&masked));
            before = masked;
        }
    }
}

pub(crate) fn masked_steps_at_the_end_change_nothing(subject: &Subject) {
    let Subject { cell, x, initial, .. } = subject;
    for length in 1..=subject.steps() {
        let rest = subject.steps() - length;
        let mask = Tensor::arange(subject.steps(), (Kind::Int64, OPTIONS.1)).lt(length);
        let mask = mask.unsqueeze(0).repeat([subject.batch(), 1]);
        for initial in [Some(initial), None] {
            let masked = cell.scan(Sequence::new(x).with_mask(Some(&mask)), initial).unwrap();
            let shorter = cell.scan(Sequence::new(&x.narrow(1, 0, length)), initial).unwrap();
            assert_states_close(&masked.last, &shorter.last);
            assert_close(&masked.outputs.narrow(1, 0, length), &shorter.outputs);
            let repeated = cell.emit(&shorter.last).unsqueeze(1).repeat([1, rest, 1]);
            if rest > 0 {
                assert_close(&masked.outputs.narrow(1, length, rest), &repeated);
            }
        }
    }
}

pub(crate) fn a_mask_of_ones_is_no_mask(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    for initial in [Some(initial), None] {
        let masked = cell.scan(Sequence::new(x).with_mask(Some(&mask.ones_like())), initial).unwrap();
        let unmasked = cell.scan(Sequence::new(x), initial).unwrap();
        assert_close(&masked.outputs, &unmasked.outputs);
        assert_states_close(&masked.last, &unmasked.last);
    }
}

pub(crate) fn what_stands_at_a_masked_step_does_not_matter(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    let run = cell.scan(Sequence::new(x).with_mask(Some(mask)), Some(initial)).unwrap();
    for padding in [0.0, -1e3, f64::NAN] {
        let padded = x.masked_fill(&mask.logical_not().unsqueeze(2), padding);
        let other = cell.scan(Sequence::new(&padded).with_mask(Some(mask)), Some(initial)).unwrap();
        assert_close(&other.outputs, &run.outputs);
        assert_states_close(&other.last, &run.last);
    }
}
