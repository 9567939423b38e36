//! Cells whose output is their state.

use crate::{Golden, KINDS, prefixed};
use lnn_core::{
    Cell, Gru, Init, LeakyReservoir, LinearLiquid, LiquidTimeStep, LiquidTimeStepConfig, ReservoirConfig,
    Role, Scope, Sequence, Solver, State, TauForm, TimeConstants,
};

/// Runs the cell that `make` returns on the input of `file`, from its initial state and from zero, and compares the states and the
/// gradients of `sum(states²)`.
pub(crate) fn check(file: &str, make: impl Fn(&mut Scope<'_>, &Golden) -> Box<dyn Cell>) {
    for (kind, from_zero) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        let golden = Golden::read(file, kind);
        let mut parameters = golden.parameters();
        let cell = make(&mut parameters.root(), &golden);
        let (x, h0) = (golden.leaf("x"), golden.leaf("h0"));
        let dt = golden.find("dt").map(|_| golden.leaf("dt"));
        let initial = State::new(vec![h0.shallow_clone()]);
        let sequence = Sequence::new(&x).with_dt(dt.as_ref());
        let run = cell.scan(sequence, (!from_zero).then_some(&initial)).unwrap();
        let loss = run.outputs.square().sum(kind);
        loss.backward();
        golden.check(&prefixed(from_zero, "states"), &run.outputs);
        golden.check(&prefixed(from_zero, "loss"), &loss);
        golden.check(&prefixed(from_zero, "grad_x"), &x.grad());
        if !from_zero {
            golden.check("grad_h0", &h0.grad());
        }
        if let Some(dt) = dt {
            golden.check(&prefixed(from_zero, "grad_dt"), &dt.grad());
        }
        for entry in parameters.entries().iter().filter(|entry| entry.role == Role::Trainable) {
            golden.check(&prefixed(from_zero, &format!("grad_{}", entry.name)), &entry.tensor.grad());
        }
    }
}

#[test]
fn the_leaky_reservoir_gives_the_states_and_gradients_of_the_equation() {
    for file in ["leaky_reservoir_T1.npz", "leaky_reservoir_T7.npz", "leaky_reservoir_bias_T7.npz"] {
        let bias_scale = if file.contains("bias") { 1.0 } else { 0.0 };
        check(file, |scope, golden| {
            let [inputs, units] = golden.extents();
            let leak_rate = golden.number("leak_rate");
            let config = ReservoirConfig {
                units,
                leak_rate,
                spectral_radius: 1.0,
                input_scale: 1.0,
                bias_scale,
                density: 1.0,
                leak_range: None,
            };
            Box::new(LeakyReservoir::new(scope, inputs, &config).unwrap())
        });
    }
}

/// Weights come from the file, so how they would be drawn does not matter.
fn liquid(units: i64, solver: Solver, form: TauForm, floor: f64) -> LiquidTimeStepConfig {
    let zero = || Init::Constant(0.0);
    LiquidTimeStepConfig {
        units,
        solver,
        tau: TimeConstants { form, floor, initial: [1.0, 1.0], by_input: false },
        input_init: zero(),
        recurrent_init: zero(),
        bias_init: zero(),
        recurrent_bias: solver == Solver::Euler,
    }
}

#[test]
fn the_liquid_time_step_of_the_article_gives_the_states_and_gradients_of_the_equation() {
    check("liquid_time_step_T7.npz", |scope, golden| {
        let [inputs, units] = golden.extents();
        let config = liquid(units, Solver::Euler, TauForm::Clamped, 0.6);
        Box::new(LiquidTimeStep::new(scope, inputs, &config).unwrap())
    });
}

#[test]
fn the_exponential_liquid_time_step_gives_the_states_and_gradients_of_the_equation_with_time() {
    check("liquid_time_step_dt_T7.npz", |scope, golden| {
        let [inputs, units] = golden.extents();
        let config = liquid(units, Solver::Exponential, TauForm::Softplus, golden.number("floor"));
        Box::new(LiquidTimeStep::new(scope, inputs, &config).unwrap())
    });
}

#[test]
fn the_linear_liquid_gives_the_states_and_gradients_of_the_equation() {
    check("linear_liquid_T5.npz", |scope, golden| {
        let [inputs, units] = golden.extents();
        Box::new(LinearLiquid::new(scope, inputs, units, golden.number("rate")).unwrap())
    });
}

#[test]
fn the_gru_gives_the_states_and_gradients_of_the_equation() {
    check("gru_T5.npz", |scope, golden| {
        let [inputs, rows] = golden.extents();
        Box::new(Gru::new(scope, inputs, rows / 3).unwrap())
    });
}
