//! The sets of hyper-parameters that a model can start from.

use serde::{Deserialize, Serialize};

/// Which hyper-parameters to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The equations and hyper-parameters of the article.
    Article,
    /// What does better, chosen by validation.
    Tuned,
    /// With a convolutional front; `cifar` alone has it, the others take it as tuned.
    Conv,
}
