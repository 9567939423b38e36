//! The rule that a validation loss no longer falls, which growth and the learning rate share.

use serde::{Deserialize, Serialize};

/// What the rule remembers between epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlateauMemory {
    /// The lowest validation loss yet.
    pub best: Option<f64>,
    /// Epochs since then, or since the rule last applied.
    pub waited: u64,
}

impl PlateauMemory {
    /// Before the first epoch.
    pub const START: Self = Self { best: None, waited: 0 };

    /// Observes the loss of an epoch. Returns whether it has not fallen by more than `threshold` for `patience` epochs; the count of
    /// epochs then starts anew.
    pub fn observe(&mut self, loss: f64, patience: u64, threshold: f64) -> bool {
        if self.best.is_none_or(|best| loss < best - threshold) {
            *self = Self { best: Some(loss), waited: 0 };
            return false;
        }
        self.waited += 1;
        let applies = self.waited >= patience;
        if applies {
            self.waited = 0;
        }
        applies
    }
}
