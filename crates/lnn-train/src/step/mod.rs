//! One step of training: forward pass, loss, backward pass and optimiser.
//!
//! [`Step`] is the seam between the loop and the ways to take a step: directly, or by replaying a CUDA graph.

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

/// A way to take a training step on a batch. The learning rate was set before.
pub(crate) trait Step: std::fmt::Debug {
    /// Takes the step.
    ///
    /// # Errors
    /// Those of the model, of the optimiser and of the device.
    fn take(&mut self, descent: &mut Descent<'_>, batch: &Samples) -> Result<StepResult, Error>;

    /// The network has other tensors from now on.
    fn network_changed(&mut self) {}

    /// Something a user should know, returned once.
    fn take_notice(&mut self) -> Option<String> {
        None
    }
}
