//! One training step: forward pass, loss, backward pass and optimiser.
//!
//! The trait [`Step`] separates the training loop from the execution of a step: directly, or by replaying a CUDA graph.

mod descent;
mod direct;
mod recorded;
mod step_result;

pub(crate) use descent::Descent;
pub(crate) use direct::Direct;
pub(crate) use recorded::Recorded;
pub(crate) use step_result::StepResult;

use crate::error::Error;
use lnn_core::Samples;

/// Executes a training step on a batch. The learning rate was set before.
pub(crate) trait Step: std::fmt::Debug {
    /// Executes the step.
    ///
    /// # Errors
    /// Those of the model, of the optimiser and of the device.
    fn take(&mut self, descent: &mut Descent<'_>, batch: &Samples) -> Result<StepResult, Error>;

    /// Notifies the step that the tensors of the network were replaced.
    fn network_changed(&mut self) {}

    /// Returns a message for the user, at most once.
    fn take_notice(&mut self) -> Option<String> {
        None
    }
}
