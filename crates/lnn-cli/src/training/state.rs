//! Where a run stands: everything a resumed run needs besides weights and moments.

use super::{EarlyStopping, Plateau};
use serde::{Deserialize, Serialize};

/// The place in a run. Random generators need no state: see [`lnn_core::seeded`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Finished epochs.
    pub epoch: u64,
    /// Finished steps of the epoch that is under way.
    pub step_in_epoch: u64,
    /// Finished steps in all, which is also the optimiser's count.
    pub step: u64,
    /// Sum of the losses of the images seen in this epoch.
    pub loss_sum: f64,
    /// Images of this epoch that were classified correctly when they were seen.
    pub correct: u64,
    /// Images seen in this epoch.
    pub seen: u64,
    /// Seconds spent on training so far, over all sittings.
    pub seconds: f64,
    /// The learning-rate schedule's memory.
    pub plateau: Plateau,
    /// The best epoch and the epochs since.
    pub early_stopping: EarlyStopping,
    /// Whether early stopping has ended the run.
    pub stopped_early: bool,
}

impl TrainingState {
    /// Before the first step.
    pub const START: Self = Self {
        epoch: 0,
        step_in_epoch: 0,
        step: 0,
        loss_sum: 0.0,
        correct: 0,
        seen: 0,
        seconds: 0.0,
        plateau: Plateau::START,
        early_stopping: EarlyStopping::START,
        stopped_early: false,
    };

    /// Closes the epoch: counts it and clears its sums.
    pub fn finish_epoch(&mut self) {
        self.epoch += 1;
        self.step_in_epoch = 0;
        (self.loss_sum, self.correct, self.seen) = (0.0, 0, 0);
    }
}
