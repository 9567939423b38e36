//! The computation of a training step.

use super::step_result::StepResult;
use crate::config::RunConfig;
use crate::entry::Entry;
use crate::error::Error;
use lnn_core::{Optimizer, Samples, clip_global_norm};
use lnn_models::{Mode, Model, Output};
use tch::{Kind, Tensor};

/// A model with its optimiser and the settings of the loss.
#[derive(Debug)]
pub(crate) struct Descent<'a> {
    pub(crate) model: &'a Model,
    pub(crate) config: &'a RunConfig,
    pub(crate) optimizer: Optimizer,
    /// The place where the samples enter the model.
    pub(crate) entry: Entry,
    /// `[classes]`, if they differ.
    pub(crate) class_weights: Option<Tensor>,
}

impl Descent<'_> {
    /// Runs the forward pass, the loss, the backward pass and the optimiser, whose learning rate was set before. A CUDA graph
    /// records this function, therefore nothing in it waits for the device.
    ///
    /// # Errors
    /// Those of the model and of the optimiser.
    pub(crate) fn step(&mut self, batch: &Samples, mode: Mode) -> Result<StepResult, Error> {
        let Self { model, config, entry, .. } = *self;
        let weights = self.class_weights.as_ref();
        let pass = || entry.run(model, batch.input.shallow_clone(), mode);
        let Output { prediction, steps, activity, .. } =
            config.precision.forward(batch.targets.device(), pass)??;
        let counts = model.training_counts(batch);
        let counts = counts.as_ref();
        let loss = model.weighted_loss(&prediction, &batch.targets, counts, config.label_smoothing, weights);
        let norms = steps.map(|steps| {
            let gradient = Tensor::run_backward(&[&loss], &[&steps], true, false).remove(0);
            gradient.square().sum_dim_intlist(&[0i64, 2][..], false, Kind::Double).sqrt()
        });
        loss.backward();
        if let Some(limit) = config.optimizer.clip {
            let _ = clip_global_norm(model.parameters(), limit)?;
        }
        self.optimizer.descend()?;
        let prediction = prediction.detach();
        let reported = match config.label_smoothing > 0.0 || weights.is_some() {
            true => model.loss(&prediction, &batch.targets, counts, 0.0),
            false => loss.detach(),
        };
        let correct = model.task().correct(&prediction, &batch.targets, counts);
        // An epoch counts samples: of targets per step, the part that is right is that of the samples.
        let correct = match counts {
            Some(counts) => {
                correct.map(|correct| correct * batch.len() / counts.sum(Kind::Double).clamp_min(1.0))
            }
            None => correct,
        };
        Ok(StepResult { loss: reported, correct, activity, norms })
    }
}
