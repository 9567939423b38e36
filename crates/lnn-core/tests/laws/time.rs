//! Laws of cells that use the time between steps.

use crate::{OPTIONS, Subject, assert_close, assert_states_close, for_all};
use crate::{closed_form, synapses};
use lnn_core::random::{rand, seeded};
use lnn_core::{
    Cell, Error, Init, LiquidTimeStep, LiquidTimeStepConfig, Scope, Sequence, Solver, State, TauForm,
    TimeConstants,
};
use tch::{Tensor, no_grad};

fn config(units: i64, solver: Solver, tau: TimeConstants) -> LiquidTimeStepConfig {
    LiquidTimeStepConfig {
        units,
        solver,
        tau,
        input_init: Init::Normal { deviation: 0.7 },
        recurrent_init: Init::Normal { deviation: 0.7 },
        bias_init: Init::Normal { deviation: 0.3 },
        recurrent_bias: solver == Solver::Euler,
    }
}

/// Time constants with a floor, and steps that are stable for any dt.
pub(crate) fn draw(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let tau = TimeConstants { form: TauForm::Softplus, floor: 0.5, initial: [0.8, 5.0], by_input: false };
    Box::new(LiquidTimeStep::new(scope, inputs, &config(units, Solver::Exponential, tau)).unwrap())
}

/// The article's form.
pub(crate) fn draw_article(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let tau = TimeConstants { form: TauForm::Clamped, floor: 0.6, initial: [0.9, 3.0], by_input: false };
    Box::new(LiquidTimeStep::new(scope, inputs, &config(units, Solver::Euler, tau)).unwrap())
}

/// Time constants that depend on the input.
pub(crate) fn draw_by_input(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let tau = TimeConstants { form: TauForm::Softplus, floor: 0.5, initial: [0.8, 5.0], by_input: true };
    Box::new(LiquidTimeStep::new(scope, inputs, &config(units, Solver::Exponential, tau)).unwrap())
}

/// The cells that follow a differential equation.
const CELLS: [crate::Draw; 6] =
    [draw, draw_article, draw_by_input, synapses::draw, synapses::draw_policy, synapses::draw_runge_kutta];

/// The cells that have time without following an equation step by step.
const CLOSED_FORMS: [crate::Draw; 4] =
    [closed_form::draw, closed_form::draw_no_gate, closed_form::draw_pure, closed_form::draw_wired_mixed];

/// Time steps `[B, T]` between 0 and `most`.
fn times(subject: &Subject, most: f64) -> Tensor {
    seeded(0, || rand([subject.batch(), subject.steps()], OPTIONS)) * most
}

/// A cell without time refuses dt by name; for one with time, ones are the same as no dt.
pub(crate) fn time_is_taken_or_refused(subject: &Subject) {
    let Subject { cell, x, initial, mask, .. } = subject;
    let ones = Tensor::ones([subject.batch(), subject.steps()], OPTIONS);
    let sequence = Sequence::new(x).with_mask(Some(mask));
    let timed = cell.scan(sequence.with_dt(Some(&ones)), Some(initial));
    if !cell.has_time() {
        assert!(matches!(timed, Err(Error::NoTime)));
        return;
    }
    let (timed, plain) = (timed.unwrap(), cell.scan(sequence, Some(initial)).unwrap());
    assert_close(&timed.outputs, &plain.outputs);
    let short = ones.narrow(1, 0, 0);
    let refused = cell.scan(sequence.with_dt(Some(&short)), None).unwrap_err().to_string();
    assert!(refused.contains("the time steps must have the shape"), "{refused}");
}

#[test]
fn a_step_of_no_time_leaves_the_state_and_a_short_one_moves_it_in_proportion() {
    for draw in CELLS {
        for_all(draw, |subject| {
            let Subject { cell, x, initial, .. } = subject;
            let end = |length: f64| {
                let dt = Tensor::full([subject.batch(), subject.steps()], length, OPTIONS);
                cell.scan(Sequence::new(x).with_dt(Some(&dt)), Some(initial)).unwrap().last
            };
            no_grad(|| {
                assert_states_close(&end(0.0), initial);
                let moved = |length: f64| (end(length).output() - initial.output()) / length;
                let difference = (moved(1e-7) - moved(2e-7)).abs().max().double_value(&[]);
                assert!(difference < 1e-3, "the slope at 0 is off by {difference:e}");
            });
        });
    }
}

#[test]
fn irregular_time_survives_a_cut_and_equals_steps_by_hand() {
    for draw in CELLS.into_iter().chain(CLOSED_FORMS) {
        for_all(draw, |subject| {
            let Subject { cell, x, initial, .. } = subject;
            let dt = times(subject, 1.0);
            let whole = cell.scan(Sequence::new(x).with_dt(Some(&dt)), Some(initial)).unwrap();
            let mut state = State::new(initial.tensors().iter().map(Tensor::shallow_clone).collect());
            for (x, dt) in x.unbind(1).iter().zip(dt.unbind(1)) {
                state = cell.step(x, Some(&dt), &state);
            }
            assert_states_close(&state, &whole.last);
            let cut = subject.steps() / 2;
            let part = |tensor: &Tensor, from: i64, to: i64| tensor.narrow(1, from, to - from);
            let mut state = None;
            for (from, to) in [(0, cut), (cut, subject.steps())].into_iter().filter(|(from, to)| from < to) {
                let (x, dt) = (part(x, from, to), part(&dt, from, to));
                let start = state.as_ref().unwrap_or(initial);
                state = Some(cell.scan(Sequence::new(&x).with_dt(Some(&dt)), Some(start)).unwrap().last);
            }
            assert_states_close(&state.unwrap(), &whole.last);
        });
    }
}

#[test]
fn the_exponential_rate_keeps_the_state_bounded_for_any_time() {
    for draw in [draw, draw_by_input] {
        for_all(draw, |subject| {
            let Subject { cell, x, .. } = subject;
            let (huge, dt) = (x * 1e3, times(subject, 1e9));
            let run = no_grad(|| cell.scan(Sequence::new(&huge).with_dt(Some(&dt)), None).unwrap());
            assert!(run.outputs.abs().max().double_value(&[]) <= 1.0);
        });
    }
}

#[test]
fn the_gradient_of_time_is_that_of_central_differences() {
    for draw in CELLS.into_iter().chain(CLOSED_FORMS) {
        for_all(draw, |subject| {
            let Subject { cell, x, initial, .. } = subject;
            let dt = (times(subject, 1.0) + 0.1).set_requires_grad(true);
            let loss = |dt: &Tensor| {
                cell.scan(Sequence::new(x).with_dt(Some(dt)), Some(initial))
                    .unwrap()
                    .outputs
                    .sin()
                    .sum(OPTIONS.0)
            };
            let gradient = Tensor::run_backward(&[loss(&dt)], &[&dt], false, false).remove(0);
            for (b, t) in [(0, 0), (subject.batch() - 1, subject.steps() - 1)] {
                let moved = |by: f64| {
                    let moved = dt.detach().copy();
                    let _ = moved.get(b).get(t).g_add_scalar_(by);
                    no_grad(|| loss(&moved)).double_value(&[])
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!((gradient.double_value(&[b, t]) - expected).abs() < 1e-6 * expected.abs().max(1.0));
            }
        });
    }
}
