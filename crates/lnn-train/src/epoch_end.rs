//! The end of an epoch: policies, growth, checkpoints and the metrics line.

use crate::error::Error;
use crate::evaluation::Evaluation;
use crate::event::{EpochMetrics, Event};
use crate::observers::Observers;
use crate::state::TrainingState;
use crate::trainer::Trainer;
use lnn_models::{AddedUnits, Checkpoint};
use std::path::Path;

impl Trainer<'_> {
    pub(crate) fn finish_epoch(
        &mut self,
        observers: &mut Observers,
        validation: &Evaluation,
        lr: f64,
        samples_per_second: f64,
    ) -> Result<(), Error> {
        let (seen, loss_sum, correct) = (self.state.seen as f64, self.state.loss_sum, self.state.correct);
        // Units that are added here are active from the next epoch on; the checkpoints of this epoch contain them.
        let plateau = self
            .descent
            .model
            .growth()
            .is_some_and(|growth| growth.calls_for_plateau(&mut self.state.growth, validation.loss));
        let activity = self.state.activity.means();
        let scores = (validation.loss, validation.accuracy);
        let best = self.state.early_stopping.observe(self.config.selection, self.state.epoch + 1, scores);
        if plateau {
            self.grow(observers)?;
        } else if self.descent.model.growth().is_some_and(|growth| growth.every_steps.is_none()) {
            self.grow_by_activity(observers)?;
        }
        let added_units: Vec<AddedUnits> = self.state.added_units.clone();
        self.state.finish_epoch();
        let epoch = self.state.epoch;
        self.state.plateau.observe(&self.config.schedule, validation.loss);
        self.state.stopped_early = self.state.early_stopping.exhausted(self.config.patience);
        let seconds = self.state.seconds;
        let metrics = EpochMetrics {
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
            active_units: self.descent.model.active_units(),
            added_units,
        };
        self.state.record_epoch(metrics.clone());
        if best {
            self.save(&self.folder.best(), &self.state.without_records(), false)?;
        }
        // The checkpoint comes first and carries the metrics: a run that is killed between the two restores the line.
        self.save_last()?;
        observers.notify(&Event::Epoch(metrics));
        if let Some((rate, _)) = activity {
            Self::advise_on_spikes(rate, observers);
        }
        Ok(())
    }

    /// Warns if no unit spiked or every unit spiked at every step, because such spikes carry no information.
    fn advise_on_spikes(rate: f64, observers: &mut Observers) {
        let advice = if rate <= 0.0 {
            "no unit ever spiked; hint: lower model.threshold, or raise model.input_scale or model.leak_rate"
        } else if rate >= 1.0 {
            "every unit spiked at every step; hint: raise model.threshold, or lower model.input_scale"
        } else {
            return;
        };
        observers.notify(&Event::Notice { text: format!("warning: {advice}") });
    }

    pub(crate) fn save_last(&self) -> Result<(), Error> {
        self.save(&self.folder.last(), &self.state, true)
    }

    fn save(&self, path: &Path, state: &TrainingState, with_optimizer: bool) -> Result<(), Error> {
        if !self.ranks.is_first() {
            return Ok(());
        }
        self.folder.check_in_place()?;
        let checkpoint = Checkpoint {
            description: self.config.describe(self.descent.model, state),
            model: self.descent.model.parameters().snapshot(),
            optimizer: if with_optimizer { self.descent.optimizer.snapshot() } else { Vec::new() },
            data: self.data.iter().map(|(name, hashes)| (name.clone(), hashes.shallow_clone())).collect(),
        };
        Ok(checkpoint.save(path)?)
    }
}
