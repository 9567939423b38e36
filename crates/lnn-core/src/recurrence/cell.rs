//! The contract of a recurrent cell, and the time loop over its steps.
//!
//! A cell is defined by its step, which has two halves: [`Cell::project`] needs only the input, so that one matrix product
//! projects all steps of a sequence; [`Cell::advance`] needs the state and runs once per step.

use crate::error::Error;
use crate::parameters::script::Script;
use crate::recurrence::sequence::{Sequence, shape_error};
use crate::recurrence::state::{Run, State};
use crate::wiring::Wiring;
use std::fmt::Debug;
use tch::{Kind, Tensor};

/// A recurrent cell.
pub trait Cell: Debug {
    /// Number I of inputs per step.
    fn input_size(&self) -> i64;

    /// Widths of the state's tensors.
    fn state_sizes(&self) -> Vec<i64>;

    /// Number of outputs per step, the width of what [`emit`](Self::emit) returns: that of the state's first tensor, unless the cell returns
    /// something else.
    fn output_size(&self) -> i64 {
        self.state_sizes()[0]
    }

    /// One of the cell's weights. Inputs and states must have its dtype and device.
    fn weight(&self) -> &Tensor;

    /// Whether the cell uses the time between steps, so that a sequence may have a `dt`.
    fn has_time(&self) -> bool {
        false
    }

    /// The units and synapses of a cell that has a wiring.
    fn wiring(&self) -> Option<&Wiring> {
        None
    }

    /// Of a cell that follows its equation by an explicit method: how stiff a step of one unit of time can be with the present weights,
    /// and the number above which the method diverges.
    fn stiffness(&self) -> Option<[f64; 2]> {
        None
    }

    /// The half of a step that needs only the input: `x [.., I]` to `[.., P]`.
    ///
    /// # Panics
    /// If the last extent of `x` is not I, or its dtype or device is another than that of the cell.
    fn project(&self, x: &Tensor) -> Tensor;

    /// The half of a step that needs the state: `projected [B, P]`, and `dt [B, 1]` if the cell has time.
    ///
    /// # Panics
    /// If the shape, dtype or device of an argument does not fit the cell.
    fn advance(&self, projected: &Tensor, dt: Option<&Tensor>, state: &State) -> State;

    /// What a run returns for a step, `[B, ..]`: the output of the state, unless the cell returns more.
    fn emit(&self, state: &State) -> Tensor {
        state.output().shallow_clone()
    }

    /// One whole step: `x [B, I]`, `dt [B]`.
    ///
    /// # Panics
    /// If the shape, dtype or device of an argument does not fit the cell.
    fn step(&self, x: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        self.advance(&self.project(x), dt.map(|dt| dt.unsqueeze(1)).as_ref(), state)
    }

    /// A zero state for the batch, dtype and device of `like [B, ..]`.
    fn zero_state(&self, like: &Tensor) -> State {
        let zeros = |width| Tensor::zeros([like.size()[0], width], (like.kind(), like.device()));
        State::new(self.state_sizes().into_iter().map(zeros).collect())
    }

    /// Runs over a sequence, from `initial` or from a zero state.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Options`] or [`Error::NoTime`] if an argument does not fit the cell.
    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        self.scan_stepwise(sequence, initial)
    }

    /// The same, step by step: the reference for a faster [`scan`](Self::scan).
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    fn scan_stepwise(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        check_sequence(self, sequence, initial)?;
        unroll(self, sequence, initial)
    }

    /// Returns the cell in TorchScript, with the methods `step(x [B, I], state) -> (output [B, H], state)`,
    /// `sequence(x [B, T, I], state) -> (outputs [B, T, H], state)` and `forward(x) -> outputs`. The state is optional;
    /// it is the one tensor of the cell's state, or a tuple of them. The methods of a cell that has time take `dt`, `[B]` or
    /// `[B, T]` and optional, after the state.
    ///
    /// A product with the state is added in place to a copy: `torch.autocast` leaves operations in place as they are, so that the
    /// state keeps the dtype of the weights, as it does in a training step in mixed precision.
    fn script(&self) -> Script;
}

/// The time loop. Arguments were checked by [`check_sequence`].
pub(crate) fn unroll<C: Cell + ?Sized>(
    cell: &C,
    sequence: Sequence<'_>,
    initial: Option<&State>,
) -> Result<Run, Error> {
    recur(cell, &sequence.without_padding(), |projected| advance_all(cell, &projected, sequence, initial))
}

/// Projects `x [.., I]`, all steps at once, and runs a `recurrence` on the result `[.., P]`. Autocast ends between the two: the
/// product over all steps may run in bfloat16, the recurrence runs in the dtype of the cell's weights.
pub(crate) fn recur<C: Cell + ?Sized, T>(
    cell: &C,
    x: &Tensor,
    recurrence: impl FnOnce(Tensor) -> T,
) -> Result<T, Error> {
    let weight = cell.weight();
    let projected = cell.project(x).to_kind(weight.kind());
    Ok(lnn_sys::without_autocast(weight.device(), || recurrence(projected))?)
}

fn advance_all<C: Cell + ?Sized>(
    cell: &C,
    projected: &Tensor,
    sequence: Sequence<'_>,
    initial: Option<&State>,
) -> Run {
    let projected = projected.unbind(1);
    let times = sequence.time_without_padding().map(|dt| dt.unsqueeze(2).unbind(1));
    let masks = sequence.mask.map(|mask| mask.to_kind(Kind::Bool).unbind(1));
    let mut state = match initial {
        Some(state) => State::new(state.tensors().iter().map(Tensor::shallow_clone).collect()),
        None => cell.zero_state(&projected[0]),
    };
    let mut outputs = Vec::with_capacity(projected.len());
    for (t, projected) in projected.iter().enumerate() {
        let dt = times.as_ref().map(|times| &times[t]);
        let next = cell.advance(projected, dt, &state);
        state = match &masks {
            Some(masks) => next.where_counts(&masks[t], &state),
            None => next,
        };
        outputs.push(cell.emit(&state));
    }
    Run { outputs: Tensor::stack(&outputs, 1), last: state }
}

/// Refuses arguments that do not fit the cell.
pub(crate) fn check_sequence<C: Cell + ?Sized>(
    cell: &C,
    sequence: Sequence<'_>,
    initial: Option<&State>,
) -> Result<(), Error> {
    let [batch, _] = sequence.check(cell.input_size())?;
    check_options("the input", cell.weight(), sequence.x)?;
    if let Some(dt) = sequence.dt {
        if !cell.has_time() {
            return Err(Error::NoTime);
        }
        check_options("the time steps", cell.weight(), dt)?;
    }
    if let Some(tensors) = initial.map(State::tensors) {
        let state_sizes = cell.state_sizes();
        if tensors.len() != state_sizes.len() {
            let expected = format!("[{} tensors, {batch}, H]", state_sizes.len());
            let found = vec![tensors.len() as i64];
            return Err(Error::Shape { what: "the initial state".into(), expected, found });
        }
        for (tensor, width) in tensors.iter().zip(state_sizes) {
            if tensor.size() != [batch, width] {
                return Err(shape_error("the initial state", format!("[{batch}, {width}]"), tensor));
            }
            check_options("the initial state", cell.weight(), tensor)?;
        }
    }
    Ok(())
}

fn check_options(what: &'static str, weight: &Tensor, found: &Tensor) -> Result<(), Error> {
    let describe = |tensor: &Tensor| format!("{:?} on {:?}", tensor.kind(), tensor.device());
    let (expected, found) = (describe(weight), describe(found));
    if expected == found { Ok(()) } else { Err(Error::Options { what, expected, found }) }
}
