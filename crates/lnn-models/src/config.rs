//! What a model is made from: plain data that a file holds and a shell can set.

use crate::networks::cifar::CifarConfig;
use crate::networks::cllnn::CllnnConfig;
use crate::networks::liquid::LiquidConfig;
use crate::networks::lnn::LnnConfig;
use crate::networks::snlnn::SnlnnConfig;
use crate::preset::Preset;
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
