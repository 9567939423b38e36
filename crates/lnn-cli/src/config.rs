//! The configuration of a run: every number that decides its result, with all defaults written out.

use crate::failure::Failure;
use crate::training::{Augmentation, Schedule, Selection, TrainingState};
use lnn_core::AdamWConfig;
use lnn_models::{
    Description, FORMAT_VERSION, Model, ModelConfig, ModelKind, Preset, RidgeStart, Standardization,
};
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
    /// Features of a fixed front are kept in memory up to so many megabytes, and else computed anew in each epoch.
    pub feature_cache_mb: u64,
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

/// Adam with decoupled weight decay.
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
}

impl OptimizerSettings {
    /// The constants that the optimiser keeps.
    pub fn constants(&self) -> AdamWConfig {
        let Self { beta1, beta2, epsilon, weight_decay, .. } = *self;
        AdamWConfig { beta1, beta2, epsilon, weight_decay }
    }
}

impl RunConfig {
    /// The configuration of a preset, for the data of its article with seed 0.
    pub fn preset(kind: ModelKind, preset: Preset) -> Self {
        let article = Self {
            preset,
            data: "mnist".into(),
            seed: 0,
            epochs: 10,
            batch_size: 64,
            limit: None,
            validation_fraction: 0.1,
            model: ModelConfig::preset(kind, preset),
            init: None,
            standardization: Standardization::Columns,
            augmentation: Augmentation::NONE,
            readout_start: None,
            feature_cache_mb: 4096,
            label_smoothing: 0.0,
            // The constants of Keras, which the articles use.
            optimizer: OptimizerSettings {
                learning_rate: 1e-3,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-7,
                weight_decay: 0.0,
            },
            schedule: Schedule::Plateau { factor: 0.1, patience: 2, threshold: 1e-4 },
            selection: Selection::Loss,
            patience: Some(3),
        };
        let tuned = Self {
            batch_size: 128,
            standardization: Standardization::Channels,
            schedule: Schedule::OneCycle { warmup: 0.2, start: 0.05 },
            selection: Selection::Accuracy,
            patience: None,
            ..article.clone()
        };
        match (preset, kind) {
            (Preset::Article, ModelKind::Cifar) => Self { data: "cifar10".into(), ..article },
            (Preset::Article, _) => article,
            (Preset::Conv, ModelKind::Cifar) => Self {
                data: "cifar10".into(),
                epochs: 12,
                augmentation: Augmentation { flip: true, crop: 2, cutout: 0, ..Augmentation::NONE },
                label_smoothing: 0.2,
                optimizer: OptimizerSettings {
                    learning_rate: 3e-3,
                    beta1: 0.9,
                    beta2: 0.95,
                    epsilon: 1e-8,
                    weight_decay: 0.1,
                },
                schedule: Schedule::OneCycle { warmup: 0.2, start: 0.1 },
                ..tuned
            },
            (Preset::Tuned, ModelKind::Cifar) => Self {
                data: "cifar10".into(),
                epochs: 12,
                augmentation: Augmentation { flip: true, crop: 2, cutout: 0, ..Augmentation::NONE },
                label_smoothing: 0.05,
                optimizer: OptimizerSettings {
                    learning_rate: 3e-3,
                    beta1: 0.9,
                    beta2: 0.98,
                    epsilon: 1e-8,
                    weight_decay: 0.05,
                },
                schedule: Schedule::OneCycle { warmup: 0.15, start: 0.1 },
                ..tuned
            },
            (_, ModelKind::Lnn) => Self {
                batch_size: 256,
                optimizer: OptimizerSettings {
                    learning_rate: 3e-4,
                    beta1: 0.9,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: 1e-2,
                },
                readout_start: Some(RidgeStart { regularization: 1e-4, scale: 8.0 }),
                schedule: Schedule::OneCycle { warmup: 0.0, start: 1.0 },
                epochs: 6,
                ..tuned
            },
            (_, ModelKind::Snlnn) => Self {
                epochs: 14,
                augmentation: Augmentation {
                    rotation: 10.0,
                    zoom: 0.1,
                    shift: 1.5,
                    shear: 0.1,
                    ..Augmentation::NONE
                },
                label_smoothing: 0.05,
                optimizer: OptimizerSettings {
                    learning_rate: 2e-3,
                    beta1: 0.9,
                    beta2: 0.98,
                    epsilon: 1e-8,
                    weight_decay: 0.02,
                },
                ..tuned
            },
            (_, ModelKind::Liquid) => Self {
                epochs: 20,
                augmentation: Augmentation {
                    rotation: 10.0,
                    zoom: 0.1,
                    shift: 2.0,
                    shear: 0.1,
                    ..Augmentation::NONE
                },
                label_smoothing: 0.05,
                optimizer: OptimizerSettings {
                    learning_rate: 3e-3,
                    beta1: 0.9,
                    beta2: 0.99,
                    epsilon: 1e-8,
                    weight_decay: 0.02,
                },
                ..tuned
            },
            // Eight epochs take no longer than the ten of the article's preset.
            (_, ModelKind::Cllnn) => Self {
                epochs: 8,
                augmentation: Augmentation {
                    rotation: 12.0,
                    zoom: 0.15,
                    shift: 2.5,
                    shear: 0.2,
                    ..Augmentation::NONE
                },
                label_smoothing: 0.1,
                optimizer: OptimizerSettings {
                    learning_rate: 2e-3,
                    beta1: 0.9,
                    beta2: 0.99,
                    epsilon: 1e-8,
                    weight_decay: 0.02,
                },
                ..tuned
            },
        }
    }

    /// The same for sequences with values, where there are no images to change and no classes to smooth.
    #[must_use]
    pub fn for_sequences(self) -> Self {
        let standardization = match self.preset {
            Preset::Article => Standardization::None,
            Preset::Tuned | Preset::Conv => Standardization::Channels,
        };
        let augmentation = Augmentation::NONE;
        // The article trains for 100 steps on all its sequences at once, at one rate.
        let (epochs, schedule, patience) = match self.preset {
            Preset::Article => (100, Schedule::Constant {}, None),
            Preset::Tuned | Preset::Conv => (self.epochs, self.schedule, self.patience),
        };
        let optimizer = match self.preset {
            Preset::Article => OptimizerSettings { epsilon: 1e-8, ..self.optimizer },
            Preset::Tuned | Preset::Conv => self.optimizer,
        };
        Self {
            standardization,
            augmentation,
            label_smoothing: 0.0,
            epochs,
            schedule,
            patience,
            optimizer,
            ..self
        }
    }

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
