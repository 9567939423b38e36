//! Laws of the gradients with respect to the input, the initial state and every trainable parameter.

use crate::unrolling::step_by_hand;
use crate::{OPTIONS, Subject, assert_close};
use lnn_core::{Sequence, State};
use tch::{Tensor, no_grad};

/// Half the distance of a central difference.
const STEP: f64 = 1e-6;
const TOLERANCE: f64 = 1e-7;

/// A number that depends on each output and each part of the last state with a weight of its own.
fn loss(outputs: &Tensor, last: &State) -> Tensor {
    let all: Vec<_> = last.tensors().iter().chain([outputs]).map(|tensor| tensor.reshape([-1])).collect();
    let all = Tensor::cat(&all, 0);
    all.dot(&(Tensor::arange(all.size()[0], OPTIONS) + 1.0).sin())
}

fn loss_of_scan(subject: &Subject, from_rest: bool, mask: Option<&Tensor>) -> Tensor {
    let initial = (!from_rest).then_some(&subject.initial);
    let run = subject.cell.scan(Sequence::new(&subject.x).with_mask(mask), initial).unwrap();
    loss(&run.outputs, &run.last)
}

/// All tensors that collect gradients, with their names.
fn leaves(subject: &Subject) -> (Vec<String>, Vec<Tensor>) {
    let parameters = subject.parameters.entries().iter().map(|entry| (entry.name.clone(), &entry.tensor));
    let states = subject.initial.tensors().iter().map(|tensor| ("initial state".to_owned(), tensor));
    let all = parameters.chain(states).chain([("input".to_owned(), &subject.x)]);
    all.filter(|(_, tensor)| tensor.requires_grad()).map(|(name, t)| (name, t.shallow_clone())).unzip()
}

fn gradients(loss: &Tensor, leaves: &[Tensor]) -> Vec<Tensor> {
    let found = Tensor::run_backward(&[loss], leaves, false, false);
    // A tensor that the loss does not depend on has no gradient, which means zero.
    let or_zero = |(found, leaf): (Tensor, &Tensor)| if found.defined() { found } else { leaf.zeros_like() };
    found.into_iter().zip(leaves).map(or_zero).collect()
}

/// (loss(p + h) - loss(p - h)) / 2h for each number p of `leaf`, which is changed in place and put back.
fn central_differences(leaf: &Tensor, loss: &dyn Fn() -> Tensor) -> Tensor {
    let numbers = leaf.detach().view([-1]);
    let differences = (0..numbers.size()[0]).map(|i| {
        let mut number = numbers.get(i);
        let before = number.double_value(&[]);
        let mut loss_at = |value: f64| {
            let _ = number.fill_(value);
            no_grad(loss).double_value(&[])
        };
        let difference = (loss_at(before + STEP) - loss_at(before - STEP)) / (2.0 * STEP);
        loss_at(before);
        difference
    });
    Tensor::from_slice(&differences.collect::<Vec<_>>()).view_as(leaf)
}

fn check_against_differences(subject: &Subject, loss: &dyn Fn() -> Tensor) {
    let (names, leaves) = leaves(subject);
    let found = gradients(&loss(), &leaves);
    for ((name, leaf), found) in names.iter().zip(&leaves).zip(&found) {
        let expected = central_differences(leaf, loss);
        let error = ((found - &expected) / (expected.abs() + 1.0)).abs().max().double_value(&[]);
        assert!(error <= TOLERANCE, "the gradient of {name} is off by {error:e}");
    }
}

pub(crate) fn gradients_are_those_of_central_differences(subject: &Subject) {
    for from_rest in [false, true] {
        check_against_differences(subject, &|| loss_of_scan(subject, from_rest, None));
    }
}

pub(crate) fn gradients_with_a_mask_are_those_of_central_differences(subject: &Subject) {
    for from_rest in [false, true] {
        check_against_differences(subject, &|| loss_of_scan(subject, from_rest, Some(&subject.mask)));
    }
}

/// Where a cell scans by fused code, this compares its backward pass with that of the steps.
pub(crate) fn a_scan_has_the_gradients_of_its_steps(subject: &Subject) {
    let (_, leaves) = leaves(subject);
    let (outputs, last) = step_by_hand(subject);
    let expected = gradients(&loss(&outputs, &last), &leaves);
    for mask in [None, Some(subject.mask.ones_like())] {
        let found = gradients(&loss_of_scan(subject, false, mask.as_ref()), &leaves);
        for (found, expected) in found.iter().zip(&expected) {
            assert_close(found, expected);
        }
    }
}

/// The weights of the state take no part in a step from rest; a gradient of zeros would let weight decay shrink them.
pub(crate) fn one_step_from_rest_has_no_gradient_for_what_takes_no_part(subject: &Subject) {
    let names = ["recurrent_weights", "tau_recurrent_weights"];
    let entries = subject.parameters.entries().iter();
    let idle = entries.filter(|entry| names.contains(&entry.name.as_str()) && entry.tensor.requires_grad());
    let idle: Vec<Tensor> = idle.map(|entry| entry.tensor.shallow_clone()).collect();
    if idle.is_empty() {
        return;
    }
    for (initial, takes_part) in [(None, false), (Some(&subject.initial), true)] {
        let first = subject.x.narrow(1, 0, 1);
        let run = subject.cell.scan(Sequence::new(&first), initial).unwrap();
        let found = Tensor::run_backward(&[loss(&run.outputs, &run.last)], &idle, false, false);
        assert!(found.iter().all(|gradient| gradient.defined() == takes_part));
    }
}

pub(crate) fn a_masked_input_gets_no_gradient(subject: &Subject) {
    let loss = loss_of_scan(subject, false, Some(&subject.mask));
    let gradient = &gradients(&loss, &[subject.x.shallow_clone()])[0];
    let masked = gradient.abs().amax([2], false).masked_select(&subject.mask.logical_not());
    assert_eq!(masked.count_nonzero(None).int64_value(&[]), 0);
}
