//! One training step: forward pass, loss, backward pass and optimiser.
//!
//! The trait [`Step`] separates the training loop from the execution of a step: directly, by replaying a CUDA graph, or together with
//! other ranks.

mod data_parallel;
mod descent;
mod direct;
mod recorded;
mod step_result;

pub(crate) use data_parallel::DataParallel;
pub(crate) use descent::Descent;
pub(crate) use direct::Direct;
pub(crate) use recorded::Recorded;
pub(crate) use step_result::StepResult;

use crate::error::Error;
use lnn_core::{Samples, Share};

/// Executes a training step on a batch. The learning rate was set before.
pub(crate) trait Step: std::fmt::Debug {
    /// Executes the step. `batch` has the samples of this rank, which are `share` of those of all ranks; a rank without a share has any
    /// sample, which does not count.
    ///
    /// # Errors
    /// Those of the model, of the optimiser and of the device.
    fn take(&mut self, descent: &mut Descent<'_>, batch: &Samples, share: Share)
    -> Result<StepResult, Error>;

    /// Notifies the step that the tensors of the network were replaced.
    fn network_changed(&mut self) {}

    /// Returns a message for the user, at most once.
    fn take_notice(&mut self) -> Option<String> {
        None
    }
}
