//! The events that observers receive.

use crate::evaluation::Evaluation;
use lnn_models::AddedUnits;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a run begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Started {
    /// The model's name.
    pub model: String,
    /// The data set.
    pub data: String,
    /// The device in words.
    pub device: String,
    /// Threads of one operation on the CPU.
    pub threads: i32,
    /// Trainable parameters.
    pub trainable: usize,
    /// Fixed parameters.
    pub fixed: usize,
    /// Samples to train on.
    pub train_samples: i64,
    /// Samples to validate on.
    pub validation_samples: i64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Finished epochs, not 0 if the run is resumed.
    pub epoch: u64,
    /// Epochs in all.
    pub epochs: u64,
    /// The run's folder.
    pub folder: PathBuf,
}

/// One line of `metrics.jsonl`: an epoch. A readout in closed form has one [`Candidate`] per line instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Epochs in all.
    pub epochs: u64,
    /// Finished steps in all.
    pub step: u64,
    /// Mean training loss.
    pub loss: f64,
    /// Training accuracy, measured while training; none if values are predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Validation loss.
    pub val_loss: f64,
    /// Validation accuracy; none if values are predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_accuracy: Option<f64>,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Training samples per second, without the validation.
    pub samples_per_second: f64,
    /// Seconds spent so far.
    pub seconds: f64,
    /// Estimated seconds to the end.
    pub eta_seconds: f64,
    /// Whether this is the best epoch so far.
    pub best: bool,
    /// Spikes per unit and step of a spiking reservoir, while training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spike_rate: Option<f64>,
    /// Its mean absolute membrane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_state: Option<f64>,
    /// Number of its active units.
    #[serde(rename = "living_units", default, skip_serializing_if = "Option::is_none")]
    pub active_units: Option<i64>,
    /// The additions of units in this epoch.
    #[serde(rename = "births", default, skip_serializing_if = "Vec::is_empty")]
    pub added_units: Vec<AddedUnits>,
}

/// A value of λ that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// λ as a part of the mean diagonal.
    pub regularization: f64,
    /// Validation loss; none if λ was too small for the equations to have a solution.
    pub val_loss: Option<f64>,
    /// Validation accuracy.
    pub val_accuracy: Option<f64>,
    /// Whether it was chosen: by accuracy, and among equals by loss.
    pub chosen: bool,
}

/// The gradient of a loss with respect to the input of each step of a recurrent part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientNorms {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The norm at each step, the first step first.
    pub norms: Vec<f64>,
    /// How many steps back from the last the norm first falls below a thousandth of the last step's; none if it never does.
    pub horizon: Option<u64>,
}

impl GradientNorms {
    /// Measures the horizon of the norms of an epoch.
    pub fn new(epoch: u64, norms: Vec<f64>) -> Self {
        let last = norms.last().copied().unwrap_or(0.0);
        let horizon = norms.iter().rev().position(|norm| *norm < 1e-3 * last).map(|steps| steps as u64);
        Self { epoch, norms, horizon }
    }
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
pub enum Event {
    /// The run begins or goes on.
    Started(Started),
    /// Something a user should know.
    Notice {
        /// In words.
        text: String,
    },
    /// A step is done.
    Step {
        /// The epoch, from 1.
        epoch: u64,
        /// Finished steps of this epoch.
        step: u64,
        /// Steps of an epoch.
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
    /// The gradient that reaches each step, once an epoch.
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
        /// Finished steps in all.
        step: u64,
        /// What `--resume` takes.
        folder: PathBuf,
    },
    /// An evaluation with noise on the input.
    Noise {
        /// Deviation of the noise.
        deviation: f64,
        /// What came out.
        result: Evaluation,
    },
    /// The best weights were tested, once, at the end.
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
