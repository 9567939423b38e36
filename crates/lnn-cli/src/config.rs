//! The configuration of a run: every number that decides its result, with all defaults written out.

use crate::failure::Failure;
use crate::precision::Precision;
use crate::training::{Augmentation, ReadoutMethod, Schedule, Selection, TrainingState};
use lnn_core::{AdamWConfig, MuonConfig, OptimizerConfig};
use lnn_models::{Description, FORMAT_VERSION, Model, ModelConfig, Preset, RidgeStart, Standardization};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The configuration of a run, as `config.json` holds it and `--config` and `--set` change it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The preset that the other values started from.
    pub preset: Preset,
    /// The data set, as `--data` takes it.
    pub data: String,
    /// Seed of weights, split, order and augmentation.
    pub seed: u64,
    /// Epochs in all.
    pub epochs: u64,
    /// Samples a step.
    pub batch_size: i64,
    /// At most so many samples are trained and validated on together.
    pub limit: Option<usize>,
    /// The part of the training samples that is held out for validation.
    pub validation_fraction: f64,
    /// The model.
    pub model: ModelConfig,
    /// The checkpoint whose weights the run starts from; null draws them.
    #[serde(default)]
    pub init: Option<PathBuf>,
    /// Over which pixels the input is standardised.
    pub standardization: Standardization,
    /// How images are changed in training.
    pub augmentation: Augmentation,
    /// How a linear readout of fixed features starts; null draws its weights.
    pub readout_start: Option<RidgeStart>,
    /// How a linear readout of fixed features gets its weights.
    #[serde(default)]
    pub readout: ReadoutMethod,
    /// Features of a fixed front are kept in memory up to so many megabytes, and else computed anew in each epoch.
    pub feature_cache_mb: u64,
    /// In which precision a training step computes.
    #[serde(default)]
    pub precision: Precision,
    /// Whether the training step is recorded in a CUDA graph, where the device is one; the CPU has none.
    #[serde(default)]
    pub cuda_graph: bool,
    /// The part of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// The optimiser.
    pub optimizer: OptimizerSettings,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// What the best epoch is chosen by.
    pub selection: Selection,
    /// After how many epochs without a better one the run stops; null never stops it.
    pub patience: Option<u64>,
}

/// Adam with decoupled weight decay, and perhaps Muon for kernels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay of matrices and kernels.
    pub weight_decay: f64,
    /// What the kernels of convolutions take instead; null leaves them to Adam.
    #[serde(default)]
    pub muon: Option<MuonSettings>,
}

/// Steps along orthogonalised momentum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuonSettings {
    /// Its learning rate, as a multiple of the optimiser's.
    pub relative_rate: f64,
    /// Decay of the momentum.
    pub momentum: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl OptimizerSettings {
    /// The constants that the optimiser keeps.
    pub fn constants(&self) -> OptimizerConfig {
        let Self { beta1, beta2, epsilon, weight_decay, muon, .. } = *self;
        let muon = muon.map(|MuonSettings { relative_rate, momentum, weight_decay }| {
            (MuonConfig { momentum, weight_decay }, relative_rate)
        });
        OptimizerConfig { adamw: AdamWConfig { beta1, beta2, epsilon, weight_decay }, muon }
    }
}

impl RunConfig {
    /// Refuses what no run can be made of. What belongs to a model or the optimiser is checked where it is built.
    ///
    /// # Errors
    /// [`Failure::Request`] that names the key, its range and the value.
    pub fn validate(&self) -> Result<(), Failure> {
        let refuse = |key: &str, expected: &str, found: String| {
            Err(Failure::request(format!("{key} must be {expected}, found {found}")))
        };
        if self.epochs == 0 {
            return refuse("epochs", "at least 1", "0".into());
        }
        if self.batch_size < 1 {
            return refuse("batch_size", "at least 1", self.batch_size.to_string());
        }
        if self.limit.is_some_and(|limit| limit < 4) {
            return refuse("limit", "at least 4", format!("{:?}", self.limit.unwrap_or_default()));
        }
        if !(self.validation_fraction > 0.0 && self.validation_fraction < 1.0) {
            return refuse(
                "validation_fraction",
                "above 0 and below 1",
                self.validation_fraction.to_string(),
            );
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return refuse("label_smoothing", "at least 0 and below 1", self.label_smoothing.to_string());
        }
        let rate = self.optimizer.learning_rate;
        if !(rate.is_finite() && rate > 0.0) {
            return refuse("optimizer.learning_rate", "a finite number above 0", rate.to_string());
        }
        self.optimizer
            .constants()
            .validate()
            .map_err(|error| Failure::request(format!("optimizer: {error}")))?;
        if let Some(start) = &self.readout_start {
            let RidgeStart { regularization, scale } = *start;
            if !(regularization.is_finite() && regularization > 0.0) {
                return refuse(
                    "readout_start.regularization",
                    "a finite number above 0",
                    regularization.to_string(),
                );
            }
            if !(scale.is_finite() && scale > 0.0) {
                return refuse("readout_start.scale", "a finite number above 0", scale.to_string());
            }
        }
        if self.patience == Some(0) {
            return refuse("patience", "at least 1, or null", "0".into());
        }
        let problem = |key: &str, problem: Option<String>| {
            problem.map_or(Ok(()), |problem| Err(Failure::request(format!("{key}: {problem}"))))
        };
        problem("schedule", self.schedule.problem())?;
        problem("augmentation", self.augmentation.problem())
    }

    /// What a checkpoint says of itself.
    pub fn describe(&self, model: &Model, state: &TrainingState) -> Description {
        Description {
            format_version: FORMAT_VERSION,
            program_version: env!("CARGO_PKG_VERSION").into(),
            program_commit: env!("LNN_COMMIT").into(),
            model: model.config().clone(),
            input: model.input().clone(),
            standardization: model.standardization(),
            data: self.data.clone(),
            seed: self.seed,
            training: serde_json::to_value(state).expect("a state is plain data"),
        }
    }
}
