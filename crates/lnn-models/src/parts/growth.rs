//! When a reservoir grows: neurogenesis.
//!
//! The SNLNN article adds a unit when the mean absolute state exceeds a level. A second rule waits until the validation loss no longer
//! falls, that is until the active units have learned what they can.

use crate::parts::plateau::PlateauMemory;
use serde::{Deserialize, Serialize};

/// When units are added.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum GrowthRule {
    /// Never.
    Never {},
    /// When the mean absolute state since the last check is above a level.
    Activity {
        /// The level.
        #[serde(default = "half")]
        above: f64,
    },
    /// When the validation loss has not fallen by at least `threshold` for `patience` epochs.
    Plateau {
        /// Number of epochs.
        #[serde(default = "two")]
        patience: u64,
        /// The smallest decrease that counts.
        #[serde(default = "small")]
        threshold: f64,
    },
}

// The defaults of the fields, for a configuration that names the kind alone.
fn half() -> f64 {
    0.5
}
fn two() -> u64 {
    2
}
fn small() -> f64 {
    1e-3
}

/// How a reservoir grows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// When units are added.
    pub rule: GrowthRule,
    /// Number of units that are added at once.
    pub units: i64,
    /// Number of training steps between two checks of the activity; null checks after each epoch. A plateau is one of epochs.
    pub every_steps: Option<u64>,
}

/// The units that a network has added to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grown {
    /// Number of added units.
    pub added: i64,
    /// Number of active units, with them.
    pub active: i64,
    /// Maximum number of units.
    pub capacity: i64,
}

/// Units that were added in training. Files keep the names that the fields had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedUnits {
    /// Number of finished training steps at that time.
    pub step: u64,
    /// Number of added units.
    #[serde(rename = "born")]
    pub added: i64,
    /// Number of active units, with them.
    #[serde(rename = "living")]
    pub active: i64,
    /// Maximum number of units.
    #[serde(rename = "room")]
    pub capacity: i64,
}

impl Growth {
    /// What is wrong with the values, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        match self.rule {
            GrowthRule::Activity { above } if !(above.is_finite() && above >= 0.0) => {
                Some(format!("growth.rule.above must be a finite number of at least 0, found {above}"))
            }
            GrowthRule::Plateau { patience, threshold }
                if patience == 0 || !(threshold.is_finite() && threshold >= 0.0) =>
            {
                Some(format!(
                    "growth.rule needs a patience of at least 1 and a threshold of at least 0, found {patience} and \
                     {threshold}"
                ))
            }
            _ if self.units < 1 => Some(format!("growth.units must be at least 1, found {}", self.units)),
            _ if self.every_steps == Some(0) => {
                Some("growth.every_steps must be at least 1, or null, found 0".into())
            }
            _ => None,
        }
    }

    /// Whether a mean absolute state since the last check asks for more units.
    pub fn calls_for_activity(&self, mean_state: f64) -> bool {
        matches!(self.rule, GrowthRule::Activity { above } if mean_state > above)
    }

    /// Whether the validation loss of an epoch asks for more units.
    pub fn calls_for_plateau(&self, memory: &mut PlateauMemory, loss: f64) -> bool {
        let GrowthRule::Plateau { patience, threshold } = self.rule else { return false };
        memory.observe(loss, patience, threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plateau_calls_after_its_patience_and_waits_anew() {
        let rule = GrowthRule::Plateau { patience: 2, threshold: 0.01 };
        let growth = Growth { rule, units: 5, every_steps: None };
        let mut memory = PlateauMemory::START;
        let losses = [1.0, 0.9, 0.895, 0.9, 0.9, 0.9, 0.5, 0.6];
        let calls = losses.map(|loss| growth.calls_for_plateau(&mut memory, loss));
        assert_eq!(calls, [false, false, false, true, false, true, false, false]);
        assert!(!growth.calls_for_activity(1e9));
    }

    #[test]
    fn activity_above_its_level_calls() {
        let growth = Growth { rule: GrowthRule::Activity { above: 0.5 }, units: 1, every_steps: None };
        assert!(growth.calls_for_activity(0.51) && !growth.calls_for_activity(0.5));
        let mut memory = PlateauMemory::START;
        assert!(!growth.calls_for_plateau(&mut memory, f64::INFINITY));
    }

    #[test]
    fn senseless_numbers_are_named() {
        let with = |rule, units, every_steps| Growth { rule, units, every_steps }.problem();
        assert!(with(GrowthRule::Never {}, 0, None).unwrap().contains("growth.units"));
        assert!(with(GrowthRule::Activity { above: f64::NAN }, 1, None).unwrap().contains("above"));
        assert!(
            with(GrowthRule::Plateau { patience: 0, threshold: 0.0 }, 1, None).unwrap().contains("patience")
        );
        assert!(with(GrowthRule::Never {}, 1, Some(0)).unwrap().contains("every_steps"));
        assert_eq!(with(GrowthRule::Activity { above: 0.5 }, 1, Some(10)), None);
    }
}
