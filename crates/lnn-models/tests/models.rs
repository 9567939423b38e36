//! Laws of every model: what must hold whatever the weights.

use lnn_core::{Role, seeded};
use lnn_models::{
    CllnnConfig, Error, InputSpec, LnnConfig, Model, ModelConfig, ModelKind, Preset, Scan, Standardization,
    Summary,
};
use tch::{Device, Kind, Tensor};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

fn input(extent: i64) -> InputSpec {
    let class_names = ["a", "b", "c"].map(String::from).to_vec();
    InputSpec::images([2, extent, extent + 1], class_names)
}

/// Every preset, small, and the forms that no preset has.
fn configs() -> Vec<ModelConfig> {
    let mut configs = Vec::new();
    for preset in [Preset::Article, Preset::Tuned] {
        let mut lnn = LnnConfig::preset(preset);
        lnn.reservoir.units = 12;
        for (stretches, summary) in [(1, Summary::Last), (1, Summary::Mean)] {
            configs.push(ModelConfig::Lnn(LnnConfig { stretches, summary, ..lnn.clone() }));
        }
        for scan in [Scan::Whole, Scan::Rows, Scan::ColumnsReversed, Scan::Positions] {
            let mut cllnn = CllnnConfig::preset(preset);
            cllnn.reservoir.units = 12;
            configs.push(ModelConfig::Cllnn(CllnnConfig {
                scan,
                channels: vec![3, 4],
                lstm_units: 5,
                ..cllnn
            }));
        }
    }
    configs
}

fn build(config: ModelConfig, seed: u64) -> Model {
    let images =
        Tensor::arange(2 * 9 * 10 * 20, (Kind::Int64, Device::Cpu)).remainder(251).to_kind(Kind::Uint8);
    let mut model = Model::new(config, input(9), Standardization::Channels, seed, Device::Cpu).unwrap();
    model.fit_preprocessing(&images.view([20, 2, 9, 10])).unwrap();
    model
}

fn forward(model: &Model, images: &Tensor) -> Tensor {
    tch::no_grad(|| model.forward(images, false).unwrap())
}

fn assert_close(a: &Tensor, b: &Tensor, what: &str) {
    let difference = (a - b).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "{what}: {difference}");
}

#[test]
fn permuting_the_batch_permutes_the_logits_and_a_batch_of_one_is_a_row() {
    for config in configs() {
        let model = build(config.clone(), 0);
        let images = Tensor::rand([7, 2, 9, 10], FLOAT);
        let logits = forward(&model, &images);
        assert_eq!(logits.size(), [7, 3]);
        let order = Tensor::from_slice(&[3_i64, 1, 6, 0, 5, 2, 4]);
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
fn the_same_seed_builds_the_same_model_and_another_seed_another() {
    for config in configs() {
        let images = Tensor::rand([3, 2, 9, 10], FLOAT);
        let logits = |seed| forward(&build(config.clone(), seed), &images);
        assert_eq!(logits(4), logits(4), "{config:?}");
        assert_ne!(logits(4), logits(5), "{config:?}");
    }
}

#[test]
fn the_reservoirs_never_train_and_everything_that_trains_gets_a_gradient() {
    for config in configs() {
        let model = build(config.clone(), 0);
        for entry in model.parameters().entries() {
            let fixed = entry.name.contains("reservoir") || entry.name.starts_with("preprocessing");
            assert!(!fixed || entry.role == Role::Buffer, "{} trains", entry.name);
        }
        let images = seeded(0, || Tensor::rand([5, 2, 9, 10], FLOAT));
        let labels = Tensor::from_slice(&[0_i64, 1, 2, 1, 0]);
        model.forward(&images, true).unwrap().cross_entropy_for_logits(&labels).backward();
        for entry in model.parameters().entries().iter().filter(|entry| entry.role == Role::Trainable) {
            let gradient = entry.tensor.grad();
            assert!(gradient.defined(), "{config:?}: {} has no gradient", entry.name);
            // One step from a zero state never uses recurrent weights: that is what the article preset lacks.
            let one_step = matches!(&config, ModelConfig::Cllnn(config) if config.scan == Scan::Whole);
            let reached = gradient.abs().max().double_value(&[]) > 0.0;
            let expected = !(one_step && entry.name == "lstm.recurrent_weights");
            assert_eq!(reached, expected, "{config:?}: {}", entry.name);
        }
    }
}

#[test]
fn the_presets_have_the_layers_of_their_articles() {
    let mnist = InputSpec::images([1, 28, 28], (0..10).map(|class| class.to_string()).collect());
    let shapes = |kind| {
        let config = ModelConfig::preset(kind, Preset::Article);
        let model = Model::blank(config, mnist.clone(), Standardization::Columns, Device::Cpu).unwrap();
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
}

#[test]
fn what_cannot_be_built_or_fed_is_refused_with_a_reason() {
    let refuse = |config, input| {
        Model::new(config, input, Standardization::Channels, 0, Device::Cpu).unwrap_err().to_string()
    };
    let lnn = |change: fn(&mut LnnConfig)| {
        let mut config = LnnConfig::preset(Preset::Tuned);
        config.reservoir.units = 4;
        change(&mut config);
        refuse(ModelConfig::Lnn(config), input(9))
    };
    assert!(lnn(|config| config.scans.clear()).contains("scans is empty"));
    assert!(lnn(|config| config.window = 2).contains("window must be odd"));
    assert!(lnn(|config| config.stretches = 40).contains("stretches must be 1 to 9"));
    assert!(lnn(|config| config.reservoir.leak_rate = 0.0).contains("leak_rate must be above 0"));
    let small = refuse(ModelConfig::preset(ModelKind::Cllnn, Preset::Tuned), input(4));
    assert!(small.contains("4 x 5 are too small for 3 poolings"), "{small}");
    let model = build(configs().remove(0), 0);
    let error = model.forward(&Tensor::zeros([1, 1, 28, 28], FLOAT), false).unwrap_err();
    assert!(matches!(error, Error::Input { .. }));
    assert_eq!(error.to_string(), "the model takes images [N, 2, 9, 10], found [1, 1, 28, 28]");
}
