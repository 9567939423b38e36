//! Training methods: by gradients over epochs, or in closed form.

use crate::error::Error;
use lnn_models::RidgeStart;
use serde::{Deserialize, Serialize};

/// The method that computes the weights of a model; each method has its own settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Method {
    /// Gradient descent over epochs.
    Gradient(GradientMethod),
    /// Ridge regression of a linear readout behind a fixed front, in one pass.
    Ridge(RidgeMethod),
}

/// The settings of ridge regression.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RidgeMethod {
    /// λ as a part of the mean diagonal of the covariance of the features; null lets the validation samples choose among powers of ten.
    #[serde(default)]
    pub regularization: Option<f64>,
}

/// The settings of gradient descent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradientMethod {
    /// How a linear readout of fixed features is initialised; null draws random weights.
    #[serde(default)]
    pub readout_start: Option<RidgeStart>,
    /// The maximum size, in megabytes, of the features of a fixed front that are kept in memory; larger features are recomputed
    /// in each epoch.
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
    /// Whether the weights are computed in closed form.
    pub fn is_ridge(&self) -> bool {
        matches!(self, Self::Ridge(_))
    }

    /// The initialisation of the readout, if one is set.
    pub fn readout_start(&self) -> Option<RidgeStart> {
        match self {
            Self::Gradient(gradient) => gradient.readout_start,
            Self::Ridge(_) => None,
        }
    }

    /// Removes the initialisation of the readout: it keeps its random weights, or those of a checkpoint.
    pub fn forget_readout_start(&mut self) {
        if let Self::Gradient(gradient) = self {
            gradient.readout_start = None;
        }
    }

    /// Returns the error for an option that has no effect in closed form.
    pub fn without_effect(option: &str) -> Error {
        Error::configuration(format!(
            "--readout ridge: one pass in full precision over the samples as they are solves for the weights, so {option} would do \
             nothing; hint: leave it out, or take --readout gradient"
        ))
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn validate(&self) -> Result<(), Error> {
        let of_start = self.readout_start().map(|RidgeStart { regularization, scale }| {
            [("method.readout_start.regularization", regularization), ("method.readout_start.scale", scale)]
        });
        let of_ridge = match self {
            Self::Ridge(RidgeMethod { regularization }) => {
                regularization.map(|value| ("method.regularization", value))
            }
            Self::Gradient(_) => None,
        };
        for (key, value) in of_start.into_iter().flatten().chain(of_ridge) {
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
