//! Laws of cells whose units are joined by synapses.

use crate::{OPTIONS, Subject, assert_close, for_all};
use lnn_core::random::{rand, seeded};
use lnn_core::{
    Cell, LiquidTimeConstant, LiquidTimeConstantConfig, OdeSolver, Scope, Sequence, WiringConfig,
};
use tch::{Tensor, no_grad};

fn cell(
    scope: &mut Scope<'_>,
    inputs: i64,
    units: i64,
    wiring: &WiringConfig,
    solver: OdeSolver,
) -> Box<dyn Cell> {
    let wiring = wiring.build(inputs as usize, units as usize).unwrap();
    Box::new(
        LiquidTimeConstant::new(scope, &LiquidTimeConstantConfig { wiring, solver, unfolds: 4 }).unwrap(),
    )
}

/// All units joined, by semi-implicit steps.
pub(crate) fn draw(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    cell(scope, inputs, units, &WiringConfig::Full { seed: 3 }, OdeSolver::SemiImplicit)
}

/// A neural circuit policy, some of whose units are outputs.
pub(crate) fn draw_policy(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let wiring = WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed: 3 };
    cell(scope, inputs, units + 5, &wiring, OdeSolver::SemiImplicit)
}

/// A random wiring, by explicit steps.
pub(crate) fn draw_euler(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    cell(scope, inputs, units, &WiringConfig::Random { sparsity: 0.4, seed: 3 }, OdeSolver::Euler)
}

pub(crate) fn draw_runge_kutta(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    cell(scope, inputs, units, &WiringConfig::Full { seed: 3 }, OdeSolver::RungeKutta)
}

#[test]
fn the_semi_implicit_step_keeps_potentials_between_the_reversal_potentials_for_any_time() {
    for draw in [draw, draw_policy] {
        for_all(draw, |subject| {
            let Subject { cell, x, .. } = subject;
            let dt = seeded(0, || rand([subject.batch(), subject.steps()], OPTIONS)) * 1e12;
            let run = no_grad(|| cell.scan(Sequence::new(&(x * 1e3)).with_dt(Some(&dt)), None).unwrap());
            // From rest, with reversal potentials of ±1 and leaks of at most 0.2.
            assert!(run.last.output().abs().max().double_value(&[]) <= 1.0 + 1e-12);
        });
    }
}

#[test]
fn the_solvers_agree_in_the_limit_and_converge_with_their_orders() {
    let end = |solver: OdeSolver, unfolds: i64| {
        let mut parameters = lnn_core::Parameters::drawn(4, OPTIONS.0, OPTIONS.1);
        let wiring = WiringConfig::Full { seed: 3 }.build(2, 5).unwrap();
        let config = LiquidTimeConstantConfig { wiring, solver, unfolds };
        let cell = LiquidTimeConstant::new(&mut parameters.root(), &config).unwrap();
        let x = seeded(1, || rand([1, 2, 2], OPTIONS));
        no_grad(|| cell.scan(Sequence::new(&x), None).unwrap().last.output().shallow_clone())
    };
    let exact = end(OdeSolver::RungeKutta, 2000);
    let error = |solver, unfolds| (end(solver, unfolds) - &exact).abs().max().double_value(&[]);
    for (solver, order, unfolds) in
        [(OdeSolver::SemiImplicit, 1, 200), (OdeSolver::Euler, 1, 200), (OdeSolver::RungeKutta, 4, 40)]
    {
        let ratio = error(solver, unfolds) / error(solver, 2 * unfolds);
        let expected = f64::powi(2.0, order);
        assert!((ratio / expected - 1.0).abs() < 0.15, "{solver:?}: the error falls by {ratio}");
    }
}

#[test]
fn an_explicit_method_diverges_beyond_its_limit_and_not_below() {
    // Without synapses between units the equation is linear, and the limit exact.
    let sensory = (0..16).map(|i| [i / 8, i % 8, 1]).collect();
    let config = WiringConfig::Given { outputs: 8, layers: Vec::new(), sensory, synapses: Vec::new() };
    let wiring = config.build(2, 8).unwrap();
    for solver in [OdeSolver::Euler, OdeSolver::RungeKutta] {
        let config = LiquidTimeConstantConfig { wiring: wiring.clone(), solver, unfolds: 1 };
        let mut parameters = lnn_core::Parameters::drawn(4, OPTIONS.0, OPTIONS.1);
        let cell = LiquidTimeConstant::new(&mut parameters.root(), &config).unwrap();
        let [stiffness, limit] = cell.stiffness().unwrap();
        // Inputs that open their synapses fully.
        let x = Tensor::full([1, 400, 2], 100.0, OPTIONS);
        let largest = |part: f64| {
            let dt = Tensor::full([1, 400], part * limit / stiffness, OPTIONS);
            let run = no_grad(|| cell.scan(Sequence::new(&x).with_dt(Some(&dt)), None).unwrap());
            run.last.output().abs().max().double_value(&[])
        };
        assert!(largest(0.99) < 5.0, "{solver:?}: {}", largest(0.99));
        assert!(largest(1.05) > 5.0, "{solver:?}: {}", largest(1.05));
    }
}

#[test]
fn a_step_of_a_stream_takes_the_weights_as_they_are() {
    let options = (tch::Kind::Float, tch::Device::Cpu);
    let mut parameters = lnn_core::Parameters::drawn(4, options.0, options.1);
    let wiring = WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed: 1 }.build(3, 21).unwrap();
    let config = LiquidTimeConstantConfig { wiring, solver: OdeSolver::SemiImplicit, unfolds: 2 };
    let cell = LiquidTimeConstant::new(&mut parameters.root(), &config).unwrap();
    let x = seeded(1, || rand([3, 3], options));
    let dt = seeded(2, || rand([3], options));
    let state = lnn_core::State::new(vec![seeded(3, || rand([3, 21], options))]);
    let check = || {
        let general = cell.step(&x, Some(&dt), &state);
        let stream = no_grad(|| cell.step(&x, Some(&dt), &state));
        let error = (general.output().detach() - stream.output()).abs().max().double_value(&[]);
        assert!(error < 1e-6, "off by {error:e}");
        stream.output().shallow_clone()
    };
    let before = check();
    assert_eq!(check(), before);
    let adamw = lnn_core::AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
    let mut optimizer = lnn_core::AdamW::new(&parameters, adamw).unwrap();
    cell.step(&x, Some(&dt), &state).output().square().sum(options.0).backward();
    optimizer.step(1e-2).unwrap();
    assert_ne!(check(), before);
    let stored: Vec<_> =
        parameters.snapshot().into_iter().map(|(name, tensor)| (name, tensor * 0.9)).collect();
    let fixed = |(name, tensor): (String, Tensor)| {
        let known = parameters.entries().iter().find(|entry| entry.name == name).unwrap();
        let buffer = known.role == lnn_core::Role::Buffer;
        (name, if buffer { known.tensor.copy() } else { tensor })
    };
    let between = check();
    parameters.load(&stored.into_iter().map(fixed).collect::<Vec<_>>()).unwrap();
    assert_ne!(check(), between);
}

#[test]
fn a_model_from_a_file_has_the_synapses_of_the_file() {
    let draw = |seed: u64, stored: Option<&[(String, Tensor)]>| {
        let mut parameters = match stored {
            Some(stored) => lnn_core::Parameters::stored(stored, OPTIONS.0, OPTIONS.1).unwrap(),
            None => lnn_core::Parameters::drawn(4, OPTIONS.0, OPTIONS.1),
        };
        let wiring = WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed }.build(3, 12).unwrap();
        let config = LiquidTimeConstantConfig { wiring, solver: OdeSolver::SemiImplicit, unfolds: 2 };
        let cell = LiquidTimeConstant::new(&mut parameters.root(), &config);
        (cell, parameters)
    };
    let (first, parameters) = draw(1, None);
    let first = first.unwrap();
    let mut stored = parameters.snapshot();
    let (other, parameters) = draw(2, Some(&stored));
    let other = other.unwrap();
    parameters.check_none_left().unwrap();
    assert!(other.wiring().is_some());
    assert_eq!(other.wiring(), first.wiring());
    let x = seeded(1, || rand([2, 4, 3], OPTIONS));
    let outputs = |cell: &LiquidTimeConstant| cell.scan(Sequence::new(&x), None).unwrap().outputs;
    assert_close(&outputs(&other), &outputs(&first));
    let polarity = stored.iter_mut().find(|(name, _)| name == "polarity").unwrap();
    polarity.1 = &polarity.1 * 2.0;
    let refused = draw(1, Some(&stored)).0.unwrap_err().to_string();
    assert!(refused.contains("polarity 1 or -1"), "{refused}");
}
