//! The learning rate as a function of the step.

use lnn_models::PlateauMemory;
use serde::{Deserialize, Serialize};

/// The learning-rate schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The rate is constant.
    Constant {},
    /// The rate is multiplied by `factor` after `patience` epochs in which the validation loss did not fall by at least
    /// `threshold`.
    Plateau {
        /// The factor that the rate is multiplied by.
        #[serde(default = "tenth")]
        factor: f64,
        /// The number of epochs without improvement.
        #[serde(default = "two")]
        patience: u64,
        /// The minimum decrease of the loss that counts as an improvement.
        #[serde(default = "small")]
        threshold: f64,
    },
    /// The rate rises linearly from `start` over the fraction `warmup` of all steps, then falls to zero along half a
    /// cosine. Steps after the last one, in a run that is given more epochs, have a hundredth of the rate.
    OneCycle {
        /// The fraction of the steps in which the rate rises.
        #[serde(default = "fifth")]
        warmup: f64,
        /// The initial rate, as a fraction of the maximum rate.
        #[serde(default = "twentieth")]
        start: f64,
    },
}

/// The rate after the end of a cycle, as a fraction of the maximum rate.
const AFTER_CYCLE: f64 = 0.01;

// The defaults of the fields, for a configuration that sets `kind` alone.
fn tenth() -> f64 {
    0.1
}
fn two() -> u64 {
    2
}
fn small() -> f64 {
    1e-4
}
fn fifth() -> f64 {
    0.2
}
fn twentieth() -> f64 {
    0.05
}

impl Schedule {
    /// Describes the first invalid value; `None` if all are valid.
    pub fn problem(&self) -> Option<String> {
        let unit = 0.0..=1.0;
        match self {
            Self::Constant {} => None,
            Self::Plateau { factor, patience, threshold } => {
                if !(*factor > 0.0 && *factor < 1.0) {
                    return Some(format!("factor must lie between 0 and 1, found {factor}"));
                }
                if *patience == 0 || !(threshold.is_finite() && *threshold >= 0.0) {
                    return Some("patience must be at least 1 and threshold at least 0".into());
                }
                None
            }
            Self::OneCycle { warmup, start } => (!unit.contains(warmup) || !unit.contains(start))
                .then(|| format!("warmup and start must lie in 0..=1, found {warmup} and {start}")),
        }
    }

    /// Returns the rate at `step` of `total`, where `highest` is the configured rate.
    pub fn rate(&self, highest: f64, step: u64, total: u64, plateau: &Plateau) -> f64 {
        match self {
            Self::Constant {} => highest,
            Self::Plateau { .. } => highest * plateau.scale,
            Self::OneCycle { warmup, start } => {
                if step >= total {
                    return highest * AFTER_CYCLE;
                }
                let (step, total) = (step as f64, total as f64);
                let rising = warmup * total;
                if step < rising {
                    highest * (start + (1.0 - start) * step / rising)
                } else {
                    let part = (step - rising) / (total - rising).max(1.0);
                    highest * 0.5 * (1.0 + (std::f64::consts::PI * part.min(1.0)).cos())
                }
            }
        }
    }
}

/// The state of a plateau schedule between epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// The factor that the rate has been multiplied by so far.
    pub scale: f64,
    /// The lowest validation loss and the epochs since.
    #[serde(flatten)]
    pub memory: PlateauMemory,
}

impl Plateau {
    /// The state before the first epoch.
    pub const START: Self = Self { scale: 1.0, memory: PlateauMemory::START };

    /// Records the validation loss of an epoch.
    pub fn observe(&mut self, schedule: &Schedule, loss: f64) {
        let Schedule::Plateau { factor, patience, threshold } = schedule else { return };
        if self.memory.observe(loss, *patience, *threshold) {
            self.scale *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLE: Schedule = Schedule::OneCycle { warmup: 0.2, start: 0.05 };

    #[test]
    #[allow(clippy::float_cmp, reason = "a constant")]
    fn one_cycle_rises_to_the_rate_and_falls_to_nearly_zero() {
        let rate = |step| CYCLE.rate(2.0, step, 100, &Plateau::START);
        assert!((rate(0) - 0.1).abs() < 1e-12);
        assert!((rate(20) - 2.0).abs() < 1e-12);
        assert!((rate(60) - 1.0).abs() < 1e-12);
        assert!(rate(99) < 0.01 && rate(99) > 0.0);
        assert_eq!([rate(100), rate(500)], [0.02, 0.02]);
        assert!((0..19).all(|step| rate(step) < rate(step + 1)));
        assert!((20..99).all(|step| rate(step) > rate(step + 1)));
    }

    #[test]
    fn a_plateau_lowers_the_rate_after_its_patience_and_counts_anew() {
        let schedule: Schedule = serde_json::from_str(r#"{"kind":"plateau"}"#).unwrap();
        let mut plateau = Plateau::START;
        let scales: Vec<f64> = [1.0, 0.9, 0.9, 0.95, 0.9, 0.899_99, 0.5]
            .into_iter()
            .map(|loss| {
                plateau.observe(&schedule, loss);
                plateau.scale
            })
            .collect();
        assert_eq!(scales, [1.0, 1.0, 1.0, 0.1, 0.1, 0.1 * 0.1, 0.1 * 0.1]);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        assert!(
            Schedule::Plateau { factor: 1.0, patience: 2, threshold: 0.0 }
                .problem()
                .unwrap()
                .contains("factor")
        );
        assert!(Schedule::OneCycle { warmup: 1.5, start: 0.0 }.problem().unwrap().contains("warmup"));
        assert!(CYCLE.problem().is_none());
    }
}
