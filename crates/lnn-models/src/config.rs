//! What a model is made from: plain data that a file holds and a shell can set.

use crate::{CifarConfig, CllnnConfig, LiquidConfig, LnnConfig, SnlnnConfig};
use lnn_core::ReservoirConfig;
use serde::{Deserialize, Serialize};

/// Which of the systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// A fixed leaky reservoir with a trained readout.
    Lnn,
    /// A spiking reservoir that grows.
    Snlnn,
    /// A convolution, a fixed leaky reservoir and an LSTM.
    Cllnn,
    /// Units with learned time constants.
    Liquid,
    /// A liquid classifier of images.
    Cifar,
}

/// Which hyper-parameters to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The equations and hyper-parameters of the article.
    Article,
    /// What does better, chosen by validation.
    Tuned,
    /// With a convolutional front; [`ModelKind::Cifar`] alone has it, the others take it as tuned.
    Conv,
}

/// The configuration of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelConfig {
    /// See [`LnnConfig`].
    Lnn(LnnConfig),
    /// See [`SnlnnConfig`].
    Snlnn(SnlnnConfig),
    /// See [`CllnnConfig`].
    Cllnn(CllnnConfig),
    /// See [`LiquidConfig`].
    Liquid(LiquidConfig),
    /// See [`CifarConfig`].
    Cifar(CifarConfig),
}

impl ModelConfig {
    /// The configuration of a preset.
    pub fn preset(kind: ModelKind, preset: Preset) -> Self {
        match kind {
            ModelKind::Lnn => Self::Lnn(LnnConfig::preset(preset)),
            ModelKind::Snlnn => Self::Snlnn(SnlnnConfig::preset(preset)),
            ModelKind::Cllnn => Self::Cllnn(CllnnConfig::preset(preset)),
            ModelKind::Liquid => Self::Liquid(LiquidConfig::preset(preset)),
            ModelKind::Cifar => Self::Cifar(CifarConfig::preset(preset)),
        }
    }

    /// The model's name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lnn(_) => "lnn",
            Self::Snlnn(_) => "snlnn",
            Self::Cllnn(_) => "cllnn",
            Self::Liquid(_) => "liquid",
            Self::Cifar(_) => "cifar",
        }
    }
}

/// How a reservoir is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservoirSettings {
    /// Number of units.
    pub units: i64,
    /// Largest modulus of the eigenvalues of the recurrent weights.
    pub spectral_radius: f64,
    /// The part of the state that is renewed at each step, in (0, 1].
    pub leak_rate: f64,
    /// Standard deviation of the input weights, before the division that `scale_by_inputs` asks for.
    pub input_scale: f64,
    /// Whether the input weights are divided by the root of the number of inputs, so that the drive of a unit does
    /// not depend on it.
    pub scale_by_inputs: bool,
    /// Standard deviation of the fixed bias; 0 leaves it out.
    pub bias_scale: f64,
}

impl ReservoirSettings {
    /// The core's configuration for a reservoir with `inputs` inputs.
    pub(crate) fn for_inputs(&self, inputs: i64) -> ReservoirConfig {
        let divisor = if self.scale_by_inputs { (inputs as f64).sqrt() } else { 1.0 };
        ReservoirConfig {
            units: self.units,
            spectral_radius: self.spectral_radius,
            leak_rate: self.leak_rate,
            input_scale: self.input_scale / divisor,
            bias_scale: self.bias_scale,
        }
    }
}
