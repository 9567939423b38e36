//! Methods of training: by gradients over epochs, or in closed form.

use crate::error::Error;
use lnn_models::RidgeStart;
use serde::{Deserialize, Serialize};

/// How the weights of a model are found, each method with settings of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Method {
    /// By gradients, over epochs.
    Gradient(GradientMethod),
    /// By ridge regression of a linear readout behind a fixed front, in one pass; validation chooses the regularisation.
    Ridge {},
}

/// The settings of training by gradients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradientMethod {
    /// How a linear readout of fixed features starts; null draws its weights.
    #[serde(default)]
    pub readout_start: Option<RidgeStart>,
    /// The maximum size of the features of a fixed front that are kept in memory, in megabytes; beyond it each epoch computes them
    /// anew.
    #[serde(default = "four_gigabytes")]
    pub feature_cache_mb: u64,
}

fn four_gigabytes() -> u64 {
    4096
}

impl Default for GradientMethod {
    fn default() -> Self {
        Self { readout_start: None, feature_cache_mb: four_gigabytes() }
    }
}

impl Method {
    /// Whether weights are found in closed form.
    pub fn is_ridge(&self) -> bool {
        matches!(self, Self::Ridge {})
    }

    /// The start of the readout, if it has one.
    pub fn readout_start(&self) -> Option<RidgeStart> {
        match self {
            Self::Gradient(gradient) => gradient.readout_start,
            Self::Ridge {} => None,
        }
    }

    /// Leaves the readout to its drawn weights, or to those of a checkpoint.
    pub fn forget_readout_start(&mut self) {
        if let Self::Gradient(gradient) = self {
            gradient.readout_start = None;
        }
    }

    /// The refusal of an option that a closed form does nothing with.
    pub fn without_effect(option: &str) -> Error {
        Error::configuration(format!(
            "--readout ridge: one pass in full precision over the images as they are solves for the weights, so {option} would do \
             nothing; hint: leave it out, or take --readout gradient"
        ))
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn validate(&self) -> Result<(), Error> {
        let Some(RidgeStart { regularization, scale }) = self.readout_start() else { return Ok(()) };
        let settings =
            [("method.readout_start.regularization", regularization), ("method.readout_start.scale", scale)];
        for (key, value) in settings {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::Setting {
                    key,
                    expected: "a finite number above 0",
                    found: value.to_string(),
                });
            }
        }
        Ok(())
    }
}
