//! The state of a run: everything besides weights and moments that a resumed run needs.

use crate::event::EpochMetrics;
use crate::policies::{EarlyStopping, Plateau};
use lnn_models::{AddedUnits, PlateauMemory};
use serde::{Deserialize, Serialize};

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
    /// Number of samples of this epoch that were classified correctly when they were processed.
    pub correct: u64,
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
    /// Training time so far in seconds, including the time before the run was resumed.
    pub seconds: f64,
    /// The state of the learning-rate schedule.
    pub plateau: Plateau,
    /// The best epoch and the number of epochs since.
    pub early_stopping: EarlyStopping,
    /// Whether early stopping has ended the run.
    pub stopped_early: bool,
    /// The metrics of the last finished epochs, at most [`Self::RECORDED_EPOCHS`]: a run that is killed after a checkpoint and before
    /// the line in `metrics.jsonl` restores the line from here. A checkpoint of an earlier version has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded_epochs: Vec<EpochMetrics>,
}

impl TrainingState {
    /// The state before the first step.
    pub const START: Self = Self {
        epoch: 0,
        step_in_epoch: 0,
        step: 0,
        loss_sum: 0.0,
        correct: 0,
        seen: 0,
        activity: ActivitySums::ZERO,
        unlooked: ActivitySums::ZERO,
        growth: PlateauMemory::START,
        added_units: Vec::new(),
        seconds: 0.0,
        plateau: Plateau::START,
        early_stopping: EarlyStopping::START,
        stopped_early: false,
        recorded_epochs: Vec::new(),
    };

    /// The maximum number of epochs whose metrics a checkpoint holds; the size of a checkpoint must not grow with the run.
    pub const RECORDED_EPOCHS: usize = 200;

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

    /// Finishes the epoch: increments the epoch count and clears the sums.
    pub fn finish_epoch(&mut self) {
        self.epoch += 1;
        self.step_in_epoch = 0;
        (self.loss_sum, self.correct, self.seen) = (0.0, 0, 0);
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
