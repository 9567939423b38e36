//! Laws of every model: what must hold whatever the weights.

use crate::{FLOAT, assert_close, build, configs, forward, images};
use lnn_core::Role;
use lnn_models::{
    CifarConfig, Encoding, InputSpec, Model, ModelConfig, ModelKind, Preset, Scan, Standardization,
};
use tch::{Device, Kind, Tensor};

#[test]
fn permuting_the_batch_permutes_the_logits_and_a_batch_of_one_is_a_row() {
    for config in configs() {
        let model = build(config.clone(), 0);
        // So many that the convolutions of the batch take the form of few products; those of a single image do not.
        let images = images(18);
        let logits = forward(&model, &images);
        assert_eq!(logits.size(), [18, 3]);
        let order = (Tensor::arange(18, (Kind::Int64, Device::Cpu)) * 5 + 3).remainder(18);
        let permuted = forward(&model, &images.index_select(0, &order));
        assert_close(&permuted, &logits.index_select(0, &order), &format!("{config:?}"));
        assert_close(
            &forward(&model, &images.narrow(0, 2, 1)),
            &logits.narrow(0, 2, 1),
            &format!("{config:?}"),
        );
    }
}

#[test]
fn where_the_mirror_image_counts_an_image_and_its_mirror_have_the_same_logits() {
    for mirror in [true, false] {
        let preset = CifarConfig { channels: vec![8, 9], units: 6, ..CifarConfig::conv() };
        let model = build(ModelConfig::Cifar(CifarConfig { mirror, ..preset }), 0);
        let logits = |x: &Tensor| forward(&model, x);
        let apart = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
        let images = images(6);
        assert_eq!(apart(&logits(&images), &logits(&images.flip([3]))) < 1e-5, mirror);
        // In training an image is seen as it is.
        let trained = |x: &Tensor| model.forward(x, true).unwrap().detach();
        assert!(apart(&trained(&images), &trained(&images.flip([3]))) > 1e-4);
    }
}

#[test]
fn the_same_seed_builds_the_same_model_and_another_seed_another() {
    for config in configs() {
        let images = images(3);
        let logits = |seed| forward(&build(config.clone(), seed), &images);
        assert_eq!(logits(4), logits(4), "{config:?}");
        assert_ne!(logits(4), logits(5), "{config:?}");
    }
}

#[test]
fn the_reservoirs_that_do_not_spike_never_train_and_everything_that_trains_gets_a_gradient() {
    for config in configs() {
        let model = build(config.clone(), 0);
        for entry in model.parameters().entries() {
            let fixed = (entry.name.contains("reservoir") && model.active_units().is_none())
                || entry.name == "reservoir.active"
                || entry.name.starts_with("preprocessing");
            assert!(!fixed || entry.role == Role::Buffer, "{} trains", entry.name);
        }
        let images = images(5);
        let labels = Tensor::from_slice(&[0_i64, 1, 2, 1, 0]);
        model.forward(&images, true).unwrap().cross_entropy_for_logits(&labels).backward();
        for entry in model.parameters().entries().iter().filter(|entry| entry.role == Role::Trainable) {
            let gradient = entry.tensor.grad();
            // One step from a zero state never uses recurrent weights: that is what the article presets lack.
            let one_step = match &config {
                ModelConfig::Cllnn(config) => config.scan == Scan::Whole,
                ModelConfig::Snlnn(config) => config.encoding == Encoding::Current { steps: 1 },
                _ => false,
            };
            let reached = gradient.defined() && gradient.abs().max().double_value(&[]) > 0.0;
            let expected = !(one_step && entry.name.ends_with("recurrent_weights"));
            assert_eq!(reached, expected, "{config:?}: {}", entry.name);
        }
    }
}

#[test]
fn the_presets_have_the_layers_of_their_articles() {
    let mnist = InputSpec::images([1, 28, 28], (0..10).map(|class| class.to_string()).collect());
    let shapes = |kind| {
        let config = ModelConfig::preset(kind, Preset::Article).unwrap();
        let model = Model::shapes(config, mnist.clone(), Standardization::Columns, FLOAT.0).unwrap();
        let entries = model.parameters().entries();
        entries.iter().map(|entry| (entry.name.clone(), entry.tensor.size())).collect::<Vec<_>>()
    };
    let has = |shapes: &[(String, Vec<i64>)], name: &str, shape: &[i64]| {
        assert!(shapes.iter().any(|(n, s)| n == name && s == shape), "{name} {shape:?} is not in {shapes:?}");
    };
    let lnn = shapes(ModelKind::Lnn);
    has(&lnn, "reservoir0.recurrent_weights", &[1000, 1000]);
    has(&lnn, "reservoir0.input_weights", &[1000, 784]);
    has(&lnn, "readout.weight", &[10, 1000]);
    let cllnn = shapes(ModelKind::Cllnn);
    for (i, shape) in [[32, 1, 3, 3], [64, 32, 3, 3], [128, 64, 3, 3]].iter().enumerate() {
        has(&cllnn, &format!("block{i}.convolution.weight"), shape);
    }
    has(&cllnn, "reservoir.input_weights", &[512, 1152]);
    has(&cllnn, "lstm.recurrent_weights", &[512, 128]);
    has(&cllnn, "readout.weight", &[10, 128]);
    let snlnn = shapes(ModelKind::Snlnn);
    has(&snlnn, "reservoir.input_weights", &[1000, 784]);
    has(&snlnn, "readout.weight", &[10, 1000]);
    let liquid = shapes(ModelKind::Liquid);
    has(&liquid, "cell.input_weights", &[20, 28]);
    has(&liquid, "cell.recurrent_bias", &[20]);
    has(&liquid, "cell.tau", &[20]);
}
