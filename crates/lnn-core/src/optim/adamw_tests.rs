//! `AdamW`: restoring, weight decay, and what it refuses.

use super::*;
use crate::parameters::init::Init;
use tch::Device;

const CONFIG: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 };

fn example() -> Parameters {
    let mut parameters = Parameters::drawn(1, Kind::Float, Device::Cpu);
    let mut root = parameters.root();
    let _ = root.trainable("weight", &[4, 3], &Init::Normal { deviation: 1.0 }).unwrap();
    let _ = root.trainable("bias", &[4], &Init::Constant(1.0)).unwrap();
    parameters
}

fn train(parameters: &Parameters, optimizer: &mut AdamW, steps: std::ops::Range<i64>) {
    for step in steps {
        let x = (Tensor::arange(24, (Kind::Float, Device::Cpu)) * (step + 1)).sin().view([8, 3]);
        let trainable = parameters.trainable();
        x.linear(&trainable[0], Some(&trainable[1])).square().mean(Kind::Float).backward();
        optimizer.step(1e-2).unwrap();
    }
}

#[test]
fn an_optimizer_that_was_stored_and_restored_goes_on_bit_for_bit() {
    let (whole, halves) = (example(), example());
    train(&whole, &mut AdamW::new(&whole, CONFIG).unwrap(), 0..10);
    let mut first = AdamW::new(&halves, CONFIG).unwrap();
    train(&halves, &mut first, 0..5);
    let mut second = AdamW::new(&halves, CONFIG).unwrap();
    second.restore(first.steps(), &first.snapshot()).unwrap();
    train(&halves, &mut second, 5..10);
    for (a, b) in whole.entries().iter().zip(halves.entries()) {
        assert_eq!(a.tensor, b.tensor);
    }
}

#[test]
fn weight_decay_shrinks_matrices_and_leaves_biases_alone() {
    let parameters = example();
    let before = parameters.snapshot();
    let trainable = parameters.trainable();
    ((&trainable[0] * 0.0).sum(Kind::Float) + (&trainable[1] * 0.0).sum(Kind::Float)).backward();
    AdamW::new(&parameters, CONFIG).unwrap().step(1.0).unwrap();
    let after = parameters.snapshot();
    assert!((&after[0].1 - &before[0].1 * 0.9).abs().max().double_value(&[]) < 1e-6);
    assert_eq!(after[1].1, before[1].1);
}

#[test]
fn a_parameter_that_the_loss_did_not_reach_stays_as_it_is() {
    let parameters = example();
    let before = parameters.snapshot();
    parameters.trainable()[1].sum(Kind::Float).backward();
    AdamW::new(&parameters, CONFIG).unwrap().step(1.0).unwrap();
    let after = parameters.snapshot();
    assert_eq!(after[0].1, before[0].1);
    assert_ne!(after[1].1, before[1].1);
}

#[test]
fn constants_out_of_range_and_foreign_moments_are_refused() {
    let parameters = example();
    let error = AdamW::new(&parameters, AdamWConfig { beta1: 1.0, ..CONFIG }).unwrap_err().to_string();
    assert_eq!(error, "beta1 must be at least 0 and below 1, found 1");
    let mut optimizer = AdamW::new(&parameters, CONFIG).unwrap();
    assert!(optimizer.restore(3, &[]).is_err());
    assert_eq!(optimizer.steps(), 0);
}

/// Trains one weight from step 1 and another from step `late`, each with the gradient 3, and returns how far both moved in the
/// five steps from then on.
fn moved(late: i64, announced: bool) -> [f64; 2] {
    let mut parameters = Parameters::drawn(1, Kind::Double, Device::Cpu);
    let weight = parameters.root().trainable("weight", &[2], &Init::Constant(0.0)).unwrap();
    let mut optimizer = AdamW::new(&parameters, CONFIG).unwrap();
    let mut before = weight.detach().copy();
    for step in 1..late + 5 {
        if step == late {
            before = weight.detach().copy();
            if announced {
                optimizer.units_added();
            }
        }
        let scale = Tensor::from_slice(&[3.0, if step < late { 0.0 } else { 3.0 }]);
        (&weight * scale).sum(Kind::Double).backward();
        optimizer.step(1e-2).unwrap();
    }
    let moved = weight.detach() - before;
    [0, 1].map(|i| moved.double_value(&[i]))
}

#[test]
fn a_weight_whose_gradients_begin_late_takes_no_longer_steps_than_the_others() {
    let [early, late] = moved(200, true);
    assert!((early + 0.05).abs() < 1e-7, "five steps of the learning rate, found {early}");
    assert!((late - early).abs() < 1e-7, "{late} instead of {early}");
    // Unannounced, the late weight's steps are those of a moment that is corrected too little.
    assert!(moved(200, false)[1] < 1.5 * early);
}

#[test]
#[allow(clippy::float_cmp)] // the same arithmetic
fn from_the_first_step_on_it_makes_no_difference() {
    assert_eq!(moved(1, true), moved(1, false));
}
