//! The training loop.
//!
//! One step: gather a batch, augment it, forward pass in the precision of the run, loss, backward pass, optimiser. One epoch: all
//! steps, then validation, policies, checkpoints. The loop reports events to observers and never prints.

use crate::batches::{Batches, Stream, stream_seed};
use crate::config::RunConfig;
use crate::entry::Entry;
use crate::error::Error;
use crate::evaluation::evaluate_among;
use crate::event::{Event, GradientNorms};
use crate::input_noise::noisy;
use crate::observers::Observers;
use crate::policies::Schedule;
use crate::ranks::Ranks;
use crate::run_folder::RunFolder;
use crate::state::TrainingState;
use crate::step::{DataParallel, Descent, Direct, Recorded, Step};
use crate::sums::Sums;
use lnn_core::{Optimizer, SampleSet, Samples, seeded_share};
use lnn_models::{Checkpoint, Mode, Model};
use std::time::Instant;
use tch::Tensor;

/// The way in which a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are finished, or early stopping ended the run.
    Finished,
    /// The run was stopped or paused; it can be resumed.
    Paused,
}

/// A run in progress.
#[derive(Debug)]
pub struct Trainer<'a> {
    pub(crate) descent: Descent<'a>,
    pub(crate) config: &'a RunConfig,
    pub(crate) folder: &'a RunFolder,
    pub(crate) state: TrainingState,
    train: &'a SampleSet,
    validation: &'a SampleSet,
    pub(crate) step: Box<dyn Step>,
    /// What checkpoints store to recognise the data.
    pub(crate) data: Vec<(String, Tensor)>,
    trace: bool,
    pub(crate) ranks: Ranks,
}

impl<'a> Trainer<'a> {
    /// Creates the trainer of a new run, or with `resumed` of a run at its last checkpoint. `model` is already initialised; the
    /// samples for training and validation enter it at `entry`.
    ///
    /// # Errors
    /// [`Error::Model`] if the optimiser's constants or stored moments do not fit.
    pub fn new(
        model: &'a Model,
        config: &'a RunConfig,
        [train, validation]: [&'a SampleSet; 2],
        entry: Entry,
        folder: &'a RunFolder,
        resumed: Option<(TrainingState, &Checkpoint)>,
    ) -> Result<Self, Error> {
        let mut optimizer = Optimizer::new(model.parameters(), config.optimizer.constants())?;
        let mut state = TrainingState::START;
        if let Some((stored, checkpoint)) = resumed {
            optimizer.restore(stored.step, &checkpoint.optimizer)?;
            state = stored;
            if state.grown {
                optimizer.units_added();
            }
        }
        if matches!(config.schedule, Schedule::OneCycle { .. }) {
            state.planned_epochs.get_or_insert(config.epochs);
        }
        let step: Box<dyn Step> =
            if config.cuda_graph { Box::new(Recorded::new()) } else { Box::new(Direct) };
        let (classes, kind) = (model.task().outputs(), model.parameters().kind());
        let class_weights = config.class_weights.of(train, classes, kind);
        let descent = Descent { model, config, optimizer, entry, class_weights };
        let (data, ranks) = (Vec::new(), Ranks::default());
        Ok(Self { descent, config, folder, state, train, validation, step, data, trace: false, ranks })
    }

    /// Enables or disables tracing: each epoch then measures the gradient norm at each step through time.
    #[must_use]
    pub fn tracing(self, trace: bool) -> Self {
        Self { trace, ..self }
    }

    /// Sets what checkpoints store to recognise the data when the run is resumed.
    #[must_use]
    pub fn recognizing(self, data: Vec<(String, Tensor)>) -> Self {
        Self { data, ..self }
    }

    /// Trains together with other ranks. A run that begins has batches for this number of ranks.
    #[must_use]
    pub fn among(mut self, ranks: &Ranks) -> Self {
        if !ranks.are_several() {
            return self;
        }
        if self.state.epoch == 0 && self.state.step == 0 {
            self.state.ranks = ranks.place().size as u64;
        }
        let step = Box::new(DataParallel::new(ranks.clone(), self.config.sync_batch_norm));
        Self { step, ranks: ranks.clone(), ..self }
    }

    /// The number of samples of a batch of all ranks.
    pub fn batch_size(&self) -> i64 {
        self.config.batch_size.saturating_mul(self.state.ranks as i64)
    }

    /// Returns the state of the run.
    pub fn state(&self) -> &TrainingState {
        &self.state
    }

    /// Returns the number of steps per epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        Batches::count(self.train.len(), self.batch_size()) as u64
    }

    /// Trains until the last epoch, until `stop` returns true after a step in any rank, or for `pause_after` more epochs.
    ///
    /// # Errors
    /// [`Error`]; the last complete checkpoint is kept.
    pub fn run(
        &mut self,
        observers: &mut Observers,
        stop: &dyn Fn() -> bool,
        pause_after: Option<u64>,
    ) -> Result<Outcome, Error> {
        let pause_at = pause_after.map(|epochs| self.state.epoch.saturating_add(epochs));
        while self.state.epoch < self.config.epochs && !self.state.stopped_early {
            if self.ranks.any(stop())? || pause_at.is_some_and(|epoch| self.state.epoch >= epoch) {
                return self.pause(observers);
            }
            if self.train_epoch(observers, stop)? == Outcome::Paused {
                return self.pause(observers);
            }
        }
        if self.state.stopped_early {
            let best_epoch = self.state.early_stopping.best_epoch;
            observers.notify(&Event::StoppedEarly { epoch: self.state.epoch, best_epoch });
        }
        Ok(Outcome::Finished)
    }

    fn pause(&mut self, observers: &mut Observers) -> Result<Outcome, Error> {
        self.save_last()?;
        let folder = self.folder.path().to_owned();
        observers.notify(&Event::Paused { epoch: self.state.epoch, step: self.state.step, folder });
        Ok(Outcome::Paused)
    }

    fn train_epoch(&mut self, observers: &mut Observers, stop: &dyn Fn() -> bool) -> Result<Outcome, Error> {
        let batches = Batches::new(self.train, self.batch_size(), self.config.seed, self.state.epoch)
            .among(self.ranks.place());
        let steps = self.steps_per_epoch();
        let mut sums = Sums::new(self.train.device(), &self.state);
        let (started, seconds_before, seen_before) = (Instant::now(), self.state.seconds, self.state.seen);
        let mut rate = 0.0;
        while self.state.step_in_epoch < steps {
            rate = self.learning_rate(steps);
            self.take_step(&batches, rate, &mut sums, observers)?;
            let due = sums.must_read(self.state.step_in_epoch, steps) || self.grows_now(self.state.step);
            // Several ranks ask each other as often as they wait for the device, and all of them at the same steps.
            let asks = due || !self.ranks.are_several();
            let stopping = asks && self.ranks.any(stop())?;
            if due || stopping {
                self.ranks.settle()?;
                self.state.seconds = seconds_before + started.elapsed().as_secs_f64();
                self.read(&mut sums, steps)?;
                let loss = self.state.loss_sum / self.state.seen as f64;
                let (epoch, step) = (self.state.epoch + 1, self.state.step_in_epoch);
                observers.notify(&Event::Step { epoch, step, steps, loss });
            }
            if self.grows_now(self.state.step) {
                self.grow_by_activity(observers)?;
            }
            if stopping && self.state.step_in_epoch < steps {
                return Ok(Outcome::Paused);
            }
        }
        let pace = (self.state.seen - seen_before) as f64 / started.elapsed().as_secs_f64();
        // Running statistics of batches are those of each rank; the checkpoint has those of rank 0.
        let parameters = self.descent.model.parameters();
        self.ranks.broadcast(parameters.entries().iter().map(|entry| &entry.tensor))?;
        let Descent { model, entry, .. } = self.descent;
        let validation = evaluate_among(&self.ranks, model, self.validation, entry)?;
        if !validation.loss.is_finite() {
            return Err(self.non_finite("validation", validation.loss, steps, steps));
        }
        self.state.seconds = seconds_before + started.elapsed().as_secs_f64();
        self.finish_epoch(observers, &validation, rate, pace)?;
        Ok(Outcome::Finished)
    }

    fn learning_rate(&self, steps: u64) -> f64 {
        let total = steps.saturating_mul(self.state.planned_epochs.unwrap_or(self.config.epochs));
        let highest = self.config.optimizer.learning_rate;
        self.config.schedule.rate(highest, self.state.step, total, &self.state.plateau)
    }

    fn take_step(
        &mut self,
        batches: &Batches<'_>,
        rate: f64,
        sums: &mut Sums,
        observers: &mut Observers,
    ) -> Result<(), Error> {
        let number = self.state.step_in_epoch as i64;
        let (samples, mirrored, share) =
            (batches.get(number), batches.mirrored(number), batches.share(number));
        let seed = stream_seed(self.config.seed, Stream::Step, self.state.step);
        let traced = self.trace && number == 0;
        let Self { descent, config, step, .. } = self;
        descent.optimizer.set_rate(rate);
        let result = seeded_share(seed, share, || {
            let Samples { mut input, targets } = samples.to_floating(descent.model.parameters().kind());
            if input.x.dim() == 4 {
                input.x = config.augmentation.apply(&input.x, &mirrored);
            }
            if config.input_noise > 0.0 {
                input = noisy(descent.model, input, config.input_noise)?;
            }
            let batch = Samples { input, targets };
            if traced { descent.step(&batch, Mode::Traced) } else { step.take(descent, &batch, share) }
        })?;
        if let Some(text) = self.step.take_notice() {
            observers.notify(&Event::Notice { text });
        }
        if let Some(norms) = result.norms {
            let norms = Vec::try_from(norms).unwrap_or_default();
            observers.notify(&Event::Gradients(GradientNorms::new(self.state.epoch + 1, norms)));
        }
        self.state.step += 1;
        self.state.step_in_epoch += 1;
        sums.add(&result.loss, result.correct, result.activity.as_ref(), share.total);
        Ok(())
    }

    /// Reads the sums of the epoch from the device, and returns an error if a loss was not finite.
    fn read(&mut self, sums: &mut Sums, steps: u64) -> Result<(), Error> {
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

    fn non_finite(&self, which: &'static str, loss: f64, step: u64, steps: u64) -> Error {
        let last = self.folder.last();
        let kept = match last.exists() {
            true => format!("{} holds the weights of the last finished epoch", last.display()),
            false => "no epoch was finished, so there is no checkpoint".into(),
        };
        Error::NonFinite { which, loss, epoch: self.state.epoch + 1, step, steps, kept }
    }
}
