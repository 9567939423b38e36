//! The benchmark of a liquid layer: the cell of the article, with one bias.
//!
//! ```text
//! h' = h + (tanh(x W_inᵀ + h W_hᵀ + b) - h) / tau
//! ```
//! Weights and bias are initialised as in PyTorch, and the time constants are spread from 1 to 10: with the initial value 1 of
//! the article, no gradient would reach back through a long sequence.

use super::pass::Pass;
use super::prepared::Prepared;
use super::shape::Shape;
use super::training_step::{CLASSES, inference, labels, of_core, prepare};
use crate::failure::Failure;
use lnn_core::{
    Cell, Dense, Init, LiquidTimeStep, LiquidTimeStepConfig, Parameters, Scope, Sequence, Solver, TauForm,
    TimeConstants,
};
use tch::{Device, Kind};

fn cell(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Result<LiquidTimeStep, Failure> {
    let uniform = |fan_in: i64| Init::Uniform { limit: 1.0 / (fan_in as f64).sqrt() };
    let config = LiquidTimeStepConfig {
        units,
        solver: Solver::Euler,
        // The parameter is the time constant itself; the floor lies below all of them.
        tau: TimeConstants { form: TauForm::Clamped, floor: 0.6, initial: [1.0, 10.0], by_input: false },
        input_init: uniform(inputs),
        recurrent_init: uniform(units),
        bias_init: uniform(inputs),
        recurrent_bias: false,
    };
    LiquidTimeStep::new(scope, inputs, &config).map_err(of_core)
}

/// Prepares sequences: 10 classes are predicted from the last state.
pub(super) fn sequence(
    Shape([batch, steps, inputs, units]): Shape,
    pass: Pass,
    device: Device,
) -> Result<Prepared, Failure> {
    let mut parameters = Parameters::drawn(0, Kind::Float, device);
    let cell = cell(&mut parameters.root().child("cell"), inputs, units)?;
    let readout = Dense::new(&mut parameters.root().child("readout"), units, CLASSES).map_err(of_core)?;
    let x = lnn_core::random::randn([batch, steps, inputs], (Kind::Float, device));
    let features = move || Ok(cell.scan(Sequence::new(&x), None)?.last.output().shallow_clone());
    match pass {
        Pass::Train => prepare(steps, &parameters, readout, labels(batch, device), features),
        Pass::Inference => Ok(inference(steps, readout, features)),
    }
}

/// Prepares single steps in sequence: one repetition is one step.
pub(super) fn stream(Shape([batch, _, inputs, units]): Shape, device: Device) -> Result<Prepared, Failure> {
    let mut parameters = Parameters::drawn(0, Kind::Float, device);
    let cell = cell(&mut parameters.root(), inputs, units)?;
    let x = lnn_core::random::randn([batch, inputs], (Kind::Float, device));
    let mut state = cell.zero_state(&x);
    let repeat = move || {
        state = cell.step(&x, None, &state);
        Ok(())
    };
    Ok(Prepared { steps: 1, repeat: Box::new(repeat) })
}
