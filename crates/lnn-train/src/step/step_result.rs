//! What a training step gives.

use lnn_models::Activity;
use tch::Tensor;

/// What a training step gives, on the device.
#[derive(Debug)]
pub(crate) struct StepResult {
    /// The mean loss, a scalar.
    pub(crate) loss: Tensor,
    /// The number of correct predictions, for classes.
    pub(crate) correct: Option<Tensor>,
    /// The activity of a spiking reservoir.
    pub(crate) activity: Option<Activity>,
    /// The norm of the loss's gradient at each step through time, of a traced step.
    pub(crate) norms: Option<Tensor>,
}

impl StepResult {
    /// A copy in memory of its own.
    pub(crate) fn copy(&self) -> Self {
        let copy = |tensor: &Option<Tensor>| tensor.as_ref().map(Tensor::copy);
        let activity = self.activity.as_ref().map(|Activity { spike_rate, mean_state }| Activity {
            spike_rate: spike_rate.copy(),
            mean_state: mean_state.copy(),
        });
        let [correct, norms] = [copy(&self.correct), copy(&self.norms)];
        Self { loss: self.loss.copy(), correct, activity, norms }
    }
}
