//! A batch that is ready for the model, and what a training step on it gives.

use super::samples::Form;
use crate::precision::Precision;
use lnn_models::{Activity, Error, Input, Mode, Model, Output};
use tch::Tensor;

/// Inputs as the model takes them, changed already, with their targets.
#[derive(Debug)]
pub struct Batch {
    /// What the model takes.
    pub input: Input,
    /// As in [`Samples`](super::Samples).
    pub targets: Tensor,
    /// What the inputs are.
    pub form: Form,
}

impl Batch {
    /// What the model makes of it in training, in the `precision` of the run.
    ///
    /// # Errors
    /// Those of [`Model::run`] and [`Precision::forward`].
    pub fn train(&self, model: &Model, mode: Mode, precision: Precision) -> Result<Output, Error> {
        let pass = || self.form.run(model, self.input.shallow_clone(), mode);
        precision.forward(self.targets.device(), pass).map_err(lnn_core::Error::from)?
    }

    /// The same numbers in memory of their own.
    pub(super) fn copy(&self) -> Self {
        let Input { x, dt, mask } = &self.input;
        let input =
            Input { x: x.copy(), dt: dt.as_ref().map(Tensor::copy), mask: mask.as_ref().map(Tensor::copy) };
        Self { input, targets: self.targets.copy(), form: self.form }
    }

    /// Whether the tensors of both have the same shapes.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let shapes = |batch: &Self| batch.tensors().map(|tensor| tensor.map(Tensor::size));
        shapes(self) == shapes(other)
    }

    /// Takes over the numbers of another batch of the same shapes.
    pub(super) fn fill_from(&mut self, other: &Self) {
        for (own, other) in self.tensors().into_iter().zip(other.tensors()) {
            if let (Some(own), Some(other)) = (own, other) {
                own.shallow_clone().copy_(other);
            }
        }
    }

    fn tensors(&self) -> [Option<&Tensor>; 4] {
        let Input { x, dt, mask } = &self.input;
        [Some(x), dt.as_ref(), mask.as_ref(), Some(&self.targets)]
    }
}

/// What a training step gives, on the device.
#[derive(Debug)]
pub(super) struct StepResult {
    /// The mean loss, a scalar.
    pub(super) loss: Tensor,
    /// How many answers were right, for classes.
    pub(super) correct: Option<Tensor>,
    /// Of a spiking reservoir.
    pub(super) activity: Option<Activity>,
    /// The norm of the loss's gradient at each step through time, of a traced step.
    pub(super) norms: Option<Tensor>,
}

impl StepResult {
    /// The same numbers in memory of their own.
    pub(super) fn copy(&self) -> Self {
        let copy = |tensor: &Option<Tensor>| tensor.as_ref().map(Tensor::copy);
        let activity = self.activity.as_ref().map(|Activity { spike_rate, mean_state }| Activity {
            spike_rate: spike_rate.copy(),
            mean_state: mean_state.copy(),
        });
        let [correct, norms] = [copy(&self.correct), copy(&self.norms)];
        Self { loss: self.loss.copy(), correct, activity, norms }
    }
}
