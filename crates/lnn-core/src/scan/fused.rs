//! A whole time loop as one node of the graph.
//!
//! The stepwise loop in `recurrence/cell.rs` is the reference. It makes a dozen small tensors per step and as many nodes of the
//! graph; here a sequence costs one node, whose backward pass is written out. On the CPU, in float32 and float64, `rows.rs`
//! runs it on plain numbers; elsewhere `device.rs` runs it by operations of libtorch. Memory is time first, `[T, B, ..]`, so
//! that what a thread needs of a step lies together, and so that states and gradients of all steps are one matrix.

use crate::error::Error;
use crate::recurrence::cell::{Cell, check_sequence, recur, unroll};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::device::DeviceScan;
use crate::scan::inputs::ScanInputs;
use crate::scan::rows::RowScan;
use crate::scan::step::Step;
use lnn_sys::apply;
use tch::{Device, Kind, Tensor};

/// How a fused loop runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// On plain numbers, on the threads of the CPU.
    Rows,
    /// By operations of libtorch.
    Operations,
}

impl Form {
    /// The form for tensors with the dtype and device of `weight`.
    fn of(weight: &Tensor) -> Self {
        let rows = weight.device() == Device::Cpu && matches!(weight.kind(), Kind::Float | Kind::Double);
        if rows { Self::Rows } else { Self::Operations }
    }
}

/// A cell with a fused time loop.
pub(crate) trait FusedCell: Cell {
    /// Runs over a sequence that was checked and has at least one sample: [`Fused::run`] with the step of the cell.
    ///
    /// # Errors
    /// [`Error::Torch`] or [`Error::Sys`] if libtorch throws.
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error>;
}

/// [`Cell::scan`] of a cell with a fused time loop.
pub(crate) fn scan<C: FusedCell>(
    cell: &C,
    sequence: Sequence<'_>,
    initial: Option<&State>,
) -> Result<Run, Error> {
    check_sequence(cell, sequence, initial)?;
    match sequence.x.size()[0] {
        0 => unroll(cell, sequence, initial),
        _ => cell.run_fused(Form::of(cell.weight()), sequence, initial),
    }
}

/// What a cell gives to the fused loop.
#[derive(Debug)]
pub(crate) struct Fused<'a, S> {
    pub(crate) step: S,
    /// The weights of the step's products.
    pub(crate) weights: &'a [Tensor],
    /// Further numbers of each step, `[T, B, N]`, or `[1, 1, N]` if they are the same for all steps and samples.
    pub(crate) extra: Option<&'a Tensor>,
}

impl<S: Step> Fused<'_, S> {
    /// Runs the cell over a sequence.
    ///
    /// # Errors
    /// [`Error::Torch`] or [`Error::Sys`] if libtorch throws.
    pub(crate) fn run<C: Cell>(
        self,
        cell: &C,
        form: Form,
        sequence: Sequence<'_>,
        initial: Option<&State>,
    ) -> Result<Run, Error> {
        let Self { step, weights, extra } = self;
        let (batch, steps, inputs) = sequence.x.size3()?;
        let x = sequence.without_padding();
        // What is narrower is turned to time first: the input, or the rows that it becomes.
        let turns_input = weights.iter().any(|weights| inputs <= weights.size()[0]);
        let x = if turns_input { x.transpose(0, 1).contiguous() } else { x };
        let mask = sequence.mask.map(|mask| mask.transpose(0, 1).to_kind(Kind::Bool).contiguous());
        let initial = initial.map(|state| Tensor::cat(state.tensors(), 1));
        let shared = extra.is_some_and(|extra| extra.size()[..2] == [1, 1] && (steps, batch) != (1, 1));
        let weights: Vec<_> = weights.iter().map(Tensor::contiguous).collect();
        let given = ScanInputs {
            units: cell.state_sizes()[0] as usize,
            weights: weights.len(),
            initial: initial.is_some(),
            extra: extra.is_some(),
        };
        let outputs = recur(cell, &x, |projected| {
            let projected = if turns_input { projected } else { projected.transpose(0, 1) };
            let inputs: Vec<_> =
                [&projected].into_iter().chain(&weights).chain(&initial).chain(extra).collect();
            match form {
                Form::Rows => {
                    let mask = mask.map(|mask| Vec::<bool>::try_from(mask.view([-1]))).transpose()?;
                    apply(RowScan { step, mask, given, shared }, &inputs)
                }
                Form::Operations => {
                    let mask = mask.map(|mask| mask.unsqueeze(2));
                    apply(DeviceScan { step, mask, given }, &inputs)
                }
            }
            .map_err(Error::from)
        })??;
        let last = outputs[1].chunk(S::EMITS as i64, 1);
        Ok(Run { outputs: outputs[0].transpose(0, 1), last: State::new(last) })
    }
}

/// [`Cell::advance`] of a cell by the step of its fused loop, as operations of libtorch.
pub(crate) fn advance<S: Step>(
    step: S,
    weights: &[Tensor],
    projected: &Tensor,
    extra: Option<&Tensor>,
    state: &State,
) -> State {
    if S::EMITS == 1 {
        return State::new(vec![step.forward_on_tensors(weights, state.output(), extra, projected).1]);
    }
    let before = Tensor::cat(state.tensors(), 1);
    let (_, after) = step.forward_on_tensors(weights, &before, extra, projected);
    State::new(after.chunk(S::EMITS as i64, 1))
}
