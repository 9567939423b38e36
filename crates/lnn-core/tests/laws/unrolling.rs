//! Laws of the time loop.

use crate::{OPTIONS, Subject, assert_close, assert_states_close, map_state};
use lnn_core::{Sequence, State};
use tch::{Kind, Tensor};

pub(crate) fn permuting_the_batch_permutes_the_output(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    let order = Tensor::arange(subject.batch(), (Kind::Int64, OPTIONS.1)).flip([0]).roll([1], [0]);
    let permute = |tensor: &Tensor| tensor.index_select(0, &order);
    for (mask, permuted) in [(None, None), (Some(mask), Some(permute(mask)))] {
        let run = cell.scan(Sequence::new(x).with_mask(mask), Some(initial)).unwrap();
        let other = cell
            .scan(Sequence::new(&permute(x)).with_mask(permuted.as_ref()), Some(&map_state(initial, permute)))
            .unwrap();
        assert_close(&other.outputs, &permute(&run.outputs));
        assert_states_close(&other.last, &map_state(&run.last, permute));
    }
}

pub(crate) fn a_row_of_a_batch_is_a_batch_of_one(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    for mask in [None, Some(mask)] {
        let run = cell.scan(Sequence::new(x).with_mask(mask), Some(initial)).unwrap();
        for row in 0..subject.batch() {
            let only = |tensor: &Tensor| tensor.narrow(0, row, 1);
            let alone = cell
                .scan(
                    Sequence::new(&only(x)).with_mask(mask.map(only).as_ref()),
                    Some(&map_state(initial, only)),
                )
                .unwrap();
            assert_close(&alone.outputs, &only(&run.outputs));
            assert_states_close(&alone.last, &map_state(&run.last, only));
        }
    }
}

pub(crate) fn a_sequence_in_two_parts_ends_as_the_whole(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    for (initial, mask) in
        [(Some(initial), None), (None, None), (Some(initial), Some(mask)), (None, Some(mask))]
    {
        let whole = cell.scan(Sequence::new(x).with_mask(mask), initial).unwrap();
        for cut in 1..subject.steps() {
            let part = |tensor: &Tensor, from, to| tensor.narrow(1, from, to - from);
            let run = |initial, from, to| {
                cell.scan(
                    Sequence::new(&part(x, from, to))
                        .with_mask(mask.map(|mask| part(mask, from, to)).as_ref()),
                    initial,
                )
                .unwrap()
            };
            let first = run(initial, 0, cut);
            let second = run(Some(&first.last), cut, subject.steps());
            assert_close(&Tensor::cat(&[first.outputs, second.outputs], 1), &whole.outputs);
            assert_states_close(&second.last, &whole.last);
        }
    }
}

/// The outputs and the last state of `step`, called once for each step of the input.
pub(crate) fn step_by_hand(subject: &Subject) -> (Tensor, State) {
    let mut state = map_state(&subject.initial, Tensor::shallow_clone);
    let mut outputs = Vec::new();
    for x in subject.x.unbind(1) {
        state = subject.cell.step(&x, None, &state);
        outputs.push(subject.cell.emit(&state));
    }
    (Tensor::stack(&outputs, 1), state)
}

pub(crate) fn a_scan_is_its_steps_taken_by_hand(subject: &Subject) {
    let run = subject.cell.scan(Sequence::new(&subject.x), Some(&subject.initial)).unwrap();
    let (outputs, last) = step_by_hand(subject);
    assert_close(&run.outputs, &outputs);
    assert_states_close(&run.last, &last);
    assert_close(&subject.cell.emit(&run.last), &run.outputs.select(1, -1));
    let widths: Vec<_> = run.last.tensors().iter().map(|tensor| tensor.size()[1]).collect();
    assert_eq!(widths, subject.cell.state_sizes());
}

pub(crate) fn no_initial_state_is_a_zero_state(subject: &Subject) {
    let Subject { cell, x, mask, .. } = subject;
    let zero = cell.zero_state(x);
    for mask in [None, Some(mask)] {
        let without = cell.scan(Sequence::new(x).with_mask(mask), None).unwrap();
        let with = cell.scan(Sequence::new(x).with_mask(mask), Some(&zero)).unwrap();
        assert_close(&without.outputs, &with.outputs);
        assert_states_close(&without.last, &with.last);
    }
}

/// The last batch of a filtered data set may be empty.
pub(crate) fn an_empty_batch_gives_empty_outputs(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    let none = |tensor: &Tensor| tensor.narrow(0, 0, 0);
    let empty_mask = none(mask);
    for mask in [None, Some(&empty_mask)] {
        let run =
            cell.scan(Sequence::new(&none(x)).with_mask(mask), Some(&map_state(initial, none))).unwrap();
        let width = cell.emit(initial).size()[1];
        assert_eq!(run.outputs.size(), [0, subject.steps(), width]);
        assert_eq!(run.last.output().size(), [0, cell.state_sizes()[0]]);
    }
}
