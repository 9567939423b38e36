//! Presets: the hyper-parameters of the article, or those chosen on validation data.

use crate::batches::Augmentation;
use crate::class_weights::ClassWeights;
use crate::config::{MuonSettings, OptimizerSettings, RunConfig};
use crate::method::{GradientMethod, Method, RidgeMethod};
use crate::policies::{Schedule, Selection};
use crate::precision::Precision;
use lnn_core::Loss;
use lnn_data::{Content, SplitScheme};
use lnn_models::{Error, LnnConfig, ModelConfig, ModelKind, Preset, RidgeStart, Standardization};

/// Returns `AdamW` settings with a maximum learning rate, the decay rate of the second moment and the weight decay.
fn adamw(learning_rate: f64, beta2: f64, weight_decay: f64) -> OptimizerSettings {
    OptimizerSettings {
        learning_rate,
        beta1: 0.9,
        beta2,
        epsilon: 1e-8,
        weight_decay,
        clip: None,
        tbptt: None,
        muon: None,
    }
}

/// Returns an augmentation with small affine changes, for digits.
fn affine(rotation: f64, zoom: f64, shift: f64, shear: f64) -> Augmentation {
    Augmentation { rotation, zoom, shift, shear, ..Augmentation::NONE }
}

impl RunConfig {
    /// Returns the configuration of a preset, for the data of its article with seed 0.
    ///
    /// # Errors
    /// [`Error::NoPreset`] if the model has no such preset.
    pub fn preset(kind: ModelKind, preset: Preset) -> Result<Self, Error> {
        let data = if kind == ModelKind::Cifar { "cifar10" } else { "mnist" };
        let article = Self {
            preset,
            data: data.into(),
            seed: 0,
            epochs: 10,
            batch_size: 64,
            limit: None,
            validation_fraction: 0.1,
            split: SplitScheme::Stratified,
            model: kind.preset(preset)?,
            init: None,
            standardization: Standardization::Columns,
            augmentation: Augmentation::NONE,
            method: Method::Gradient(GradientMethod::default()),
            precision: Precision::F32,
            cuda_graph: false,
            sync_batch_norm: false,
            loss: Loss::Mse,
            input_noise: 0.0,
            class_weights: ClassWeights::Equal,
            label_smoothing: 0.0,
            // The constants are those of Keras, which the articles use.
            optimizer: OptimizerSettings { epsilon: 1e-7, ..adamw(1e-3, 0.999, 0.0) },
            schedule: Schedule::Plateau { factor: 0.1, patience: 2, threshold: 1e-4 },
            selection: Selection::Loss,
            patience: Some(3),
        };
        if preset == Preset::Article {
            return Ok(article);
        }
        Ok(article.tuned(kind, preset))
    }

    /// Returns the configuration with the hyper-parameters of a tuned preset.
    fn tuned(self, kind: ModelKind, preset: Preset) -> Self {
        let tuned = Self {
            batch_size: 128,
            standardization: Standardization::Channels,
            schedule: Schedule::OneCycle { warmup: 0.2, start: 0.05 },
            selection: Selection::Accuracy,
            patience: None,
            ..self
        };
        match kind {
            ModelKind::Lnn => Self {
                epochs: 6,
                batch_size: 256,
                optimizer: adamw(3e-4, 0.999, 1e-2),
                method: Method::Gradient(GradientMethod {
                    readout_start: Some(RidgeStart { regularization: 1e-4, scale: 8.0 }),
                    ..GradientMethod::default()
                }),
                schedule: Schedule::OneCycle { warmup: 0.0, start: 1.0 },
                ..tuned
            },
            ModelKind::Snlnn => Self {
                epochs: 14,
                augmentation: affine(10.0, 0.1, 1.5, 0.1),
                label_smoothing: 0.05,
                optimizer: adamw(2e-3, 0.98, 0.02),
                ..tuned
            },
            // Eight epochs take no longer than the ten epochs of the article's preset.
            ModelKind::Cllnn => Self {
                epochs: 8,
                augmentation: affine(12.0, 0.15, 2.5, 0.2),
                label_smoothing: 0.1,
                optimizer: adamw(2e-3, 0.99, 0.02),
                ..tuned
            },
            ModelKind::Cfc if preset == Preset::Traces => Self {
                epochs: 150,
                batch_size: 64,
                optimizer: adamw(6e-3, 0.999, 0.1),
                schedule: Schedule::OneCycle { warmup: 0.1, start: 0.1 },
                selection: Selection::Loss,
                ..tuned
            },
            ModelKind::Cfc => Self {
                epochs: 20,
                augmentation: affine(10.0, 0.1, 2.0, 0.1),
                label_smoothing: 0.05,
                optimizer: OptimizerSettings { clip: Some(1.0), ..adamw(4e-3, 0.99, 0.02) },
                ..tuned
            },
            ModelKind::Liquid | ModelKind::Ltc | ModelKind::Lstm | ModelKind::Gru => Self {
                epochs: 20,
                augmentation: affine(10.0, 0.1, 2.0, 0.1),
                label_smoothing: 0.05,
                optimizer: adamw(3e-3, 0.99, 0.02),
                ..tuned
            },
            ModelKind::Cifar if preset == Preset::Conv => Self {
                epochs: 19,
                batch_size: 256,
                // A larger training part improves accuracy more than a more precise choice of the best epoch, which is
                // one of the last.
                validation_fraction: 0.04,
                augmentation: Augmentation { flip: true, crop: 3, cutout: 6, ..Augmentation::NONE },
                label_smoothing: 0.2,
                optimizer: OptimizerSettings {
                    muon: Some(MuonSettings { relative_rate: 40.0, momentum: 0.6, weight_decay: 0.06 }),
                    ..adamw(3e-3, 0.95, 0.05)
                },
                schedule: Schedule::OneCycle { warmup: 0.1, start: 0.1 },
                ..tuned
            },
            ModelKind::Cifar => Self {
                epochs: 12,
                augmentation: Augmentation { flip: true, crop: 2, ..Augmentation::NONE },
                label_smoothing: 0.05,
                optimizer: adamw(3e-3, 0.98, 0.05),
                schedule: Schedule::OneCycle { warmup: 0.15, start: 0.1 },
                ..tuned
            },
        }
    }

    /// Returns the configuration for data of this content: sequences have values instead of classes and no
    /// augmentation, and an LNN reads them with one reservoir, whose readout is solved for in closed form.
    #[must_use]
    pub fn for_content(self, content: Content) -> Self {
        if content == Content::Images {
            return self;
        }
        let any = Self {
            standardization: Standardization::Channels,
            augmentation: Augmentation::NONE,
            label_smoothing: 0.0,
            selection: Selection::Loss,
            ..self
        };
        match any.preset {
            // The readout of a reservoir is solved for in one pass.
            Preset::Tuned if any.model.kind() == ModelKind::Lnn => {
                let model = ModelConfig::Lnn(LnnConfig::series());
                return Self { model, method: Method::Ridge(RidgeMethod::default()), epochs: 1, ..any };
            }
            Preset::Tuned | Preset::Conv => return any,
            // Traces keep their units, in which their errors are compared.
            Preset::Traces => return Self { standardization: Standardization::None, ..any },
            Preset::Article => {}
        }
        // The article trains for 100 steps on all its sequences at once, at a constant rate, with the constants of
        // PyTorch.
        Self {
            standardization: Standardization::None,
            epochs: 100,
            schedule: Schedule::Constant {},
            patience: None,
            optimizer: OptimizerSettings { epsilon: 1e-8, ..any.optimizer },
            ..any
        }
    }
}
