//! What a network is to a model.

use crate::error::Error;
use crate::output::{Mode, Output};
use crate::parts::growth::Growth;
use crate::parts::reading_order::Scan;
use crate::parts::readout::Readout;
use lnn_core::{Input, Script};
use std::fmt::Debug;
use tch::Tensor;

/// What lies between the standardised input and the output: a front whose weights are fixed, and a head that trains. A new
/// model implements this and joins [`ModelConfig`].
pub trait Network: Debug {
    /// The fixed front: the input, standardised, to what the head takes. Without one it is the input itself.
    ///
    /// # Errors
    /// Those of its parts.
    fn front(&self, input: Input) -> Result<Input, Error> {
        Ok(input)
    }

    /// Takes what the network needs to know of its input from standardised training inputs, images `[N, C, H, W]` or sequences
    /// `[N, T, I]`.
    ///
    /// # Errors
    /// Those of its parts.
    fn fit(&self, _inputs: &Tensor) -> Result<(), Error> {
        Ok(())
    }

    /// The head: what the front gives, to logits or values `[B, O]`.
    ///
    /// # Errors
    /// Those of its parts.
    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error>;

    /// The head as a linear readout of features `[B, D]`, if it is one; then the front is worth computing once.
    fn readout(&self) -> Option<&Readout> {
        None
    }

    /// When units are born, if they can be.
    fn growth(&self) -> Option<&Growth> {
        None
    }

    /// Lets units be born, drawn from libtorch's generator: `[born, living, room]`, or none if there is no room.
    ///
    /// # Errors
    /// Those of its parts.
    fn grow(&self) -> Result<Option<[i64; 3]>, Error> {
        Ok(None)
    }

    /// How many units live, if that changes.
    fn living(&self) -> Option<i64> {
        None
    }

    /// The tensors were filled from a file.
    fn loaded(&self) {}

    /// Whether time passes between the steps, so that the input may have a `dt`.
    fn has_time(&self) -> bool {
        false
    }

    /// Whether the steps of the network can be taken one by one, and if so how it reads an image as steps.
    fn steps(&self) -> Option<Option<Scan>> {
        None
    }

    /// The network in TorchScript, with the method `forward(input)`, which calls `self.preprocessing` first.
    fn script(&self) -> Script;
}
