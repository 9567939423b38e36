//! Closed-form cells for the laws, and the laws of their own.

use crate::{OPTIONS, Subject, assert_close, for_all, synapses};
use lnn_core::{
    Backbone, BackboneActivation, Cell, ClosedForm, ClosedFormConfig, ClosedFormMode, MixedMemory,
    Parameters, Scope, Sequence, WiredClosedForm, WiringConfig, seeded,
};
use tch::{Kind, Tensor};

fn config(units: i64, mode: ClosedFormMode, layers: i64, activation: BackboneActivation) -> ClosedFormConfig {
    ClosedFormConfig { units, mode, backbone: Backbone { units: 4, layers, activation, dropout: 0.0 } }
}

fn cell(scope: &mut Scope<'_>, inputs: i64, config: &ClosedFormConfig) -> Box<dyn Cell> {
    Box::new(ClosedForm::new(scope, inputs, config, None).unwrap())
}

pub(crate) fn draw(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    cell(scope, inputs, &config(units, ClosedFormMode::Default, 1, BackboneActivation::LecunTanh))
}

/// Two layers of the backbone.
pub(crate) fn draw_no_gate(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    cell(scope, inputs, &config(units, ClosedFormMode::NoGate, 2, BackboneActivation::Tanh))
}

/// Without a backbone.
pub(crate) fn draw_pure(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    cell(scope, inputs, &config(units, ClosedFormMode::Pure, 0, BackboneActivation::Tanh))
}

pub(crate) fn draw_gelu(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    cell(scope, inputs, &config(units, ClosedFormMode::Default, 2, BackboneActivation::Gelu))
}

pub(crate) fn draw_wired(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let wiring = WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed: 3 };
    let wiring = wiring.build(inputs as usize, units as usize + 5).unwrap();
    Box::new(WiredClosedForm::new(scope, &wiring, ClosedFormMode::Default).unwrap())
}

fn mixed(scope: &mut Scope<'_>, draw: impl Fn(&mut Scope<'_>) -> Box<dyn Cell>) -> Box<dyn Cell> {
    let cell = draw(&mut scope.child("cell"));
    Box::new(MixedMemory::new(scope, cell).unwrap())
}

pub(crate) fn draw_mixed(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    mixed(scope, |scope| draw(scope, inputs, units))
}

pub(crate) fn draw_wired_mixed(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    mixed(scope, |scope| draw_wired(scope, inputs, units))
}

pub(crate) fn draw_synaptic_mixed(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    mixed(scope, |scope| synapses::draw_policy(scope, inputs, units))
}

#[test]
fn dropout_in_the_backbone_has_the_gradients_of_its_values_and_is_off_outside_of_training() {
    for activation in [BackboneActivation::LecunTanh, BackboneActivation::Relu] {
        let mut config = config(5, ClosedFormMode::Default, 2, activation);
        config.backbone.dropout = 0.4;
        let mut parameters = Parameters::drawn(2, OPTIONS.0, OPTIONS.1);
        let cell = ClosedForm::new(&mut parameters.root(), 3, &config, None).unwrap();
        let x = seeded(3, || lnn_core::random::randn([2, 4, 3], OPTIONS));
        let outputs = |training: bool, seed: u64| {
            seeded(seed, || cell.scan(Sequence::new(&x).with_training(training), None).unwrap().outputs)
        };
        assert_close(&outputs(false, 1), &outputs(false, 2));
        assert!((outputs(true, 1) - outputs(true, 2)).abs().max().double_value(&[]) > 1e-3);
        let weight = &parameters.trainable()[0];
        let loss = || outputs(true, 1).square().sum(Kind::Double);
        let gradient = Tensor::run_backward(&[loss()], &[weight], false, false).remove(0);
        for (i, j) in [(0, 0), (3, 2), (1, 1)] {
            let moved = |by: f64| {
                let _ = weight.detach().get(i).get(j).g_add_scalar_(by);
                let value = tch::no_grad(|| loss().double_value(&[]));
                let _ = weight.detach().get(i).get(j).g_sub_scalar_(by);
                value
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((gradient.double_value(&[i, j]) - expected).abs() < 1e-6, "{activation:?} {i} {j}");
        }
    }
}

#[test]
fn a_policy_reads_no_input_and_no_unit_without_a_synapse() {
    for_all(draw_wired, |subject| {
        let Subject { parameters, .. } = subject;
        for (l, entry) in
            parameters.entries().iter().filter(|entry| entry.name.ends_with("head_mask")).enumerate()
        {
            assert_eq!(entry.name, format!("layer_{l}.head_mask"));
            let density = entry.tensor.mean(Kind::Double).double_value(&[]);
            assert!(density > 0.0 && density <= 1.0);
        }
    });
}

#[test]
fn what_is_out_of_range_is_refused_by_its_name() {
    let refused = |change: fn(&mut ClosedFormConfig)| {
        let mut config = config(5, ClosedFormMode::Default, 1, BackboneActivation::Silu);
        change(&mut config);
        let mut parameters = Parameters::drawn(2, OPTIONS.0, OPTIONS.1);
        ClosedForm::new(&mut parameters.root(), 3, &config, None).unwrap_err().to_string()
    };
    for (change, name) in [
        ((|config| config.units = 0) as fn(&mut ClosedFormConfig), "units must be at least 1"),
        (|config| config.backbone.layers = -1, "the layers of the backbone must be 0 to 100"),
        (|config| config.backbone.units = 0, "the units of the backbone must be at least 1"),
        (
            |config| config.backbone.dropout = 1.0,
            "the dropout of the backbone must be at least 0 and below 1",
        ),
        (|config| config.backbone.dropout = 0.1, "0 with silu and gelu"),
    ] {
        let text = refused(change);
        assert!(text.contains(name), "{text}");
    }
}
