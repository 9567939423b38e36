//! Mixed precision: products in bfloat16 give nearly what float32 gives, and everything that is kept stays float32.

use crate::{build, configs, images};
use lnn_core::{AdamW, AdamWConfig, Role, seeded};
use lnn_models::{Input, Mode, Model, ModelConfig};
use lnn_sys::autocast;
use tch::{Device, Kind, Tensor};

const CONSTANTS: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.0 };

/// The losses of a few steps on one batch, in bfloat16 where that is `short`.
fn losses(config: &ModelConfig, short: bool) -> Vec<f64> {
    let model = build(config.clone(), 0);
    let mut optimizer = AdamW::new(model.parameters(), CONSTANTS).unwrap();
    (0..6).map(|_| step(&model, &mut optimizer, short)).collect()
}

fn step(model: &Model, optimizer: &mut AdamW, short: bool) -> f64 {
    let images = images(24);
    let run = || seeded(1, || model.run(Input::new(images), Mode::Training)).unwrap();
    let output = if short { autocast(Device::Cpu, Kind::BFloat16, run).unwrap() } else { run() };
    assert_eq!(output.prediction.kind(), Kind::Float);
    let labels = Tensor::arange(24, (Kind::Int64, Device::Cpu)).remainder(3);
    let loss = model.loss(&output.prediction, &labels, None, 0.0);
    assert_eq!(loss.kind(), Kind::Float);
    loss.backward();
    for entry in model.parameters().entries().iter().filter(|entry| entry.role == Role::Trainable) {
        let gradient = entry.tensor.grad();
        assert!(!gradient.defined() || gradient.kind() == Kind::Float, "{}", entry.name);
    }
    optimizer.step(2e-3).unwrap();
    for entry in model.parameters().entries() {
        assert_eq!(entry.tensor.kind(), Kind::Float, "{}", entry.name);
        assert!(entry.tensor.isfinite().all().int64_value(&[]) == 1, "{}", entry.name);
    }
    loss.double_value(&[])
}

#[test]
fn a_few_steps_in_bfloat16_stay_near_those_in_float32() {
    for config in configs() {
        let (long, short) = (losses(&config, false), losses(&config, true));
        for (long, short) in long.iter().zip(&short) {
            assert!((short / long - 1.0).abs() < 0.04, "{config:?}: {long} and {short}");
        }
        assert!(long.last() < long.first() && short.last() < short.first(), "{config:?}: {long:?} {short:?}");
        assert_ne!(long, short, "{config:?}: nothing was computed in bfloat16");
    }
}

#[test]
fn a_fixed_front_is_the_same_in_mixed_precision() {
    for config in configs().iter().filter(|config| matches!(config, ModelConfig::Lnn(_))) {
        let model = build(config.clone(), 0);
        let front = || model.front(Input::new(images(5))).unwrap().x;
        assert_eq!(front(), autocast(Device::Cpu, Kind::BFloat16, front).unwrap());
    }
}
