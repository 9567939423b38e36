//! Models, presets and precisions as the command line writes them.

use clap::ValueEnum;
use lnn_models::{ModelKind, Preset};
use lnn_train::Precision;

/// Which of the systems, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelName {
    /// A fixed leaky reservoir with a trained readout
    Lnn,
    /// A spiking reservoir that grows
    Snlnn,
    /// A convolution, a fixed leaky reservoir and an LSTM
    Cllnn,
    /// Units with learned time constants, trained through time
    Liquid,
    /// A liquid classifier of images, with or without convolutions
    Cifar,
}

impl From<ModelName> for ModelKind {
    fn from(name: ModelName) -> Self {
        match name {
            ModelName::Lnn => Self::Lnn,
            ModelName::Snlnn => Self::Snlnn,
            ModelName::Cllnn => Self::Cllnn,
            ModelName::Liquid => Self::Liquid,
            ModelName::Cifar => Self::Cifar,
        }
    }
}

/// Which hyper-parameters, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PresetName {
    /// The equations and hyper-parameters of the article
    Article,
    /// What does better, chosen by validation
    Tuned,
    /// With a convolutional front (cifar alone)
    Conv,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Article => Self::Article,
            PresetName::Tuned => Self::Tuned,
            PresetName::Conv => Self::Conv,
        }
    }
}

/// Reads a precision.
///
/// # Errors
/// The names that there are.
pub fn precision(text: &str) -> Result<Precision, String> {
    Precision::ALL.into_iter().find(|precision| precision.name() == text).ok_or_else(|| {
        let known = Precision::ALL.map(|precision| format!("{} ({})", precision.name(), precision.help()));
        format!("expected {}", known.join(", "))
    })
}
