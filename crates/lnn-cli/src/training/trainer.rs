//! The training loop.
//!
//! One step: gather a batch, change it, forward, loss, backward, optimiser. One epoch: all steps, then validation,
//! policies, checkpoints. The loop tells observers what happens and never prints.

use super::batches::{Stream, stream_seed};
use super::{Batches, EpochMetrics, Event, Samples, TrainingState, evaluate};
use crate::config::RunConfig;
use crate::interrupt::Interrupt;
use crate::observers::Observers;
use crate::run_folder::RunFolder;
use lnn_core::{AdamW, seeded};
use lnn_models::{Checkpoint, Model};
use std::time::Instant;
use tch::{Device, Kind, Reduction, Tensor};

/// On CUDA, reading a loss waits for the device: losses are read once in so many steps.
const CUDA_STEPS_BETWEEN_READS: u64 = 50;

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
    optimizer: AdamW,
    config: &'a RunConfig,
    train: &'a Samples,
    validation: &'a Samples,
    folder: &'a RunFolder,
    state: TrainingState,
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
        let mut optimizer = AdamW::new(model.parameters(), config.optimizer.constants())?;
        let mut state = TrainingState::START;
        if let Some((stored, checkpoint)) = resumed {
            optimizer.restore(stored.step, &checkpoint.optimizer)?;
            state = stored;
        }
        Ok(Self { model, optimizer, config, train, validation, folder, state })
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
            self.step(&batches, rate, &mut sums)?;
            if sums.must_read(self.state.step_in_epoch, steps) || interrupt.requested() {
                self.state.seconds = seconds_before + started.elapsed().as_secs_f64();
                self.read(&mut sums, steps)?;
                let loss = self.state.loss_sum / self.state.seen as f64;
                let (epoch, step) = (self.state.epoch + 1, self.state.step_in_epoch);
                observers.notify(&Event::Step { epoch, step, steps, loss })?;
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

    fn step(&mut self, batches: &Batches<'_>, rate: f64, sums: &mut Sums) -> Result<(), TrainError> {
        let batch = batches.get(self.state.step_in_epoch as i64);
        let seed = stream_seed(self.config.seed, Stream::Step, self.state.step);
        let logits = seeded(seed, || batch.logits(self.model, Some(&self.config.augmentation)))?;
        let loss = logits.cross_entropy_loss::<Tensor>(
            &batch.labels,
            None,
            Reduction::Mean,
            -100,
            self.config.label_smoothing,
        );
        loss.backward();
        self.optimizer.step(rate)?;
        self.state.step += 1;
        self.state.step_in_epoch += 1;
        sums.add(&loss.detach(), &logits.detach(), &batch.labels);
        Ok(())
    }

    /// Brings the sums of the epoch to the host, and stops if a loss was not finite.
    fn read(&mut self, sums: &mut Sums, steps: u64) -> Result<(), TrainError> {
        if let Some((back, loss)) = sums.first_non_finite() {
            return Err(self.non_finite("training", loss, self.state.step_in_epoch - back, steps));
        }
        (self.state.loss_sum, self.state.correct) = sums.totals();
        self.state.seen = sums.seen;
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
        self.state.finish_epoch();
        let epoch = self.state.epoch;
        let scores = (validation.loss, validation.accuracy);
        let best = self.state.early_stopping.observe(self.config.selection, epoch, scores);
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
            accuracy: correct / seen,
            val_loss: validation.loss,
            val_accuracy: validation.accuracy,
            lr,
            samples_per_second,
            seconds,
            eta_seconds: seconds / epoch as f64 * self.config.epochs.saturating_sub(epoch) as f64,
            best,
        }))?;
        // Last of all: a run that dies before this line repeats the epoch, and its metrics line is replaced.
        self.save_last()
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

/// Running sums of an epoch, kept on the device so that a step need not wait for it.
struct Sums {
    loss: Tensor,
    correct: Tensor,
    unread: Vec<Tensor>,
    seen: u64,
    steps_between_reads: u64,
}

impl Sums {
    fn new(device: Device, state: &TrainingState) -> Self {
        let scalar = |value: f64| Tensor::full([], value, (Kind::Double, device));
        Self {
            loss: scalar(state.loss_sum),
            correct: scalar(state.correct as f64),
            unread: Vec::new(),
            seen: state.seen,
            steps_between_reads: if device == Device::Cpu { 1 } else { CUDA_STEPS_BETWEEN_READS },
        }
    }

    fn add(&mut self, loss: &Tensor, logits: &Tensor, labels: &Tensor) {
        let images = labels.size()[0];
        self.loss += loss.to_kind(Kind::Double) * images;
        self.correct += logits.argmax(1, false).eq_tensor(labels).sum(Kind::Double);
        self.unread.push(loss.shallow_clone());
        self.seen += images as u64;
    }

    fn must_read(&self, step: u64, steps: u64) -> bool {
        step == steps || self.unread.len() as u64 >= self.steps_between_reads
    }

    /// The first loss since the last read that is not finite, and how many steps ago it was.
    fn first_non_finite(&mut self) -> Option<(u64, f64)> {
        let unread = std::mem::take(&mut self.unread);
        if unread.is_empty() {
            return None;
        }
        let losses: Vec<f32> = Tensor::stack(&unread, 0).to_kind(Kind::Float).try_into().unwrap_or_default();
        let first = losses.iter().position(|loss| !loss.is_finite())?;
        Some(((losses.len() - 1 - first) as u64, f64::from(losses[first])))
    }

    fn totals(&self) -> (f64, u64) {
        (self.loss.double_value(&[]), self.correct.double_value(&[]) as u64)
    }
}
