//! What a recurrent cell is, and the one time loop.
//!
//! A cell is its step. The step has two halves: [`Cell::project`] needs the input alone, so a sequence projects all
//! of its steps in one matrix product; [`Cell::advance`] needs the state and runs once a step.

use crate::{Error, Script};
use tch::{Kind, Tensor};

/// The state of a cell: one or more tensors `[B, H]`, the first of which is the cell's output.
#[derive(Debug)]
pub struct State(Vec<Tensor>);

impl State {
    /// A state of the given tensors, the output first.
    ///
    /// # Panics
    /// If there is no tensor.
    pub fn new(tensors: Vec<Tensor>) -> Self {
        assert!(!tensors.is_empty(), "a state has at least its output");
        Self(tensors)
    }

    /// What the cell shows to the next layer, `[B, H]`.
    pub fn output(&self) -> &Tensor {
        &self.0[0]
    }

    /// All tensors, the output first.
    pub fn tensors(&self) -> &[Tensor] {
        &self.0
    }

    /// This state where `mask [B]` is true, and `otherwise` elsewhere.
    fn where_counts(&self, mask: &Tensor, otherwise: &Self) -> Self {
        let mask = mask.unsqueeze(1);
        Self(self.0.iter().zip(&otherwise.0).map(|(new, old)| new.where_self(&mask, old)).collect())
    }
}

/// What a scan over time gives back.
#[derive(Debug)]
pub struct Run {
    /// The output after every step, `[B, T, H]`.
    pub outputs: Tensor,
    /// The state after the last step.
    pub last: State,
}

/// A recurrent cell.
pub trait Cell {
    /// Number of inputs I per step.
    fn input_size(&self) -> i64;

    /// Widths of the state's tensors.
    fn state_sizes(&self) -> Vec<i64>;

    /// One of the cell's weights: all tensors that meet the cell have its dtype and device.
    fn weight(&self) -> &Tensor;

    /// The half of a step that needs the input alone: `x [.., I]` to `[.., P]`.
    fn project(&self, x: &Tensor) -> Tensor;

    /// The half of a step that needs the state: `projected [B, P]`.
    fn advance(&self, projected: &Tensor, state: &State) -> State;

    /// The first step from a zero state. A cell may leave out what zeros cannot change.
    fn advance_from_rest(&self, projected: &Tensor) -> State {
        self.advance(projected, &self.zero_state(projected))
    }

    /// One whole step: `x [B, I]`.
    fn step(&self, x: &Tensor, state: &State) -> State {
        self.advance(&self.project(x), state)
    }

    /// A zero state for the batch, dtype and device of `like [B, ..]`.
    fn zero_state(&self, like: &Tensor) -> State {
        let zeros = |width| Tensor::zeros([like.size()[0], width], (like.kind(), like.device()));
        State(self.state_sizes().into_iter().map(zeros).collect())
    }

    /// Runs over `x [B, T, I]`, from `initial` or from zero. Where `mask [B, T]` (bool) is false the step is
    /// skipped: the state stays.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Options`] if an argument does not fit the cell.
    fn scan(&self, x: &Tensor, initial: Option<&State>, mask: Option<&Tensor>) -> Result<Run, Error> {
        check_sequence(self, x, initial, mask)?;
        Ok(unroll(self, x, initial, mask))
    }

    /// The cell in TorchScript, with the methods `step(x [B, I], state) -> (output [B, H], state)`,
    /// `sequence(x [B, T, I], state) -> (outputs [B, T, H], state)` and `forward(x) -> outputs`. The state is optional;
    /// it is the one tensor of the cell's state, or a tuple of them.
    fn script(&self) -> Script;
}

/// The time loop. Arguments were checked by [`check_sequence`].
pub(crate) fn unroll<C: Cell + ?Sized>(
    cell: &C,
    x: &Tensor,
    initial: Option<&State>,
    mask: Option<&Tensor>,
) -> Run {
    // Padding may hold anything, even NaN: zeros keep it out of the gradients, too.
    let padded = mask.map(|mask| x.masked_fill(&mask.to_kind(Kind::Bool).logical_not().unsqueeze(2), 0.0));
    let projected = cell.project(padded.as_ref().unwrap_or(x)).unbind(1);
    let masks = mask.map(|mask| mask.to_kind(Kind::Bool).unbind(1));
    let mut state: Option<State> =
        initial.map(|state| State(state.0.iter().map(Tensor::shallow_clone).collect()));
    let mut outputs = Vec::with_capacity(projected.len());
    for (t, projected) in projected.iter().enumerate() {
        let next = match &state {
            Some(state) => cell.advance(projected, state),
            None => cell.advance_from_rest(projected),
        };
        let next = match (&masks, state) {
            (None, _) => next,
            (Some(masks), Some(before)) => next.where_counts(&masks[t], &before),
            (Some(masks), None) => next.where_counts(&masks[t], &cell.zero_state(projected)),
        };
        outputs.push(next.output().shallow_clone());
        state = Some(next);
    }
    Run { outputs: Tensor::stack(&outputs, 1), last: state.expect("a sequence has at least one step") }
}

/// Refuses what does not fit the cell.
pub(crate) fn check_sequence<C: Cell + ?Sized>(
    cell: &C,
    x: &Tensor,
    initial: Option<&State>,
    mask: Option<&Tensor>,
) -> Result<(), Error> {
    let (inputs, state_sizes) = (cell.input_size(), cell.state_sizes());
    let size = x.size();
    let [batch, steps, width] = size[..] else {
        return Err(shape_error("the input", format!("[B, T, {inputs}]"), x));
    };
    if steps == 0 || width != inputs {
        return Err(shape_error("the input", format!("[B, T >= 1, {inputs}]"), x));
    }
    check_options("the input", cell.weight(), x)?;
    if let Some(mask) = mask.filter(|mask| mask.size() != [batch, steps]) {
        return Err(shape_error("the mask", format!("[{batch}, {steps}]"), mask));
    }
    if let Some(State(tensors)) = initial {
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

fn shape_error(what: &str, expected: String, found: &Tensor) -> Error {
    Error::Shape { what: what.into(), expected, found: found.size() }
}

fn check_options(what: &'static str, weight: &Tensor, found: &Tensor) -> Result<(), Error> {
    let describe = |tensor: &Tensor| format!("{:?} on {:?}", tensor.kind(), tensor.device());
    let (expected, found) = (describe(weight), describe(found));
    if expected == found { Ok(()) } else { Err(Error::Options { what, expected, found }) }
}
