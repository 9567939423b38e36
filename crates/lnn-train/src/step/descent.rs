//! The computation of a training step.

use super::step_result::StepResult;
use crate::config::RunConfig;
use crate::entry::Entry;
use crate::error::Error;
use lnn_core::{Optimizer, Samples, clip_global_norm};
use lnn_models::{Activity, Mode, Model, Output};
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

/// The result of a forward pass over a batch.
#[derive(Debug)]
pub(crate) struct Pass {
    /// What is minimised, a scalar: the mean over the targets that count.
    pub(crate) loss: Tensor,
    prediction: Tensor,
    /// Which targets count, bool `[B, T]`; none where a sequence has one target.
    counts: Option<Tensor>,
    /// The number of targets that count, a float64 scalar.
    pub(crate) targets: Tensor,
    /// The number of correct predictions, for classes.
    pub(crate) correct: Option<Tensor>,
    /// The activity of a spiking reservoir.
    pub(crate) activity: Option<Activity>,
    /// The sequence that entered the recurrent part, if the pass was traced.
    steps: Option<Tensor>,
}

impl Descent<'_> {
    /// Runs the forward pass, the loss, the backward pass and the optimiser, whose learning rate was set before. A CUDA graph
    /// records this function, therefore nothing in it waits for the device.
    ///
    /// # Errors
    /// Those of the model and of the optimiser.
    pub(crate) fn step(&mut self, batch: &Samples, mode: Mode) -> Result<StepResult, Error> {
        let pass = self.forward(batch, mode)?;
        let norms = pass.steps.as_ref().map(|steps| {
            let gradient = Tensor::run_backward(&[&pass.loss], &[steps], true, false).remove(0);
            gradient.square().sum_dim_intlist(&[0i64, 2][..], false, Kind::Double).sqrt()
        });
        pass.loss.backward();
        self.descend()?;
        let loss = self.reported(batch, &pass);
        // An epoch counts samples: of targets per step, the part that is right is that of the samples.
        let correct = match &pass.counts {
            Some(_) => pass.correct.map(|correct| correct * batch.len() / pass.targets.clamp_min(1.0)),
            None => pass.correct,
        };
        Ok(StepResult { loss, correct, activity: pass.activity, norms })
    }

    /// Runs the forward pass and the loss.
    ///
    /// # Errors
    /// Those of the model.
    pub(crate) fn forward(&self, batch: &Samples, mode: Mode) -> Result<Pass, Error> {
        let Self { model, config, entry, .. } = *self;
        let weights = self.class_weights.as_ref();
        let pass = || entry.run(model, batch.input.shallow_clone(), mode);
        let Output { prediction, steps, activity, .. } =
            config.precision.forward(batch.targets.device(), pass)??;
        let counts = model.training_counts(batch);
        let of_counts = counts.as_ref();
        let loss =
            model.weighted_loss(&prediction, &batch.targets, of_counts, config.label_smoothing, weights);
        let prediction = prediction.detach();
        let correct = model.task().correct(&prediction, &batch.targets, of_counts);
        let targets = match of_counts {
            Some(counts) => counts.sum(Kind::Double),
            None => Tensor::full([], batch.len(), (Kind::Double, batch.targets.device())),
        };
        Ok(Pass { loss, prediction, counts, targets, correct, activity, steps })
    }

    /// Takes the step along the gradients.
    ///
    /// # Errors
    /// Those of the optimiser.
    pub(crate) fn descend(&mut self) -> Result<(), Error> {
        if let Some(limit) = self.config.optimizer.clip {
            let _ = clip_global_norm(self.model.parameters(), limit)?;
        }
        Ok(self.optimizer.descend()?)
    }

    /// The mean loss without label smoothing and weights of classes, which validation reports.
    pub(crate) fn reported(&self, batch: &Samples, pass: &Pass) -> Tensor {
        match self.config.label_smoothing > 0.0 || self.class_weights.is_some() {
            true => self.model.loss(&pass.prediction, &batch.targets, pass.counts.as_ref(), 0.0),
            false => pass.loss.detach(),
        }
    }

    /// What the mean loss of the batch was divided by, a float64 scalar: the number of its targets, or the sum of the weights of their
    /// classes.
    pub(crate) fn loss_weight(&self, batch: &Samples, pass: &Pass) -> Tensor {
        let Some(weights) = &self.class_weights else { return pass.targets.shallow_clone() };
        let labels = batch.targets.view([-1]);
        let of_labels = weights.index_select(0, &labels.clamp_min(0)).to_kind(Kind::Double);
        let present = pass.counts.as_ref().map_or_else(|| labels.ge(0), |counts| counts.view([-1]));
        (of_labels * present).sum(Kind::Double)
    }
}
