//! What leaves for Python is what trained here, and what comes back is checked.

mod equal;
mod round_trip;

use lnn_core::random::{rand, rand_like, seeded};
use lnn_models::{
    Checkpoint, Description, FORMAT_VERSION, GruConfig, InputSpec, LstmConfig, Model, ModelConfig, ModelKind,
    Preset, Standardization,
};
use tch::{Device, Kind, Tensor};

/// Small colour images, higher than wide, so that no axis can stand in for another.
fn input() -> InputSpec {
    let class_names = ["one", "two", "three"].map(str::to_owned).to_vec();
    InputSpec::images([2, 12, 9], class_names)
}

/// Images in 0..1.
fn images(count: i64) -> Tensor {
    seeded(5, || rand([count, 2, 12, 9], (Kind::Float, Device::Cpu)))
}

/// A preset with a smaller reservoir, and without the dropout that no two passes share.
fn small(kind: ModelKind, preset: Preset) -> ModelConfig {
    let mut config = ModelConfig::preset(kind, preset).unwrap();
    match &mut config {
        ModelConfig::Lnn(config) => config.reservoir.units = 40,
        ModelConfig::Snlnn(config) => {
            (config.units, config.max_reservoir_dim) = (14, 20);
            config.input_scale = 0.5;
            (config.threshold, config.dropout) = (0.2, 0.0);
        }
        ModelConfig::Liquid(config) => (config.units, config.dropout) = (12, 0.0),
        ModelConfig::Cifar(config) => {
            (config.units, config.dropout, config.stretches) = (9, 0.0, 1);
            if !config.channels.is_empty() {
                config.channels = vec![8, 9];
            }
        }
        ModelConfig::Lstm(LstmConfig(config)) | ModelConfig::Gru(GruConfig(config)) => {
            (config.units, config.dropout) = (10, 0.0);
        }
        ModelConfig::Ltc(config) => (config.units, config.dropout, config.unfolds) = (9, 0.0, 3),
        ModelConfig::Cfc(config) => {
            (config.units, config.dropout) = (9, 0.0);
            (config.backbone.units, config.backbone.dropout) = (7, 0.0);
        }
        ModelConfig::Cllnn(config) => {
            // As many channels as the product form of the convolution needs.
            config.channels = vec![8, 9];
            config.reservoir.units = 30;
            config.lstm_units = 10;
        }
    }
    config
}

/// A checkpoint in which no tensor is all zeros or ones, as a trained one.
fn checkpoint(config: &ModelConfig, standardization: Standardization) -> Checkpoint {
    let model = Model::new(config.clone(), input(), standardization, 3, (Kind::Float, Device::Cpu)).unwrap();
    for entry in model.parameters().entries() {
        if standardization == Standardization::None && entry.name.starts_with("preprocessing.") {
            continue; // no training changes these
        }
        if ["polarity", "head_mask"].iter().any(|fixed| entry.name.ends_with(fixed)) {
            continue; // nor a wiring
        }
        let noise = seeded(4, || rand_like(&entry.tensor.detach())) * 0.2;
        let _ = entry.tensor.detach().g_add_(&noise);
    }
    Checkpoint {
        description: Description {
            format_version: FORMAT_VERSION,
            program_version: "1.2.3".into(),
            program_commit: "abc".into(),
            model: config.clone(),
            input: input(),
            standardization,
            data: "made-up".into(),
            seed: 3,
            loss: lnn_core::Loss::Mse,
            input_noise: 0.0,
            training: serde_json::json!({ "epoch": 5 }),
        },
        model: model.parameters().snapshot(),
        optimizer: Vec::new(),
        data: Vec::new(),
    }
}

/// The bytes of the checkpoint's module.
fn exported(checkpoint: &Checkpoint) -> Vec<u8> {
    checkpoint.to_torchscript(serde_json::json!({ "val_accuracy": 0.5 })).unwrap()
}

#[track_caller]
fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.size(), expected.size());
    let error = (found - expected).abs().max().double_value(&[]);
    // Written so that NaN fails.
    assert!(error <= tolerance, "off by {error:e}");
}
