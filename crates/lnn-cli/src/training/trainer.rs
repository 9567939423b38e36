//! The training loop.
//!
//! One step: gather a batch, change it, forward in the precision of the run, loss, backward, optimiser. One epoch: all
//! steps, then validation, policies, checkpoints. The loop tells observers what happens and never prints.

use super::batch::{Batch, StepResult};
use super::batches::{Stream, stream_seed};
use super::recorded_step::Recording;
use super::sums::Sums;
use super::{Batches, EpochMetrics, Event, GradientNorms, Samples, TrainingState, evaluate};
use crate::config::RunConfig;
use crate::interrupt::Interrupt;
use crate::observers::Observers;
use crate::run_folder::RunFolder;
use lnn_core::{Optimizer, seeded};
use lnn_models::{Birth, Checkpoint, Mode, Model, Output};
use std::time::Instant;
use tch::{Kind, Tensor};

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A loss is infinite or not a number.
    #[error(
        "the {which} loss is {loss} in epoch {epoch}, step {step} of {steps}; {kept}; hint: lower --lr, or look for extreme \
         values in the data"
    )]
    NonFinite {
        /// `training` or `validation`.
        which: &'static str,
        /// The loss.
        loss: f64,
        /// The epoch, from 1.
        epoch: u64,
        /// The step of the epoch, from 1.
        step: u64,
        /// Steps of an epoch.
        steps: u64,
        /// What is left of the run.
        kept: String,
    },
    /// The model or its checkpoint failed.
    #[error(transparent)]
    Model(#[from] lnn_models::Error),
    /// The optimiser failed.
    #[error(transparent)]
    Core(#[from] lnn_core::Error),
    /// An observer could not write.
    #[error(transparent)]
    Observer(#[from] crate::failure::Failure),
}

impl From<lnn_sys::Error> for TrainError {
    fn from(error: lnn_sys::Error) -> Self {
        Self::Core(error.into())
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done, or early stopping ended it.
    Finished,
    /// It was interrupted or its sitting is over; it can be resumed.
    Paused,
}

/// A run that is under way.
#[derive(Debug)]
pub struct Trainer<'a> {
    model: &'a Model,
    optimizer: Optimizer,
    config: &'a RunConfig,
    train: &'a Samples,
    validation: &'a Samples,
    folder: &'a RunFolder,
    state: TrainingState,
    trace: bool,
    recording: Recording,
}

impl<'a> Trainer<'a> {
    /// A new run, or with `resumed` the same run where its last checkpoint left it. `model` has its weights already.
    ///
    /// # Errors
    /// [`TrainError::Core`] if the optimiser's constants or stored moments do not fit.
    pub fn new(
        model: &'a Model,
        config: &'a RunConfig,
        [train, validation]: [&'a Samples; 2],
        folder: &'a RunFolder,
        resumed: Option<(TrainingState, &Checkpoint)>,
    ) -> Result<Self, TrainError> {
        let mut optimizer = Optimizer::new(model.parameters(), config.optimizer.constants())?;
        let mut state = TrainingState::START;
        if let Some((stored, checkpoint)) = resumed {
            optimizer.restore(stored.step, &checkpoint.optimizer)?;
            state = stored;
        }
        let recording = if config.cuda_graph { Recording::Coming(0) } else { Recording::Off(None) };
        Ok(Self { model, optimizer, config, train, validation, folder, state, trace: false, recording })
    }

    /// The same, watching in each epoch which gradient reaches which step.
    #[must_use]
    pub fn tracing(self, trace: bool) -> Self {
        Self { trace, ..self }
    }

    /// Where the run stands.
    pub fn state(&self) -> &TrainingState {
        &self.state
    }

    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        Batches::count(self.train.len(), self.config.batch_size) as u64
    }

    /// Trains until the end, an interrupt, or `pause_after` more epochs.
    ///
    /// # Errors
    /// [`TrainError`]; the last good checkpoint stays.
    pub fn run(
        &mut self,
        observers: &mut Observers,
        interrupt: &Interrupt,
        pause_after: Option<u64>,
    ) -> Result<Outcome, TrainError> {
        let pause_at = pause_after.map(|epochs| self.state.epoch + epochs);
        while self.state.epoch < self.config.epochs && !self.state.stopped_early {
            if interrupt.requested() || pause_at.is_some_and(|epoch| self.state.epoch >= epoch) {
                return self.pause(observers);
            }
            if self.train_epoch(observers, interrupt)? == Outcome::Paused {
                return self.pause(observers);
            }
        }
        if self.state.stopped_early {
            let best_epoch = self.state.early_stopping.best_epoch;
            observers.notify(&Event::StoppedEarly { epoch: self.state.epoch, best_epoch })?;
        }
        Ok(Outcome::Finished)
    }

    fn pause(&mut self, observers: &mut Observers) -> Result<Outcome, TrainError> {
        self.save_last()?;
        let folder = self.folder.path().to_owned();
        observers.notify(&Event::Paused { epoch: self.state.epoch, step: self.state.step, folder })?;
        Ok(Outcome::Paused)
    }

    fn train_epoch(
        &mut self,
        observers: &mut Observers,
        interrupt: &Interrupt,
    ) -> Result<Outcome, TrainError> {
        let batches = Batches::new(self.train, self.config.batch_size, self.config.seed, self.state.epoch);
        let steps = self.steps_per_epoch();
        let mut sums = Sums::new(self.train.inputs.device(), &self.state);
        let (started, seconds_before, seen_before) = (Instant::now(), self.state.seconds, self.state.seen);
        let mut rate = 0.0;
        while self.state.step_in_epoch < steps {
            rate = self.learning_rate(steps);
            self.step(&batches, rate, &mut sums, observers)?;
            if sums.must_read(self.state.step_in_epoch, steps)
                || interrupt.requested()
                || self.grows_now(self.state.step)
            {
                self.state.seconds = seconds_before + started.elapsed().as_secs_f64();
                self.read(&mut sums, steps)?;
                let loss = self.state.loss_sum / self.state.seen as f64;
                let (epoch, step) = (self.state.epoch + 1, self.state.step_in_epoch);
                observers.notify(&Event::Step { epoch, step, steps, loss })?;
            }
            if self.grows_now(self.state.step) {
                self.grow_by_activity(observers)?;
            }
            if interrupt.requested() && self.state.step_in_epoch < steps {
                return Ok(Outcome::Paused);
            }
        }
        let pace = (self.state.seen - seen_before) as f64 / started.elapsed().as_secs_f64();
        let validation = evaluate(self.model, self.validation, &mut |_| {})?;
        if !validation.loss.is_finite() {
            return Err(self.non_finite("validation", validation.loss, steps, steps));
        }
        self.state.seconds = seconds_before + started.elapsed().as_secs_f64();
        self.finish_epoch(observers, validation, rate, pace)?;
        Ok(Outcome::Finished)
    }

    fn learning_rate(&self, steps: u64) -> f64 {
        let total = steps.saturating_mul(self.config.epochs);
        self.config.schedule.rate(
            self.config.optimizer.learning_rate,
            self.state.step,
            total,
            &self.state.plateau,
        )
    }

    fn step(
        &mut self,
        batches: &Batches<'_>,
        rate: f64,
        sums: &mut Sums,
        observers: &mut Observers,
    ) -> Result<(), TrainError> {
        let number = self.state.step_in_epoch as i64;
        let (samples, mirrored) = (batches.get(number), batches.mirrored(number));
        let seed = stream_seed(self.config.seed, Stream::Step, self.state.step);
        let traced = self.trace && number == 0;
        self.optimizer.set_rate(rate);
        let Self { model, config, optimizer, recording, .. } = self;
        let result = seeded(seed, || {
            let batch = samples.changed(&config.augmentation, &mirrored);
            if traced {
                return descend(model, config, optimizer, &batch, Mode::Traced);
            }
            recording.step(&batch, |batch| descend(model, config, optimizer, batch, Mode::Training))
        })?;
        if let Some(reason) = self.recording.take_refusal() {
            let text = format!("warning: the training step is not recorded in a CUDA graph: {reason}");
            observers.notify(&Event::Notice { text })?;
        }
        if let Some(norms) = result.norms {
            let norms = Vec::try_from(norms).unwrap_or_default();
            observers.notify(&Event::Gradients(GradientNorms::new(self.state.epoch + 1, norms)))?;
        }
        self.state.step += 1;
        self.state.step_in_epoch += 1;
        sums.add(&result.loss, result.correct, result.activity.as_ref(), samples.len());
        Ok(())
    }

    /// Whether growth looks at the activity after `step` steps.
    fn grows_now(&self, step: u64) -> bool {
        let every = self.model.growth().and_then(|growth| growth.every_steps);
        every.is_some_and(|every| step.is_multiple_of(every))
    }

    /// Lets units be born if the activity since the last look calls for them.
    fn grow_by_activity(&mut self, observers: &mut Observers) -> Result<(), TrainError> {
        let unlooked = std::mem::replace(&mut self.state.unlooked, super::ActivitySums::ZERO);
        let calls = match (self.model.growth(), unlooked.means()) {
            (Some(growth), Some((_, mean_state))) => growth.calls_for_activity(mean_state),
            _ => false,
        };
        if calls { self.grow(observers) } else { Ok(()) }
    }

    fn grow(&mut self, observers: &mut Observers) -> Result<(), TrainError> {
        let seed = stream_seed(self.config.seed, Stream::Growth, self.state.step);
        if let Some(birth) = self.model.grow(seed, self.state.step)? {
            self.recording.forget();
            self.state.births.push(birth);
            observers.notify(&Event::Birth(birth))?;
        }
        Ok(())
    }

    /// Brings the sums of the epoch to the host, and stops if a loss was not finite.
    fn read(&mut self, sums: &mut Sums, steps: u64) -> Result<(), TrainError> {
        if let Some((back, loss)) = sums.first_non_finite() {
            return Err(self.non_finite("training", loss, self.state.step_in_epoch - back, steps));
        }
        (self.state.loss_sum, self.state.correct) = sums.totals();
        self.state.seen = sums.seen();
        let activity = sums.take_activity();
        self.state.activity.add(activity);
        self.state.unlooked.add(activity);
        Ok(())
    }

    fn non_finite(&self, which: &'static str, loss: f64, step: u64, steps: u64) -> TrainError {
        let last = self.folder.last();
        let kept = match last.exists() {
            true => format!("{} holds the weights of the last finished epoch", last.display()),
            false => "no epoch was finished, so there is no checkpoint".into(),
        };
        TrainError::NonFinite { which, loss, epoch: self.state.epoch + 1, step, steps, kept }
    }

    fn finish_epoch(
        &mut self,
        observers: &mut Observers,
        validation: super::Evaluation,
        lr: f64,
        samples_per_second: f64,
    ) -> Result<(), TrainError> {
        let (seen, loss_sum, correct) =
            (self.state.seen as f64, self.state.loss_sum, self.state.correct as f64);
        // Units that are born now live from the next epoch on, in the checkpoints of this one, too.
        let plateau = self
            .model
            .growth()
            .is_some_and(|growth| growth.calls_for_plateau(&mut self.state.growth, validation.loss));
        let activity = self.state.activity.means();
        let scores = (validation.loss, validation.accuracy);
        let best = self.state.early_stopping.observe(self.config.selection, self.state.epoch + 1, scores);
        if plateau {
            self.grow(observers)?;
        } else if self.model.growth().is_some_and(|growth| growth.every_steps.is_none()) {
            self.grow_by_activity(observers)?;
        }
        let births: Vec<Birth> = self.state.births.clone();
        self.state.finish_epoch();
        let epoch = self.state.epoch;
        self.state.plateau.observe(&self.config.schedule, validation.loss);
        self.state.stopped_early = self.state.early_stopping.exhausted(self.config.patience);
        if best {
            self.save(&self.folder.best(), false)?;
        }
        let seconds = self.state.seconds;
        observers.notify(&Event::Epoch(EpochMetrics {
            epoch,
            epochs: self.config.epochs,
            step: self.state.step,
            loss: loss_sum / seen,
            accuracy: validation.accuracy.map(|_| correct / seen),
            val_loss: validation.loss,
            val_accuracy: validation.accuracy,
            lr,
            samples_per_second,
            seconds,
            eta_seconds: seconds / epoch as f64 * self.config.epochs.saturating_sub(epoch) as f64,
            best,
            spike_rate: activity.map(|(rate, _)| rate),
            mean_state: activity.map(|(_, state)| state),
            living_units: self.model.living(),
            births,
        }))?;
        if let Some((rate, _)) = activity {
            Self::advise_on_spikes(rate, observers)?;
        }
        // Last of all: a run that dies before this line repeats the epoch, and its metrics line is replaced.
        self.save_last()
    }

    /// A reservoir that never or always spikes says nothing by its spikes.
    fn advise_on_spikes(rate: f64, observers: &mut Observers) -> Result<(), TrainError> {
        let advice = if rate <= 0.0 {
            "no unit ever spiked; hint: lower model.threshold, or raise model.input_scale or model.leak_rate"
        } else if rate >= 1.0 {
            "every unit spiked at every step; hint: raise model.threshold, or lower model.input_scale"
        } else {
            return Ok(());
        };
        Ok(observers.notify(&Event::Notice { text: format!("warning: {advice}") })?)
    }

    fn save_last(&self) -> Result<(), TrainError> {
        self.save(&self.folder.last(), true)
    }

    fn save(&self, path: &std::path::Path, with_optimizer: bool) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            description: self.config.describe(self.model, &self.state),
            model: self.model.parameters().snapshot(),
            optimizer: if with_optimizer { self.optimizer.snapshot() } else { Vec::new() },
        };
        Ok(checkpoint.save(path)?)
    }
}

/// Forward pass, loss, backward pass and optimiser, whose rate was set: what a graph records, so nothing here waits for the
/// device.
fn descend(
    model: &Model,
    config: &RunConfig,
    optimizer: &mut Optimizer,
    batch: &Batch,
    mode: Mode,
) -> Result<StepResult, TrainError> {
    let Output { prediction, steps, activity, .. } = batch.train(model, mode, config.precision)?;
    let loss = model.loss(&prediction, &batch.targets, config.label_smoothing);
    let norms = steps.map(|steps| {
        let gradient = Tensor::run_backward(&[&loss], &[&steps], true, false).remove(0);
        gradient.square().sum_dim_intlist(&[0i64, 2][..], false, Kind::Double).sqrt()
    });
    loss.backward();
    optimizer.descend()?;
    let correct = model.task().correct(&prediction.detach(), &batch.targets);
    Ok(StepResult { loss: loss.detach(), correct, activity, norms })
}
