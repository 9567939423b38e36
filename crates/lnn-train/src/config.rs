//! The configuration of a run: every number that decides its result, with all defaults written out.

use crate::batches::Augmentation;
use crate::class_weights::ClassWeights;
use crate::error::Error;
use crate::method::Method;
use crate::policies::{Schedule, Selection};
use crate::precision::Precision;
use crate::state::TrainingState;
use lnn_core::{AdamWConfig, Loss, MuonConfig, OptimizerConfig};
use lnn_data::SplitScheme;
use lnn_models::{Description, FORMAT_VERSION, Model, ModelConfig, Preset, Standardization};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// The maximum number of epochs: steps and seconds are computed from it without overflow.
const MOST_EPOCHS: u64 = 1_000_000_000;

/// The maximum batch size, likewise.
const LARGEST_BATCH: i64 = 1_000_000_000;

/// The configuration of a run: the content of `config.json`, changed by `--config` and `--set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The preset that the other values started from.
    pub preset: Preset,
    /// The data set: the value of `--data`.
    pub data: String,
    /// Seed of weights, split, order and augmentation.
    pub seed: u64,
    /// Total number of epochs.
    pub epochs: u64,
    /// Batch size.
    pub batch_size: i64,
    /// The maximum number of samples for training and validation together; null uses all samples.
    pub limit: Option<usize>,
    /// The fraction of the training samples that is held out for validation.
    pub validation_fraction: f64,
    /// The rule by which samples are held out for validation.
    #[serde(default)]
    pub split: SplitScheme,
    /// The model.
    pub model: ModelConfig,
    /// The checkpoint whose weights the run starts from; null draws random weights.
    #[serde(default)]
    pub init: Option<PathBuf>,
    /// The pixels over which the mean and deviation of the standardisation are computed.
    pub standardization: Standardization,
    /// Augmentation of the training images.
    pub augmentation: Augmentation,
    /// How the weights are computed: by gradients or in closed form.
    pub method: Method,
    /// The precision of a training step.
    #[serde(default)]
    pub precision: Precision,
    /// Whether the training step is recorded in a CUDA graph on a CUDA device; the CPU ignores it.
    #[serde(default)]
    pub cuda_graph: bool,
    /// Whether batches are normalised over all ranks of a run, and not over the samples of each; one rank has no use for it.
    #[serde(default)]
    pub sync_batch_norm: bool,
    /// What an error of a value costs: `mse`, `mae`, `huber` or `quantile`; the name alone may be set, too.
    #[serde(default, deserialize_with = "by_name")]
    pub loss: Loss,
    /// The deviation of the noise that training adds to every input value: in units of the deviation of each feature over the training
    /// part, or of the range of an image. A model that is trained with it forecasts with samples.
    #[serde(default)]
    pub input_noise: f64,
    /// The weights of the classes in the training loss.
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// The fraction of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// The optimiser.
    pub optimizer: OptimizerSettings,
    /// The learning-rate schedule.
    pub schedule: Schedule,
    /// The criterion for the best epoch.
    pub selection: Selection,
    /// The number of epochs without improvement after which the run stops; null never stops it early.
    pub patience: Option<u64>,
}

/// Reads a loss, or its name alone: `mae` means `{"kind": "mae"}`.
fn by_name<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Loss, D::Error> {
    let value = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(kind) => serde_json::json!({ "kind": kind }),
        value => value,
    };
    serde_json::from_value(value).map_err(serde::de::Error::custom)
}

/// Adam with decoupled weight decay, and optionally Muon for convolution kernels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// The maximum learning rate.
    pub learning_rate: f64,
    /// Decay rate of the first moment.
    pub beta1: f64,
    /// Decay rate of the second moment.
    pub beta2: f64,
    /// Added to the square root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay of matrices and kernels.
    pub weight_decay: f64,
    /// Maximum of the joint norm of all gradients, to which larger ones are scaled; null leaves them as they are.
    #[serde(default)]
    pub clip: Option<f64>,
    /// Truncated backpropagation through time: the number of steps over which gradients reach back; null for all of them.
    #[serde(default)]
    pub tbptt: Option<i64>,
    /// Muon for the kernels of convolutions; null trains them with Adam.
    #[serde(default)]
    pub muon: Option<MuonSettings>,
}

/// Muon: updates by orthogonalised momentum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuonSettings {
    /// Its learning rate, as a multiple of the learning rate of Adam.
    pub relative_rate: f64,
    /// Decay rate of the momentum.
    pub momentum: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl OptimizerSettings {
    /// Returns the constants of the optimiser.
    pub fn constants(&self) -> OptimizerConfig {
        let Self { beta1, beta2, epsilon, weight_decay, muon, .. } = *self;
        let muon = muon.map(|MuonSettings { relative_rate, momentum, weight_decay }| {
            (MuonConfig { momentum, weight_decay }, relative_rate)
        });
        OptimizerConfig { adamw: AdamWConfig { beta1, beta2, epsilon, weight_decay }, muon }
    }
}

impl RunConfig {
    /// Refuses values that no run can use. The values of the model and of the optimiser are checked where these are built.
    ///
    /// # Errors
    /// [`Error::Setting`] with the key, its range and the value; [`Error::Configuration`] if several values do not fit together.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |key, expected, found: String| Err(Error::Setting { key, expected, found });
        if self.epochs == 0 {
            return refuse("epochs", "at least 1", "0".into());
        }
        if self.epochs > MOST_EPOCHS {
            return refuse("epochs", "at most 1,000,000,000", self.epochs.to_string());
        }
        if self.batch_size < 1 {
            return refuse("batch_size", "at least 1", self.batch_size.to_string());
        }
        if self.batch_size > LARGEST_BATCH {
            return refuse("batch_size", "at most 1,000,000,000", self.batch_size.to_string());
        }
        if let Some(limit) = self.limit.filter(|limit| *limit < 4) {
            return refuse("limit", "at least 4", limit.to_string());
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
        if !(self.input_noise.is_finite() && self.input_noise >= 0.0) {
            return refuse("input_noise", "a finite number, at least 0", self.input_noise.to_string());
        }
        if let Some(problem) = self.loss.problem() {
            return Err(Error::configuration(format!("loss: {problem}")));
        }
        if let Some(clip) = self.optimizer.clip
            && !(clip.is_finite() && clip > 0.0)
        {
            return refuse("optimizer.clip", "a finite number above 0, or null", clip.to_string());
        }
        if let Some(steps) = self.optimizer.tbptt.filter(|steps| *steps < 1) {
            return refuse("optimizer.tbptt", "at least 1, or null", steps.to_string());
        }
        let rate = self.optimizer.learning_rate;
        if !(rate.is_finite() && rate > 0.0) {
            return refuse("optimizer.learning_rate", "a finite number above 0", rate.to_string());
        }
        self.optimizer
            .constants()
            .validate()
            .map_err(|error| Error::configuration(format!("optimizer: {error}")))?;
        self.method.validate()?;
        if self.patience == Some(0) {
            return refuse("patience", "at least 1, or null", "0".into());
        }
        let problem = |key: &str, problem: Option<String>| {
            problem.map_or(Ok(()), |problem| Err(Error::configuration(format!("{key}: {problem}"))))
        };
        problem("schedule", self.schedule.problem())?;
        problem("augmentation", self.augmentation.problem())
    }

    /// Whether training changes its images at random.
    pub fn augments(&self) -> bool {
        self.augmentation != Augmentation::NONE
    }

    /// The deviation of the noise on the input and the seed of the run, if training adds noise.
    pub(crate) fn noise_of_training(&self) -> Option<(f64, u64)> {
        (self.input_noise > 0.0).then_some((self.input_noise, self.seed))
    }

    /// Whether training drops units of the model at random.
    pub fn drops_out(&self) -> bool {
        let model = serde_json::to_value(&self.model).expect("a configuration is plain data");
        let drops = |dropout: &serde_json::Value| dropout.as_f64().is_some_and(|dropout| dropout > 0.0);
        drops(&model["dropout"]) || drops(&model["backbone"]["dropout"])
    }

    /// Returns the description that a checkpoint of this run stores.
    pub fn describe(&self, model: &Model, state: &TrainingState) -> Description {
        Description {
            format_version: FORMAT_VERSION,
            program_version: env!("CARGO_PKG_VERSION").into(),
            program_commit: crate::COMMIT.into(),
            model: model.config().clone(),
            input: model.input().clone(),
            standardization: model.standardization(),
            data: self.data.clone(),
            seed: self.seed,
            loss: self.loss.clone(),
            input_noise: self.input_noise,
            training: serde_json::to_value(state).expect("a state is plain data"),
        }
    }
}
