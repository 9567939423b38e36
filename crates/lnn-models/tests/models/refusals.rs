//! What cannot be built or fed is refused with a reason.

use crate::{FLOAT, build, configs, input};
use lnn_core::{ContractError, Error as CoreError};
use lnn_models::{
    Encoding, Error, Growth, GrowthRule, InputSpec, LiquidConfig, LnnConfig, Model, ModelConfig, ModelKind,
    Preset, Scan, SnlnnConfig, SpikeSummary, Standardization, Summary,
};
use tch::Tensor;

fn refuse(config: ModelConfig, input: InputSpec, standardization: Standardization) -> Error {
    Model::new(config, input, standardization, 0, FLOAT).unwrap_err()
}

fn snlnn(change: impl FnOnce(&mut SnlnnConfig)) -> Error {
    let mut config = SnlnnConfig { units: 4, max_reservoir_dim: 6, ..SnlnnConfig::tuned() };
    change(&mut config);
    refuse(ModelConfig::Snlnn(config), input(9), Standardization::Channels)
}

fn liquid(change: impl FnOnce(&mut LiquidConfig)) -> Error {
    let mut config = LiquidConfig { units: 4, ..LiquidConfig::tuned() };
    change(&mut config);
    refuse(ModelConfig::Liquid(config), input(9), Standardization::Channels)
}

/// The error is the model's own, and its words hold `part`.
#[track_caller]
fn assert_config(error: &Error, name: &str, part: &str) {
    assert!(matches!(error, Error::Config { model, .. } if *model == name), "{error:?}");
    assert!(error.to_string().contains(part), "{error}");
}

fn sequences() -> InputSpec {
    InputSpec::sequences(vec!["a".into(), "b".into()], vec!["y".into()])
}

#[test]
fn an_lnn_or_a_cllnn_that_cannot_be_built_says_why() {
    let refuse = |config, input| refuse(config, input, Standardization::Channels).to_string();
    let lnn = |change: fn(&mut LnnConfig)| {
        let mut config = LnnConfig::tuned();
        config.reservoir.units = 4;
        change(&mut config);
        refuse(ModelConfig::Lnn(config), input(9))
    };
    assert!(lnn(|config| config.scans.clear()).contains("scans is empty"));
    assert!(lnn(|config| config.window = 2).contains("window must be odd"));
    assert!(lnn(|config| config.stretches = 40).contains("stretches must be 1 to 9"));
    assert!(lnn(|config| config.reservoir.leak_rate = 0.0).contains("leak_rate must be above 0"));
    let small = refuse(ModelConfig::preset(ModelKind::Cllnn, Preset::Tuned).unwrap(), input(4));
    assert!(small.contains("4 x 5 are too small for 3 poolings"), "{small}");
}

#[test]
fn a_batch_of_another_shape_is_refused_with_both_shapes() {
    let model = build(configs().remove(0), 0);
    let error = model.forward(&Tensor::zeros([1, 1, 28, 28], FLOAT), false).unwrap_err();
    assert!(matches!(error, Error::Contract(ContractError::Input { .. })));
    assert_eq!(error.to_string(), "the model takes images [N, 2, 9, 10], found [1, 1, 28, 28]");
}

#[test]
fn models_of_images_refuse_sequences_and_name_the_one_that_takes_them() {
    for kind in [ModelKind::Snlnn, ModelKind::Cllnn, ModelKind::Cifar] {
        let config = ModelConfig::preset(kind, Preset::Tuned).unwrap();
        let name = config.name();
        let error = refuse(config, sequences(), Standardization::Channels);
        assert!(matches!(&error, Error::ImagesOnly { model } if *model == name), "{error:?}");
        assert!(error.to_string().contains("hint: the model liquid takes sequences"), "{error}");
    }
    let liquid = LiquidConfig { units: 4, ..LiquidConfig::article() };
    let error = refuse(ModelConfig::Liquid(liquid), sequences(), Standardization::Columns);
    assert!(matches!(error, Error::Standardization(_)), "{error:?}");
}

#[test]
fn encodings_of_intensities_refuse_standardised_input() {
    for encoding in [Encoding::Rate { steps: 4 }, Encoding::Latency { steps: 4 }] {
        let error = snlnn(|config| config.encoding = encoding);
        assert!(matches!(error, Error::Standardization(_)), "{error:?}");
        assert!(error.to_string().contains("hint: --set standardization=none"), "{error}");
    }
}

#[test]
fn encodings_without_sense_are_named() {
    let encoded = |encoding| snlnn(|config| config.encoding = encoding);
    assert_config(&encoded(Encoding::Current { steps: 0 }), "snlnn", "encoding.steps must be at least 1");
    for threshold in [0.0, -1.0, f64::NAN] {
        let error = encoded(Encoding::Delta { scan: Scan::Rows, threshold });
        assert_config(&error, "snlnn", "encoding.threshold must be a finite number above 0");
    }
    let patches = Encoding::Scan { scan: Scan::Patches { size: 20, stride: 1 } };
    assert_config(&encoded(patches), "snlnn", "patches need a size of 1 to 9");
}

#[test]
fn growth_without_sense_is_named() {
    let grown =
        |rule, units, every_steps| snlnn(|config| config.growth = Growth { rule, units, every_steps });
    for (error, part) in [
        (grown(GrowthRule::Never {}, 0, None), "growth.units must be at least 1, found 0"),
        (grown(GrowthRule::Never {}, 1, Some(0)), "growth.every_steps must be at least 1"),
        (grown(GrowthRule::Activity { above: -0.5 }, 1, None), "growth.rule.above"),
        (grown(GrowthRule::Plateau { patience: 0, threshold: 0.0 }, 1, None), "patience of at least 1"),
    ] {
        assert_config(&error, "snlnn", part);
    }
}

#[test]
fn summaries_must_be_there_and_differ() {
    let rate = SpikeSummary::SpikeRate;
    for summaries in [vec![], vec![rate, rate]] {
        assert_config(
            &snlnn(|config| config.summaries = summaries),
            "snlnn",
            "summaries must be there and differ",
        );
    }
    for summaries in [vec![], vec![Summary::Last, Summary::Last]] {
        assert_config(
            &liquid(|config| config.summaries = summaries),
            "liquid",
            "summaries must be last, mean or both",
        );
    }
}

#[test]
fn dropout_must_leave_something() {
    for dropout in [1.0, -0.1, f64::NAN] {
        let part = "dropout must be at least 0 and below 1";
        assert_config(&snlnn(|config| config.dropout = dropout), "snlnn", part);
        assert_config(&liquid(|config| config.dropout = dropout), "liquid", part);
    }
}

#[test]
fn numbers_out_of_the_range_of_a_cell_are_named() {
    let named = |error: Error, expected: &str| {
        assert!(
            matches!(&error, Error::Core(CoreError::Value { name, .. }) if *name == expected),
            "{error:?}"
        );
    };
    named(snlnn(|config| config.units = 0), "units");
    named(snlnn(|config| config.max_reservoir_dim = 3), "most_units");
    named(snlnn(|config| config.leak_rate = 1.5), "leak_rate");
    named(snlnn(|config| config.threshold = 0.0), "threshold");
    named(snlnn(|config| config.sharpness = f64::INFINITY), "sharpness");
    named(liquid(|config| config.units = 0), "units");
    named(liquid(|config| config.tau.floor = 0.0), "the floor of tau");
    named(liquid(|config| config.tau.initial = [3.0, 2.0]), "tau");
    named(liquid(|config| config.tau.initial = [0.1, 2.0]), "tau");
}
