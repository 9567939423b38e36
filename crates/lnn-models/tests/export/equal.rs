//! The module computes what the model computes: values, gradients and the statistics that training keeps.

use crate::{assert_close, checkpoint, exported, images, input, small};
use lnn_core::{Backbone, BackboneActivation, ClosedFormMode, OdeSolver, WiringConfig};
use lnn_models::{
    CfcConfig, Checkpoint, CifarConfig, Encoding, GatedConfig, LiquidConfig, LnnConfig, LstmConfig,
    LtcConfig, ModelConfig, ModelKind, Preset, Scan, SnlnnConfig, Standardization, Summary,
};
use tch::{CModule, Device, Kind, Reduction, Tensor};

fn module(checkpoint: &Checkpoint) -> CModule {
    CModule::load_data(&mut exported(checkpoint).as_slice()).unwrap()
}

/// Every preset of every model, then each option that no preset takes.
fn configurations() -> Vec<ModelConfig> {
    let mut all = Vec::new();
    for &kind in ModelKind::ALL {
        all.extend(kind.presets().iter().map(|info| small(kind, info.preset)));
    }
    let ModelConfig::Lnn(base) = small(ModelKind::Lnn, Preset::Tuned) else { unreachable!() };
    all.push(ModelConfig::Lnn(LnnConfig { summary: Summary::Last, stretches: 5, ..base.clone() }));
    all.push(ModelConfig::Lnn(LnnConfig { window: 1, standardize: false, ..base.clone() }));
    let scans = vec![Scan::Positions, Scan::ColumnsReversed, Scan::Whole];
    all.push(ModelConfig::Lnn(LnnConfig { scans, stretches: 1, window: 3, ..base }));
    let ModelConfig::Liquid(base) = small(ModelKind::Liquid, Preset::Tuned) else { unreachable!() };
    for scan in [Scan::Whole, Scan::Columns, Scan::Patches { size: 3, stride: 2 }] {
        all.push(ModelConfig::Liquid(LiquidConfig { scan, summaries: vec![Summary::Mean], ..base.clone() }));
    }
    for layers in [2, 3] {
        all.push(ModelConfig::Liquid(LiquidConfig { layers, ..base.clone() }));
    }
    let ModelConfig::Cifar(base) = small(ModelKind::Cifar, Preset::Tuned) else { unreachable!() };
    let scans = vec![Scan::Patches { size: 8, stride: 4 }, Scan::Rows];
    all.push(ModelConfig::Cifar(CifarConfig { layers: 2, scans, ..base }));
    let ModelConfig::Lstm(base) = small(ModelKind::Lstm, Preset::Tuned) else { unreachable!() };
    all.push(ModelConfig::Lstm(LstmConfig(GatedConfig { layers: 2, ..base.0 })));
    let policy = WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed: 1 };
    let ModelConfig::Ltc(base) = small(ModelKind::Ltc, Preset::Tuned) else { unreachable!() };
    for solver in [OdeSolver::Euler, OdeSolver::RungeKutta] {
        all.push(ModelConfig::Ltc(LtcConfig { solver, unfolds: 60, layers: 2, ..base.clone() }));
    }
    all.push(ModelConfig::Ltc(LtcConfig { mixed_memory: true, wiring: policy.clone(), ..base }));
    let ModelConfig::Cfc(base) = small(ModelKind::Cfc, Preset::Tuned) else { unreachable!() };
    for (mode, layers, activation) in [
        (ClosedFormMode::NoGate, 2, BackboneActivation::Gelu),
        (ClosedFormMode::Pure, 0, BackboneActivation::Relu),
        (ClosedFormMode::Default, 1, BackboneActivation::Silu),
    ] {
        let backbone = Backbone { layers, activation, ..base.backbone.clone() };
        all.push(ModelConfig::Cfc(CfcConfig { mode, backbone, layers: 2, ..base.clone() }));
    }
    for mixed_memory in [false, true] {
        let backbone = Backbone { layers: 0, ..base.backbone.clone() };
        let wiring = Some(policy.clone());
        all.push(ModelConfig::Cfc(CfcConfig { wiring, backbone, mixed_memory, ..base.clone() }));
    }
    let ModelConfig::Snlnn(base) = small(ModelKind::Snlnn, Preset::Tuned) else { unreachable!() };
    let patches = Scan::PatchesByColumn { size: 4, stride: 3 };
    for encoding in
        [Encoding::Delta { scan: Scan::Columns, threshold: 0.2 }, Encoding::Scan { scan: patches }]
    {
        all.push(ModelConfig::Snlnn(SnlnnConfig { encoding, bias: false, ..base.clone() }));
    }
    let ModelConfig::Cllnn(base) = small(ModelKind::Cllnn, Preset::Tuned) else { unreachable!() };
    for scan in [Scan::RowsReversed, Scan::Columns, Scan::ColumnsReversed, Scan::Positions] {
        let mut config = base.clone();
        config.scan = scan;
        config.reservoir.bias_scale = 0.3;
        config.batch_norm = scan != Scan::Columns;
        all.push(ModelConfig::Cllnn(config));
    }
    all
}

#[test]
fn the_module_gives_the_logits_of_the_model_for_every_configuration_and_batch() {
    for config in configurations() {
        for standardization in [Standardization::Channels, Standardization::Columns] {
            let checkpoint = checkpoint(&config, standardization);
            let (model, module) = (checkpoint.model(Device::Cpu).unwrap(), module(&checkpoint));
            for batch in [1, 2, 7, 64, 2] {
                let x = images(batch);
                let expected = tch::no_grad(|| model.forward(&x, false)).unwrap();
                // The linear model's logits grow with its perturbed weights.
                let largest = expected.abs().max().double_value(&[]).max(1.0);
                assert_close(&module.forward_ts(&[x]).unwrap(), &expected, 1e-5 * largest);
            }
        }
    }
}

#[test]
fn the_module_spreads_intensities_over_time_as_the_model_does() {
    let ModelConfig::Snlnn(base) = small(ModelKind::Snlnn, Preset::Tuned) else { unreachable!() };
    for encoding in [Encoding::Rate { steps: 7 }, Encoding::Latency { steps: 5 }] {
        let config = ModelConfig::Snlnn(SnlnnConfig { encoding, ..base.clone() });
        let checkpoint = checkpoint(&config, Standardization::None);
        let x = images(9);
        let expected = tch::no_grad(|| checkpoint.model(Device::Cpu).unwrap().forward(&x, false)).unwrap();
        assert_close(&module(&checkpoint).forward_ts(&[x]).unwrap(), &expected, 1e-5);
    }
}

fn loss(logits: &Tensor) -> Tensor {
    let labels = Tensor::arange(logits.size()[0], (Kind::Int64, Device::Cpu)).remainder(input().outputs());
    logits.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0)
}

#[test]
fn the_module_has_the_gradients_of_the_model_in_training_and_in_evaluation() {
    for config in configurations() {
        let checkpoint = checkpoint(&config, Standardization::Channels);
        let x = images(18);
        for training in [false, true] {
            let (model, mut module) = (checkpoint.model(Device::Cpu).unwrap(), module(&checkpoint));
            if training {
                module.f_set_train().unwrap();
            }
            let named = module.named_parameters().unwrap();
            let entries = model.parameters().entries().iter().filter(|entry| entry.tensor.requires_grad());
            let (own, other): (Vec<_>, Vec<_>) = entries
                .map(|entry| (&entry.tensor, &named.iter().find(|(name, _)| *name == entry.name).unwrap().1))
                .unzip();
            assert_eq!(own.len(), named.len(), "every parameter of the module is one that trains");
            // Twice: libtorch compiles a module anew after it has watched a first call.
            for _ in 0..2 {
                let expected = loss(&model.forward(&x, training).unwrap());
                let found = loss(&module.forward_ts(&[&x]).unwrap());
                let expected = Tensor::run_backward(&[expected], &own, false, false);
                let found = Tensor::run_backward(&[found], &other, false, false);
                for (found, expected) in found.iter().zip(&expected) {
                    // What one step from rest does not reach has no gradient, or zeros.
                    let [found, expected] = match (found.defined(), expected.defined()) {
                        (true, true) => [found.shallow_clone(), expected.shallow_clone()],
                        (true, false) => [found.shallow_clone(), found.zeros_like()],
                        (false, true) => [expected.zeros_like(), expected.shallow_clone()],
                        (false, false) => continue,
                    };
                    let largest = expected.abs().max().double_value(&[]);
                    assert_close(&found, &expected, 1e-5 * largest.max(1.0));
                }
            }
        }
    }
}

#[test]
fn training_takes_the_statistics_of_the_batch_and_keeps_them_as_the_model_does() {
    let checkpoint = checkpoint(&small(ModelKind::Cllnn, Preset::Tuned), Standardization::Channels);
    let (model, mut module) = (checkpoint.model(Device::Cpu).unwrap(), module(&checkpoint));
    let x = images(16);
    module.set_train();
    for _ in 0..3 {
        let expected = tch::no_grad(|| model.forward(&x, true)).unwrap();
        assert_close(&module.forward_ts(&[&x]).unwrap(), &expected, 1e-5);
    }
    module.set_eval();
    let before = tch::no_grad(|| checkpoint.model(Device::Cpu).unwrap().forward(&x, false)).unwrap();
    let after = tch::no_grad(|| model.forward(&x, false)).unwrap();
    assert!((&after - before).abs().max().double_value(&[]) > 1e-3, "three batches leave a trace");
    assert_close(&module.forward_ts(&[&x]).unwrap(), &after, 1e-5);
}

#[test]
fn dropout_acts_in_training_alone() {
    let mut config = small(ModelKind::Cllnn, Preset::Article);
    if let ModelConfig::Cllnn(config) = &mut config {
        config.dropout = 0.5;
    }
    let mut module = module(&checkpoint(&config, Standardization::Columns));
    let x = images(8);
    let mut spread = |train: bool| {
        if train {
            module.set_train();
        } else {
            module.set_eval();
        }
        let logits = [(); 2].map(|()| module.forward_ts(&[&x]).unwrap());
        (&logits[0] - &logits[1]).abs().max().double_value(&[])
    };
    assert!(spread(false) < 1e-9);
    assert!(spread(true) > 1e-3);
}

#[test]
fn images_of_another_shape_or_kind_are_refused_with_what_was_expected() {
    let module = module(&checkpoint(&small(ModelKind::Lnn, Preset::Article), Standardization::Columns));
    let error = |x: Tensor| module.forward_ts(&[x]).unwrap_err().to_string();
    // As many pixels, but another image.
    let other = images(1).view([1, 2, 9, 12]);
    assert!(error(other).contains("the model takes images [N, 2, 12, 9], found [1, 2, 9, 12]"));
    assert!(error(images(1).squeeze_dim(0)).contains("found [2, 12, 9]"));
    assert!(error((images(1) * 255.0).to_kind(Kind::Uint8)).contains("images.float() / 255"));
}
