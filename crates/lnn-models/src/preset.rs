//! The sets of hyper-parameters that a model can start from.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a set of hyper-parameters. Each model lists those that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The equations and hyper-parameters of the article.
    Article,
    /// The hyper-parameters with the best validation results.
    Tuned,
    /// The same with a convolutional front.
    Conv,
    /// Those with the best validation results for traces with a target at each step.
    Traces,
}

impl Preset {
    /// All presets that some model has.
    pub const ALL: [Self; 4] = [Self::Article, Self::Tuned, Self::Conv, Self::Traces];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Tuned => "tuned",
            Self::Conv => "conv",
            Self::Traces => "traces",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A preset as a model describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresetInfo {
    /// Which preset.
    pub preset: Preset,
    /// One line for the help.
    pub help: &'static str,
}

/// A preset of the configuration `C`: its description and its values.
#[derive(Debug)]
pub(crate) struct PresetOf<C> {
    pub info: PresetInfo,
    pub values: fn() -> C,
}

impl<C> PresetOf<C> {
    /// The hyper-parameters of the article.
    pub(crate) const fn article(help: &'static str, values: fn() -> C) -> Self {
        Self { info: PresetInfo { preset: Preset::Article, help }, values }
    }

    /// Those with the best validation results.
    pub(crate) const fn tuned(help: &'static str, values: fn() -> C) -> Self {
        Self { info: PresetInfo { preset: Preset::Tuned, help }, values }
    }

    /// Those with a convolutional front.
    pub(crate) const fn conv(help: &'static str, values: fn() -> C) -> Self {
        Self { info: PresetInfo { preset: Preset::Conv, help }, values }
    }

    /// Those for traces.
    pub(crate) const fn traces(help: &'static str, values: fn() -> C) -> Self {
        Self { info: PresetInfo { preset: Preset::Traces, help }, values }
    }
}
