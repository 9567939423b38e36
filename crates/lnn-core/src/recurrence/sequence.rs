//! The input of a cell: a batch of sequences, with the time between their steps and a mask of the valid steps.

use crate::error::Error;
use tch::{Kind, Tensor};

/// A batch of sequences, the input of a cell.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// `[B, T, I]`.
    pub x: &'a Tensor,
    /// `[B, T]`, the time that passes in each step, at least 0; 1 if absent.
    pub dt: Option<&'a Tensor>,
    /// `[B, T]`, bool: where it is false, the step is skipped and the state stays the same.
    pub mask: Option<&'a Tensor>,
    /// Whether a cell that leaves out numbers at random in training does so.
    pub training: bool,
}

impl<'a> Sequence<'a> {
    /// A batch `x [B, T, I]` without a mask, with steps of one unit of time.
    pub fn new(x: &'a Tensor) -> Self {
        Self { x, dt: None, mask: None, training: false }
    }

    /// Sets `dt [B, T]`, if it is given.
    #[must_use]
    pub fn with_dt(self, dt: Option<&'a Tensor>) -> Self {
        Self { dt, ..self }
    }

    /// Sets `mask [B, T]`, if it is given.
    #[must_use]
    pub fn with_mask(self, mask: Option<&'a Tensor>) -> Self {
        Self { mask, ..self }
    }

    /// Says whether the model trains.
    #[must_use]
    pub fn with_training(self, training: bool) -> Self {
        Self { training, ..self }
    }

    /// Returns B and T, or refuses shapes that do not fit each other or a cell of `inputs` inputs.
    pub(crate) fn check(&self, inputs: i64) -> Result<[i64; 2], Error> {
        let expected = || format!("[B, T >= 1, {inputs}]");
        let [batch, steps, width] = self.x.size()[..] else {
            return Err(shape_error("the input", expected(), self.x));
        };
        if steps == 0 || width != inputs {
            return Err(shape_error("the input", expected(), self.x));
        }
        for (what, tensor) in [("the time steps", self.dt), ("the mask", self.mask)] {
            if let Some(tensor) = tensor.filter(|tensor| tensor.size() != [batch, steps]) {
                return Err(shape_error(what, format!("[{batch}, {steps}]"), tensor));
            }
        }
        Ok([batch, steps])
    }

    /// The input with zeros at masked steps: padding may hold any number, even NaN, and zeros keep it out of the gradients,
    /// too.
    pub(crate) fn without_padding(&self) -> Tensor {
        match self.mask {
            Some(mask) => self.x.masked_fill(&mask.to_kind(Kind::Bool).logical_not().unsqueeze(2), 0.0),
            None => self.x.shallow_clone(),
        }
    }

    /// The time of the steps with ones at masked steps, for the same reason.
    pub(crate) fn time_without_padding(&self) -> Option<Tensor> {
        let dt = self.dt?;
        Some(match self.mask {
            Some(mask) => dt.masked_fill(&mask.to_kind(Kind::Bool).logical_not(), 1.0),
            None => dt.shallow_clone(),
        })
    }
}

/// An error that names the tensor with the wrong shape.
pub(crate) fn shape_error(what: &str, expected: String, found: &Tensor) -> Error {
    Error::Shape { what: what.into(), expected, found: found.size() }
}
