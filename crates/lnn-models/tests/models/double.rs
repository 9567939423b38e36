//! Models in double precision: built, trained, stored, exported and read back.

use crate::{FLOAT, build, checkpoint, configs, images, standardization};
use lnn_core::{AdamW, AdamWConfig, Role, seeded};
use lnn_models::{Checkpoint, Exported, Input, Mode, Model, ModelConfig};
use tch::{Device, Kind, Tensor};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);
const CONSTANTS: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.01 };

/// A fitted model of `input(9)` in float64.
fn double(config: ModelConfig) -> Model {
    let standardization = standardization(&config);
    let mut model = Model::new(config, crate::input(9), standardization, 0, DOUBLE).unwrap();
    model.fit(&crate::training_set()).unwrap();
    model
}

fn train_a_step(model: &Model) {
    let mut optimizer = AdamW::new(model.parameters(), CONSTANTS).unwrap();
    let output = seeded(1, || model.run(Input::new(images(6)), Mode::Training)).unwrap();
    assert_eq!(output.prediction.kind(), model.parameters().kind());
    let labels = Tensor::arange(6, (Kind::Int64, Device::Cpu)).remainder(3);
    model.loss(&output.prediction, &labels, None, 0.1).backward();
    optimizer.step(2e-3).unwrap();
}

#[test]
fn double_precision_starts_from_the_weights_of_single_precision_and_predicts_nearly_the_same() {
    for config in configs() {
        let (single, double) = (build(config.clone(), 0), double(config.clone()));
        for (a, b) in single.parameters().entries().iter().zip(double.parameters().entries()) {
            assert_eq!((&a.name, b.tensor.kind()), (&b.name, Kind::Double));
            if a.role == Role::Trainable {
                assert_eq!(a.tensor.to_kind(Kind::Double), b.tensor, "{config:?}: {}", a.name);
            }
        }
        let predict = |model: &Model| tch::no_grad(|| model.forward(&images(6), false).unwrap());
        let (found, expected) = (predict(&double), predict(&single));
        assert_eq!(found.kind(), Kind::Double);
        // A rounding may let a unit spike in one of the two.
        if !matches!(config, ModelConfig::Snlnn(_)) {
            let difference = (&found - expected).abs().max().double_value(&[]);
            assert!(difference < 1e-4, "{config:?}: {difference}");
        }
    }
}

#[test]
fn a_model_in_double_precision_trains_and_comes_back_from_its_files_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    for config in configs() {
        let model = double(config.clone());
        train_a_step(&model);
        let finite = |entry: &lnn_core::Parameter| entry.tensor.isfinite().all().int64_value(&[]) == 1;
        assert!(model.parameters().entries().iter().all(finite), "{config:?}");
        let stored = checkpoint(&model);
        let path = folder.path().join("model.safetensors");
        stored.save(&path).unwrap();
        let loaded = Checkpoint::load(&path).unwrap();
        assert_eq!(loaded.kind(), Kind::Double);
        let predict = |model: &Model| tch::no_grad(|| model.forward(&images(6), false).unwrap());
        let expected = predict(&model);
        assert_eq!(predict(&loaded.model(Device::Cpu).unwrap()), expected, "{config:?}");
        // The module has the same dtype, and comes back with it.
        let bytes = loaded.to_torchscript(serde_json::Value::Null).unwrap();
        let module = tch::CModule::load_data(&mut bytes.as_slice()).unwrap();
        let x = images(6).to_kind(Kind::Double);
        let found = tch::no_grad(|| module.forward_ts(&[&x]).unwrap());
        assert_eq!(found.kind(), Kind::Double);
        let exact = tch::no_grad(|| model.forward(&x, false).unwrap());
        let largest = exact.abs().max().double_value(&[]).max(1.0);
        assert!((found - exact).abs().max().double_value(&[]) < 1e-10 * largest, "{config:?}");
        let path = folder.path().join("model.pt");
        std::fs::write(&path, &bytes).unwrap();
        let exported = Exported::load(&path).unwrap();
        assert_eq!(exported.description.input.dtype, "float64");
        let back = exported.to_checkpoint().unwrap();
        assert_eq!(predict(&back.model(Device::Cpu).unwrap()), expected, "{config:?}");
    }
}

#[test]
fn inputs_in_double_precision_are_standardised_before_they_become_single() {
    let input = lnn_models::InputSpec::sequences(vec!["a".into()], vec!["y".into()]);
    let config = crate::sequence_configs().remove(0);
    let standardization = lnn_models::Standardization::Channels;
    let mut model = Model::new(config, input, standardization, 0, FLOAT).unwrap();
    // Neighbouring values differ by less than float32 can tell.
    let x = Tensor::arange(70, DOUBLE).view([10, 7, 1]) * 1e-3 + 1e6;
    model.fit(&crate::stored(x.shallow_clone(), &Tensor::zeros([10, 1], FLOAT))).unwrap();
    let predict = |x: &Tensor| tch::no_grad(|| model.forward(x, false).unwrap());
    let found = predict(&x.narrow(0, 3, 1)) - predict(&x.narrow(0, 4, 1));
    assert_eq!(found.kind(), Kind::Double, "values are in the precision of their statistics");
    assert!(found.abs().max().double_value(&[]) > 1e-4);
}
