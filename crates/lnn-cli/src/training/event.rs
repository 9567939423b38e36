//! What the trainer tells its observers.

use super::Evaluation;
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
    /// Numbers that train.
    pub trainable: usize,
    /// Numbers that belong to the model and do not train.
    pub fixed: usize,
    /// Images to train on.
    pub train_images: i64,
    /// Images to validate on.
    pub validation_images: i64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Finished epochs, not 0 if the run is resumed.
    pub epoch: u64,
    /// Epochs in all.
    pub epochs: u64,
    /// The run's folder.
    pub folder: PathBuf,
}

/// One line of `metrics.jsonl`.
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
    /// Training accuracy, as seen while training.
    pub accuracy: f64,
    /// Validation loss.
    pub val_loss: f64,
    /// Validation accuracy.
    pub val_accuracy: f64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Training images per second, without the validation.
    pub samples_per_second: f64,
    /// Seconds spent so far.
    pub seconds: f64,
    /// Seconds that the rest will take at this pace.
    pub eta_seconds: f64,
    /// Whether this is the best epoch so far.
    pub best: bool,
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
    /// The best weights were tested, once, at the end.
    Test(Evaluation),
}
