//! The result of a training step.

use lnn_models::Activity;
use tch::Tensor;

/// The result of a training step, on the device.
#[derive(Debug)]
pub(crate) struct StepResult {
    /// The mean loss without label smoothing, a scalar: the quantity that validation reports, whatever is minimised.
    pub(crate) loss: Tensor,
    /// The number of correct predictions, for classes.
    pub(crate) correct: Option<Tensor>,
    /// The activity of a spiking reservoir.
    pub(crate) activity: Option<Activity>,
    /// The gradient norm of the loss at each step through time, if tracing is enabled.
    pub(crate) norms: Option<Tensor>,
}

impl StepResult {
    /// Returns a copy with its own memory.
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
