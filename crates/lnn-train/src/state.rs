//! The state of a run: everything besides weights and moments that a resumed run needs.

use crate::error::Error;
use crate::event::EpochMetrics;
use crate::policies::{EarlyStopping, Plateau};
use lnn_models::{AddedUnits, Checkpoint, PlateauMemory};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The progress of a run. Random generators need no state: see [`lnn_core::seeded`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Finished epochs.
    pub epoch: u64,
    /// Finished steps of the current epoch.
    pub step_in_epoch: u64,
    /// Total number of finished steps, which is also the step count of the optimiser.
    pub step: u64,
    /// Sum of the losses of the samples seen in this epoch.
    pub loss_sum: f64,
    /// Number of samples of this epoch that were classified correctly when they were processed; of targets per step, the sum of the
    /// correct fractions.
    pub correct: f64,
    /// Number of samples processed in this epoch.
    pub seen: u64,
    /// The activity of a spiking reservoir in this epoch.
    pub activity: ActivitySums,
    /// The activity since the last check for growth.
    pub unlooked: ActivitySums,
    /// The state of growth by plateau.
    pub growth: PlateauMemory,
    /// The units that were added in this epoch.
    #[serde(rename = "births")]
    pub added_units: Vec<AddedUnits>,
    /// Whether units were added in any epoch; the optimiser then corrects their moments.
    #[serde(default)]
    pub grown: bool,
    /// Training time so far in seconds, including the time before the run was resumed.
    pub seconds: f64,
    /// The state of the learning-rate schedule.
    pub plateau: Plateau,
    /// The best epoch and the number of epochs since.
    pub early_stopping: EarlyStopping,
    /// Whether early stopping has ended the run.
    pub stopped_early: bool,
    /// The number of epochs that a one-cycle schedule of the learning rate is planned for; none for other schedules, in runs of earlier
    /// versions, and before the first step.
    #[serde(default)]
    pub planned_epochs: Option<u64>,
    /// The number of ranks that the run began with: a batch has as many times the configured number of samples, also when other ranks
    /// resume the run.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub ranks: u64,
    /// The metrics of the last finished epochs, at most [`Self::RECORDED_EPOCHS`]: a run that is killed after a checkpoint and before
    /// the line in `metrics.jsonl` restores the line from here. A checkpoint of an earlier version has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded_epochs: Vec<EpochMetrics>,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(ranks: &u64) -> bool {
    *ranks == 1
}

impl TrainingState {
    /// The state before the first step.
    pub const START: Self = Self {
        epoch: 0,
        step_in_epoch: 0,
        step: 0,
        loss_sum: 0.0,
        correct: 0.0,
        seen: 0,
        activity: ActivitySums::ZERO,
        unlooked: ActivitySums::ZERO,
        growth: PlateauMemory::START,
        added_units: Vec::new(),
        grown: false,
        seconds: 0.0,
        plateau: Plateau::START,
        early_stopping: EarlyStopping::START,
        stopped_early: false,
        planned_epochs: None,
        ranks: 1,
        recorded_epochs: Vec::new(),
    };

    /// The maximum number of epochs whose metrics a checkpoint holds; the size of a checkpoint must not grow with the run.
    pub const RECORDED_EPOCHS: usize = 200;

    /// Returns the state that the checkpoint at `path` holds.
    ///
    /// # Errors
    /// [`Error::Folder`] if it is none.
    pub fn of(checkpoint: &Checkpoint, path: &Path) -> Result<Self, Error> {
        serde_json::from_value(checkpoint.description.training.clone())
            .map_err(|error| Error::Folder(format!("{}: its training state: {error}", path.display())))
    }

    /// Whether a run of `epochs` epochs has nothing left to train.
    pub fn is_finished(&self, epochs: u64) -> bool {
        self.stopped_early || self.epoch >= epochs
    }

    /// Adds the metrics of an epoch and drops the oldest ones.
    pub fn record_epoch(&mut self, metrics: EpochMetrics) {
        let surplus = (self.recorded_epochs.len() + 1).saturating_sub(Self::RECORDED_EPOCHS);
        self.recorded_epochs.drain(..surplus);
        self.recorded_epochs.push(metrics);
    }

    /// Returns the state without the metrics of its epochs, for a file from which no run is resumed.
    #[must_use]
    pub fn without_records(&self) -> Self {
        Self { recorded_epochs: Vec::new(), ..self.clone() }
    }

    /// Prepares a run that is resumed to train until `epochs` epochs are finished; `configured` is their number in the configuration of
    /// the run. After an early stop, more epochs begin a new wait for a better one. Returns remarks for the user.
    ///
    /// # Errors
    /// Says why, if more epochs are finished already.
    pub fn extend(&mut self, configured: u64, epochs: u64, one_cycle: bool) -> Result<Vec<String>, String> {
        if epochs < self.epoch {
            return Err(format!(
                "--epochs: expected at least {}, the epochs that the run has finished, found {epochs}",
                self.epoch
            ));
        }
        let planned = self.planned_epochs.unwrap_or(configured);
        let mut remarks = Vec::new();
        if one_cycle {
            self.planned_epochs = Some(planned);
        }
        if one_cycle && epochs > planned && epochs > self.epoch {
            remarks.push(format!(
                "note: the one-cycle schedule of the learning rate ends after {planned} epochs, as planned; later epochs train at \
                 1 % of the maximum rate; hint: train --init starts a new cycle from these weights"
            ));
        }
        if self.stopped_early && epochs > configured {
            self.stopped_early = false;
            self.early_stopping.waited = 0;
            remarks
                .push("note: the run had stopped early; it goes on and its patience counts anew".to_owned());
        }
        Ok(remarks)
    }

    /// Begins the epoch anew, because its batches have changed.
    pub fn restart_epoch(&mut self) {
        self.clear_sums();
        self.unlooked = ActivitySums::ZERO;
    }

    /// Finishes the epoch: increments the epoch count and clears the sums.
    pub fn finish_epoch(&mut self) {
        self.epoch += 1;
        self.clear_sums();
    }

    fn clear_sums(&mut self) {
        self.step_in_epoch = 0;
        (self.loss_sum, self.correct, self.seen) = (0.0, 0.0, 0);
        self.activity = ActivitySums::ZERO;
        self.added_units.clear();
    }
}

/// Sums of the activity of a spiking reservoir over training steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ActivitySums {
    /// Sum of the spike rates.
    pub spike_rate: f64,
    /// Sum of the mean absolute states.
    pub mean_state: f64,
    /// Number of steps.
    pub steps: u64,
}

impl ActivitySums {
    /// The sums before the first step.
    pub const ZERO: Self = Self { spike_rate: 0.0, mean_state: 0.0, steps: 0 };

    /// Adds the sums of later steps.
    pub fn add(&mut self, later: Self) {
        self.spike_rate += later.spike_rate;
        self.mean_state += later.mean_state;
        self.steps += later.steps;
    }

    /// Returns the means over the steps of spike rate and absolute state; none before the first step.
    pub fn means(&self) -> Option<(f64, f64)> {
        let steps = self.steps as f64;
        (self.steps > 0).then(|| (self.spike_rate / steps, self.mean_state / steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_epochs_than_are_finished_are_refused_and_more_keep_the_plan_of_the_schedule() {
        let mut state = TrainingState { epoch: 6, ..TrainingState::START };
        assert!(state.clone().extend(6, 3, true).unwrap_err().contains("at least 6"));
        assert!(state.clone().extend(6, 12, true).unwrap()[0].contains("after 6 epochs"));
        assert!(state.clone().extend(6, 12, false).unwrap().is_empty());
        assert!(state.extend(6, 6, true).unwrap().is_empty());
        assert_eq!(state.planned_epochs, Some(6));
        // A later extension keeps the first plan.
        state.extend(12, 20, true).unwrap();
        assert_eq!(state.planned_epochs, Some(6));
    }

    #[test]
    fn more_epochs_after_an_early_stop_wait_anew() {
        let waiting = EarlyStopping { waited: 3, ..EarlyStopping::START };
        let stopped =
            TrainingState { epoch: 5, stopped_early: true, early_stopping: waiting, ..TrainingState::START };
        let mut again = stopped.clone();
        again.extend(30, 30, false).unwrap();
        assert!(again.stopped_early, "the same number of epochs asks for nothing new");
        again.extend(30, 60, false).unwrap();
        assert!(!again.stopped_early && again.early_stopping.waited == 0);
    }
}
