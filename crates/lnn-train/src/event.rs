//! The events that observers receive.

use crate::backtest::Backtest;
use crate::evaluation::Evaluation;
use crate::place::Place;
use lnn_models::AddedUnits;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The properties of a run, reported when it begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Started {
    /// The model's name.
    pub model: String,
    /// The data set.
    pub data: String,
    /// Host, device and threads.
    #[serde(flatten)]
    pub place: Place,
    /// Trainable parameters.
    pub trainable: usize,
    /// Fixed parameters.
    pub fixed: usize,
    /// Number of training samples.
    pub train_samples: i64,
    /// Number of validation samples.
    pub validation_samples: i64,
    /// Steps per epoch.
    pub steps_per_epoch: u64,
    /// The number of processes that train together.
    #[serde(skip_serializing_if = "is_one")]
    pub ranks: usize,
    /// Finished epochs; above 0 if the run is resumed.
    pub epoch: u64,
    /// Total number of epochs.
    pub epochs: u64,
    /// The run's folder.
    pub folder: PathBuf,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(ranks: &usize) -> bool {
    *ranks == 1
}

/// The metrics of an epoch, one line of `metrics.jsonl`. A readout in closed form writes one [`Candidate`] per line instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Total number of epochs.
    pub epochs: u64,
    /// Total number of finished steps.
    pub step: u64,
    /// Mean training loss, the same quantity as the validation loss: without label smoothing. Dropout and augmentation are on.
    pub loss: f64,
    /// Training accuracy, measured while training; none for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Validation loss.
    pub val_loss: f64,
    /// Validation accuracy; none for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_accuracy: Option<f64>,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Training samples per second, without the time for validation.
    pub samples_per_second: f64,
    /// Training time so far in seconds.
    pub seconds: f64,
    /// Estimated remaining time in seconds.
    pub eta_seconds: f64,
    /// Whether this is the best epoch so far.
    pub best: bool,
    /// Spikes per unit and step of a spiking reservoir during training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spike_rate: Option<f64>,
    /// Mean absolute membrane potential of a spiking reservoir.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_state: Option<f64>,
    /// Number of active units of a spiking reservoir.
    #[serde(rename = "living_units", default, skip_serializing_if = "Option::is_none")]
    pub active_units: Option<i64>,
    /// The units added in this epoch.
    #[serde(rename = "births", default, skip_serializing_if = "Vec::is_empty")]
    pub added_units: Vec<AddedUnits>,
}

/// The validation result of one candidate for the regularisation λ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// λ as a fraction of the mean diagonal.
    pub regularization: f64,
    /// Validation loss; none if λ was too small for the equations to have a solution.
    pub val_loss: Option<f64>,
    /// Validation accuracy.
    pub val_accuracy: Option<f64>,
    /// Whether this candidate was chosen: by accuracy, and by loss among equal accuracies.
    pub chosen: bool,
}

/// The gradient of a loss with respect to the input of each step of a recurrent part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientNorms {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The gradient norm at each step, starting with the first step.
    pub norms: Vec<f64>,
    /// The number of steps from the last one back to the first norm below a thousandth of the norm at the last step; none if
    /// there is no such norm.
    pub horizon: Option<u64>,
}

impl GradientNorms {
    /// Computes the horizon of the norms of an epoch.
    pub fn new(epoch: u64, norms: Vec<f64>) -> Self {
        let last = norms.last().copied().unwrap_or(0.0);
        let horizon = norms.iter().rev().position(|norm| *norm < 1e-3 * last).map(|steps| steps as u64);
        Self { epoch, norms, horizon }
    }
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
pub enum Event {
    /// The run begins or is resumed.
    Started(Started),
    /// A message for the user.
    Notice {
        /// The message.
        text: String,
    },
    /// A step is done.
    Step {
        /// The epoch, from 1.
        epoch: u64,
        /// Finished steps of this epoch.
        step: u64,
        /// Steps per epoch.
        steps: u64,
        /// Mean loss of the epoch so far.
        loss: f64,
    },
    /// An epoch is done.
    Epoch(EpochMetrics),
    /// A regularisation was tried for a readout in closed form.
    Candidate(Candidate),
    /// Units were added.
    #[serde(rename = "birth")]
    UnitsAdded(AddedUnits),
    /// The gradient norm at each step through time, once per epoch.
    Gradients(GradientNorms),
    /// Early stopping ended the run.
    StoppedEarly {
        /// The last epoch.
        epoch: u64,
        /// The best epoch, whose weights are kept.
        best_epoch: u64,
    },
    /// The run pauses; it can be resumed.
    Paused {
        /// Finished epochs.
        epoch: u64,
        /// Total number of finished steps.
        step: u64,
        /// The run's folder, which `--resume` takes.
        folder: PathBuf,
    },
    /// An evaluation with noise on the input.
    Noise {
        /// Standard deviation of the noise.
        deviation: f64,
        /// The result of the evaluation.
        result: Evaluation,
    },
    /// Forecasts from several starts were compared with what followed.
    Backtest(Backtest),
    /// The best weights were tested, once, at the end of the run.
    Test(Evaluation),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_is_where_the_gradient_first_falls_below_a_thousandth() {
        let horizon = |norms: &[f64]| GradientNorms::new(1, norms.to_vec()).horizon;
        assert_eq!(horizon(&[1.0, 1e-9, 0.5e-3, 0.1, 1.0]), Some(2));
        assert_eq!(horizon(&[0.01, 0.1, 1.0]), None);
        assert_eq!(horizon(&[1.0]), None);
    }
}
