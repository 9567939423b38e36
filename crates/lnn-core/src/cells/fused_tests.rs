//! The fused time loop against the stepwise one, at sizes that fill vectors, panels and several threads, in both dtypes.

use crate::cells::closed_form::ClosedForm;
use crate::cells::closed_form_config::{Backbone, BackboneActivation, ClosedFormConfig, ClosedFormMode};
use crate::cells::fused_test_cells::{Ring, TwoLayers};
use crate::cells::gru::Gru;
use crate::cells::leaky_reservoir::LeakyReservoir;
use crate::cells::linear_liquid::LinearLiquid;
use crate::cells::liquid_config::{LiquidTimeStepConfig, Solver, TauForm, TimeConstants};
use crate::cells::liquid_time_constant::{LiquidTimeConstant, LiquidTimeConstantConfig};
use crate::cells::liquid_time_step::LiquidTimeStep;
use crate::cells::reservoir_config::ReservoirConfig;
use crate::cells::spiking_config::SpikingConfig;
use crate::cells::spiking_reservoir::SpikingReservoir;
use crate::cells::surrogate::Surrogate;
use crate::parameters::init::Init;
use crate::parameters::store::{Parameters, Role, Scope};
use crate::random::{rand, randn, seeded};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::State;
use crate::scan::fused::{Form, FusedCell};
use crate::synapses::OdeSolver;
use crate::wiring::WiringConfig;
use tch::{Device, Kind, Tensor};

/// How a sequence is run: step by step, by the fused loop as the cell chooses it, or by that of other devices.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Stepwise,
    Scan,
    Operations,
}

type Draw = fn(&mut Scope<'_>, i64, i64) -> Box<dyn FusedCell>;

fn leaky(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn FusedCell> {
    let config = ReservoirConfig {
        units,
        spectral_radius: 0.9,
        leak_rate: 0.4,
        input_scale: 0.5,
        bias_scale: 0.2,
        density: 1.0,
        leak_range: None,
    };
    Box::new(LeakyReservoir::new(scope, inputs, &config).unwrap())
}

fn liquid(
    scope: &mut Scope<'_>,
    inputs: i64,
    units: i64,
    solver: Solver,
    by_input: bool,
) -> Box<dyn FusedCell> {
    let tau = TimeConstants { form: TauForm::Softplus, floor: 0.5, initial: [1.0, 20.0], by_input };
    let config = LiquidTimeStepConfig {
        units,
        solver,
        tau,
        input_init: Init::GlorotUniform,
        recurrent_init: Init::GlorotUniform,
        bias_init: Init::Normal { deviation: 0.2 },
        recurrent_bias: false,
    };
    Box::new(LiquidTimeStep::new(scope, inputs, &config).unwrap())
}

fn spiking(scope: &mut Scope<'_>, inputs: i64, units: i64, surrogate: Surrogate) -> Box<dyn FusedCell> {
    let config = SpikingConfig {
        units,
        most_units: units + 9,
        spectral_radius: 0.9,
        leak_rate: 0.3,
        input_scale: 0.6,
        threshold: 0.2,
        surrogate,
        sharpness: 3.0,
        bias: true,
        role: Role::Trainable,
    };
    Box::new(SpikingReservoir::new(scope, inputs, &config).unwrap())
}

fn synaptic(scope: &mut Scope<'_>, inputs: i64, units: i64, wiring: &WiringConfig) -> Box<dyn FusedCell> {
    // As many synapses as the square of this; the step by step form is slow.
    let wiring = wiring.build(inputs as usize, units.min(70) as usize).unwrap();
    let config = LiquidTimeConstantConfig { wiring, solver: OdeSolver::SemiImplicit, unfolds: 3 };
    Box::new(LiquidTimeConstant::new(scope, &config).unwrap())
}

fn closed_form(
    scope: &mut Scope<'_>,
    inputs: i64,
    units: i64,
    mode: ClosedFormMode,
    layers: i64,
) -> Box<dyn FusedCell> {
    let activation = if layers == 1 { BackboneActivation::LecunTanh } else { BackboneActivation::Relu };
    let backbone = Backbone { units: 40, layers, activation, dropout: 0.0 };
    let config = ClosedFormConfig { units, mode, backbone };
    Box::new(ClosedForm::new(scope, inputs, &config, None).unwrap())
}

const CELLS: [(&str, Draw); 18] = [
    ("closed form", |s, i, h| closed_form(s, i, h, ClosedFormMode::Default, 1)),
    ("closed form without a gate or backbone", |s, i, h| closed_form(s, i, h, ClosedFormMode::NoGate, 0)),
    ("closed form of the equation", |s, i, h| closed_form(s, i, h, ClosedFormMode::Pure, 3)),
    ("liquid time constant", |s, i, h| synaptic(s, i, h, &WiringConfig::Full { seed: 1 })),
    ("liquid time constant, sparse", |s, i, h| {
        synaptic(s, i, h, &WiringConfig::Random { sparsity: 0.8, seed: 1 })
    }),
    ("liquid time constant, policy", |s, i, h| {
        synaptic(s, i, h.max(6), &WiringConfig::AutoNcp { outputs: 2, sparsity: 0.6, seed: 1 })
    }),
    ("leaky reservoir", leaky),
    ("linear liquid", |scope, inputs, units| Box::new(LinearLiquid::new(scope, inputs, units, 0.3).unwrap())),
    ("liquid, exponential", |scope, i, h| liquid(scope, i, h, Solver::Exponential, false)),
    ("liquid, Euler", |scope, i, h| liquid(scope, i, h, Solver::Euler, false)),
    ("liquid by input, exponential", |scope, i, h| liquid(scope, i, h, Solver::Exponential, true)),
    ("liquid by input, Euler", |scope, i, h| liquid(scope, i, h, Solver::Euler, true)),
    ("spiking, fast sigmoid", |scope, i, h| spiking(scope, i, h, Surrogate::FastSigmoid)),
    ("spiking, arctan", |scope, i, h| spiking(scope, i, h, Surrogate::Arctan)),
    ("spiking, straight through", |scope, i, h| spiking(scope, i, h, Surrogate::StraightThrough)),
    ("gated recurrent unit", |scope, inputs, units| Box::new(Gru::new(scope, inputs, units).unwrap())),
    ("two layers per step", TwoLayers::draw),
    ("work per synapse", Ring::draw),
];

/// Values and gradients of a scan, by name.
fn outcome(
    cell: &dyn FusedCell,
    parameters: &Parameters,
    [x, dt]: [&Tensor; 2],
    (timed, masked, started): (bool, Option<&Tensor>, bool),
    (way, last_alone): (Way, bool),
) -> Vec<(String, Tensor)> {
    let leaf = |tensor: &Tensor| tensor.detach().copy().set_requires_grad(true);
    let (x, dt) = (leaf(x), leaf(dt));
    let options = (x.kind(), Device::Cpu);
    let state = State::new(
        (cell.state_sizes().iter().enumerate())
            .map(|(i, width)| {
                let numbers = Tensor::arange(x.size()[0] * width, options) * 0.7 + i as f64;
                leaf(&(numbers.sin() * 0.5).view([-1, *width]))
            })
            .collect(),
    );
    let sequence = Sequence::new(&x).with_dt(timed.then_some(&dt)).with_mask(masked);
    let initial = started.then_some(&state);
    let run = match way {
        Way::Stepwise => cell.scan_stepwise(sequence, initial),
        Way::Scan => cell.scan(sequence, initial),
        Way::Operations => cell.run_fused(Form::Operations, sequence, initial),
    }
    .unwrap();
    let weigh = |tensor: &Tensor| {
        let weights = Tensor::arange(tensor.numel() as i64, options) * 0.37;
        (tensor * weights.cos().view_as(tensor)).sum(options.0)
    };
    let loss = run.last.tensors().iter().map(&weigh).fold(Tensor::zeros([], options), |sum, part| sum + part);
    let loss = if last_alone { loss } else { loss + weigh(&run.outputs) };
    let mut leaves = vec![("input".to_owned(), x.shallow_clone())];
    let named = parameters.entries().iter().filter(|entry| entry.tensor.requires_grad());
    leaves.extend(named.map(|entry| (entry.name.clone(), entry.tensor.shallow_clone())));
    if timed {
        leaves.push(("dt".into(), dt.shallow_clone()));
    }
    if started {
        leaves.extend(state.tensors().iter().map(|tensor| ("initial".to_owned(), tensor.shallow_clone())));
    }
    let tensors: Vec<_> = leaves.iter().map(|(_, tensor)| tensor).collect();
    let gradients = Tensor::run_backward(&[&loss], &tensors, false, false);
    let mut all = vec![("outputs".to_owned(), run.outputs.detach())];
    all.extend(run.last.tensors().iter().map(|tensor| ("last".to_owned(), tensor.detach())));
    all.extend(leaves.into_iter().zip(gradients).map(|((name, leaf), gradient)| {
        (format!("gradient of {name}"), if gradient.defined() { gradient } else { leaf.zeros_like() })
    }));
    all
}

fn check(way: Way, kind: Kind, tolerance: f64, [batch, steps, inputs, units]: [i64; 4]) {
    lnn_sys::flush_denormals(true).unwrap();
    let options = (kind, Device::Cpu);
    for (name, draw) in CELLS {
        let mut parameters = Parameters::drawn(11, kind, Device::Cpu);
        let cell = draw(&mut parameters.root(), inputs, units);
        let [x, dt, mask] = seeded(5, || {
            let x = randn([batch, steps, inputs], options);
            let dt = rand([batch, steps], options) * 2.0 + 0.1;
            [x, dt, rand([batch, steps], options).lt(0.7)]
        });
        for (timed, mask, started, last_alone) in [
            (false, None, false, false),
            (false, None, true, true),
            (true, None, true, false),
            (false, Some(&mask), false, true),
            (true, Some(&mask), true, false),
        ] {
            let case = (timed && cell.has_time(), mask, started);
            let run = |way| outcome(&*cell, &parameters, [&x, &dt], case, (way, last_alone));
            for ((what, found), (_, expected)) in run(way).into_iter().zip(run(Way::Stepwise)) {
                assert_eq!(found.size(), expected.size());
                let scale = expected.abs().max().double_value(&[]).max(1.0);
                let error = (&found - &expected).abs().max().double_value(&[]) / scale;
                let place =
                    format!("{name}, {kind:?}, timed {timed}, masked {}, started {started}", mask.is_some());
                assert!(error <= tolerance, "{place}: {what} is off by {error:e}");
            }
        }
    }
}

#[test]
fn fused_and_stepwise_agree_in_f64_over_several_threads() {
    check(Way::Scan, Kind::Double, 1e-12, [37, 9, 5, 70]);
}

#[test]
fn fused_and_stepwise_agree_in_f32_over_several_threads() {
    check(Way::Scan, Kind::Float, 3e-5, [37, 9, 5, 70]);
}

#[test]
fn what_other_devices_run_agrees_with_the_stepwise_form_too() {
    for extents in [[6, 9, 5, 17], [1, 1, 2, 3], [1, 4, 2, 3], [3, 1, 2, 5]] {
        check(Way::Operations, Kind::Double, 1e-12, extents);
    }
    check(Way::Operations, Kind::Float, 3e-5, [6, 9, 5, 17]);
}

#[test]
fn a_batch_of_one_and_a_single_step_agree_too() {
    check(Way::Scan, Kind::Double, 1e-12, [1, 13, 3, 33]);
    check(Way::Scan, Kind::Double, 1e-12, [5, 1, 3, 17]);
    check(Way::Scan, Kind::Double, 1e-12, [1, 1, 2, 3]);
}

#[test]
fn one_sample_whose_units_are_cut_into_parts_agrees_too() {
    check(Way::Scan, Kind::Double, 1e-12, [1, 5, 3, 530]);
    check(Way::Scan, Kind::Float, 3e-5, [1, 5, 3, 530]);
}

#[test]
fn without_gradients_the_values_are_the_same() {
    for (name, draw) in CELLS {
        let mut parameters = Parameters::drawn(2, Kind::Float, Device::Cpu);
        let cell = draw(&mut parameters.root(), 6, 40);
        let x = seeded(5, || randn([20, 7, 6], (Kind::Float, Device::Cpu)));
        let tracked = cell.scan(Sequence::new(&x), None).unwrap();
        let run = tch::no_grad(|| cell.scan(Sequence::new(&x), None)).unwrap();
        assert!(!run.outputs.requires_grad());
        assert_eq!(run.outputs, tracked.outputs.detach(), "{name}");
    }
}

#[test]
fn a_step_of_a_stream_without_gradients_is_the_step_with_them() {
    for kind in [Kind::Float, Kind::Double] {
        let options = (kind, Device::Cpu);
        for (name, draw) in CELLS {
            for (batch, inputs, units) in [(1, 16, 64), (3, 5, 13), (9, 4, 20)] {
                let mut parameters = Parameters::drawn(3, kind, Device::Cpu);
                let cell = draw(&mut parameters.root(), inputs, units);
                let widths = cell.state_sizes();
                let (x, dt, state) = seeded(5, || {
                    let state = widths.iter().map(|width| randn([batch, *width], options)).collect();
                    (randn([batch, inputs], options), rand([batch], options) + 0.1, State::new(state))
                });
                for dt in [None, Some(&dt)].into_iter().filter(|dt| dt.is_none() || cell.has_time()) {
                    let with = cell.step(&x, dt, &state);
                    let without = tch::no_grad(|| cell.step(&x, dt, &state));
                    for (with, without) in with.tensors().iter().zip(without.tensors()) {
                        assert!(!without.requires_grad());
                        let error = (with - without).abs().max().double_value(&[]);
                        let tolerance = if kind == Kind::Float { 2e-6 } else { 1e-13 };
                        assert!(error <= tolerance, "{name}, {kind:?}, {batch} samples: off by {error:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn numbers_that_are_none_come_out_as_such() {
    for (name, draw) in CELLS {
        let mut parameters = Parameters::drawn(2, Kind::Float, Device::Cpu);
        let cell = draw(&mut parameters.root(), 2, 20);
        let x = Tensor::full([3, 4, 2], f64::NAN, (Kind::Float, Device::Cpu));
        let run = cell.scan(Sequence::new(&x), None).unwrap();
        assert!(run.last.output().isnan().any().int64_value(&[]) == 1, "{name}");
    }
}
