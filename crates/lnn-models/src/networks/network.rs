//! What a network is to a model.

use crate::error::Error;
use crate::networks::state::ModelState;
use crate::output::{Mode, Output};
use crate::parts::growth::{Grown, Growth};
use crate::parts::reading_order::Scan;
use crate::parts::readout::Readout;
use crate::parts::standardization::Standardization;
use crate::preset::PresetOf;
use lnn_core::{Input, InputSpec, Scope, Script, Wiring};
use std::fmt::Debug;
use tch::Tensor;

/// What lies between the standardised input and the prediction: a front with fixed parameters, and a trainable head. A new network
/// implements this, and its configuration joins the list in `config.rs`.
pub trait Network: Debug {
    /// The fixed front: computes what the head takes from the standardised input. Without a front that is the input itself.
    ///
    /// # Errors
    /// Those of its parts.
    fn front(&self, input: Input) -> Result<Input, Error> {
        Ok(input)
    }

    /// Computes the statistics that the network needs from standardised training inputs, images `[N, C, H, W]` or sequences
    /// `[N, T, I]`, which `inputs` returns.
    ///
    /// # Errors
    /// Those of its parts.
    fn fit(&self, _inputs: &dyn Fn() -> Tensor) -> Result<(), Error> {
        Ok(())
    }

    /// The head: computes logits or standardised values `[B, O]` from what the front returned.
    ///
    /// # Errors
    /// Those of its parts.
    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error>;

    /// The head as a linear readout of features `[B, D]`, or `[B, T, D]` after each step, if it is one; the features of all samples can then be computed once.
    fn readout(&self) -> Option<&Readout> {
        None
    }

    /// Number of first steps of a series that have no target in training.
    fn washout(&self) -> i64 {
        0
    }

    /// The growth rule, if the network can add units.
    fn growth(&self) -> Option<&Growth> {
        None
    }

    /// Adds units, with weights drawn from libtorch's generator; `None` if the maximum is reached.
    ///
    /// # Errors
    /// Those of its parts.
    fn grow(&self) -> Result<Option<Grown>, Error> {
        Ok(None)
    }

    /// Number of active units, if it can change.
    fn active_units(&self) -> Option<i64> {
        None
    }

    /// Sets the number of steps over which gradients reach back in training, all of them if absent. Returns whether the network can do so.
    fn truncate(&mut self, steps: Option<i64>) -> bool {
        steps.is_none()
    }

    /// Called after the tensors were filled from a file.
    fn loaded(&self) {}

    /// Whether the input may have a `dt`, the time between steps.
    fn has_time(&self) -> bool {
        false
    }

    /// The wirings of its layers of cells, as far as they have one, the first layer first.
    fn wirings(&self) -> Vec<&Wiring> {
        Vec::new()
    }

    /// How stiff a step of one unit of time is, and the number above which the method of the cells diverges, if they have an explicit one.
    fn stiffness(&self) -> Option<[f64; 2]> {
        None
    }

    /// How the network can be run step by step. If it can, it implements [`start`](Self::start) and [`step`](Self::step).
    fn stepping(&self) -> Stepping {
        Stepping::Whole
    }

    /// The state before the first step of `batch` sequences; none if the network cannot be run step by step.
    fn start(&self, _batch: i64) -> Option<ModelState> {
        None
    }

    /// One step: standardised `x [B, I]` and `dt [B]`, with a state that has the shapes of [`start`](Self::start), to logits or
    /// values `[B, O]` and the next state.
    ///
    /// # Errors
    /// Those of its parts.
    fn step(
        &self,
        _x: &Tensor,
        _dt: Option<&Tensor>,
        _state: &ModelState,
    ) -> Result<(Tensor, ModelState), Error> {
        unreachable!("a network without a first state is not asked for a step")
    }

    /// Steps of sequences one after the other: standardised `x [B, T, I]` and `dt [B, T]`, from a state as of [`start`](Self::start), to what the
    /// readout sees after each step, `[B, T, D]`, and the state after the last one. A network whose stepping is [`Stepping::Sequences`] implements it.
    ///
    /// # Errors
    /// Those of its parts.
    fn advance(&self, _rows: &Input, _state: &ModelState) -> Result<(Tensor, ModelState), Error> {
        unreachable!("a network that does not step through sequences is not asked for steps of one")
    }

    /// The linear map from what [`advance`](Self::advance) returns to logits or standardised values.
    fn last_layer(&self) -> Option<&Readout> {
        self.readout()
    }

    /// How many tensors at the end of a state are sums over all steps: those of a mean, or none. [`advance`](Self::advance) takes them in any
    /// floating dtype and keeps it.
    fn sums(&self) -> usize {
        0
    }

    /// The network in TorchScript, with the method `forward(input)`, which calls `self.preprocessing` first.
    fn script(&self) -> Script;
}

/// How a network can be run step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stepping {
    /// Not at all: it needs all steps at once.
    Whole,
    /// By the steps of its sequences.
    Sequences,
    /// By the steps of an image that is read in this order.
    Images(Scan),
}

impl Stepping {
    /// The order in which images become steps.
    pub(crate) fn order(self) -> Option<Scan> {
        match self {
            Self::Images(order) => Some(order),
            Self::Whole | Self::Sequences => None,
        }
    }
}

/// The configuration of a network: data from which it is built.
pub(crate) trait NetworkConfig: Sized + 'static {
    /// The presets, in the order of the help.
    const PRESETS: &'static [PresetOf<Self>];

    /// Refuses a standardisation that the network cannot use.
    ///
    /// # Errors
    /// [`Error::Standardization`].
    fn check_standardization(&self, _found: Standardization) -> Result<(), Error> {
        Ok(())
    }

    /// The network for the given input.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if a value is out of its range or does not fit the input.
    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error>;
}
