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

pub(crate) fn gradients(loss: &Tensor, leaves: &[Tensor]) -> Vec<Tensor> {
    let found = Tensor::run_backward(&[loss], leaves, false, false);
    // A tensor that the loss does not depend on has no gradient, which means zero.
    let or_zero = |(found, leaf): (Tensor, &Tensor)| if found.defined() { found } else { leaf.zeros_like() };
    found.into_iter().zip(leaves).map(or_zero).collect()
}

/// The number of directions in which a tensor is moved, if it does not have fewer numbers.
const DIRECTIONS: i64 = 4;

/// Directions `[D, N]` of which each moves all numbers of `leaf` by one, up or down; for a small tensor each moves one number alone.
fn directions(leaf: &Tensor) -> Tensor {
    let count = leaf.numel() as i64;
    if count <= DIRECTIONS {
        return Tensor::eye(count, OPTIONS);
    }
    let direction = |k: i64| (Tensor::arange(count, OPTIONS) * (1.3 + k as f64) + 0.5).sin().sign();
    Tensor::stack(&(0..DIRECTIONS).map(direction).collect::<Vec<_>>(), 0)
}

/// (loss(p + h·d) - loss(p - h·d)) / 2h for each direction d of `leaf`, which is changed in place and put back.
fn central_differences(leaf: &Tensor, directions: &Tensor, loss: &dyn Fn() -> Tensor) -> Tensor {
    let numbers = leaf.detach();
    let before = numbers.copy();
    let differences = directions.unbind(0).into_iter().map(|direction| {
        let direction = direction.view_as(&numbers);
        let loss_at = |distance: f64| {
            numbers.shallow_clone().copy_(&(&before + &direction * distance));
            no_grad(loss).double_value(&[])
        };
        (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP)
    });
    let differences = Tensor::from_slice(&differences.collect::<Vec<_>>());
    numbers.shallow_clone().copy_(&before);
    differences
}

fn check_against_differences(subject: &Subject, loss: &dyn Fn() -> Tensor) {
    let (names, leaves) = leaves(subject);
    let found = gradients(&loss(), &leaves);
    for ((name, leaf), found) in names.iter().zip(&leaves).zip(&found) {
        let directions = directions(leaf);
        let expected = central_differences(leaf, &directions, loss);
        let found = directions.mv(&found.reshape([-1]));
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
