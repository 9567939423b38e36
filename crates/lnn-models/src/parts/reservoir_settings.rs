//! How the fixed leaky reservoirs of a model are drawn.

use lnn_core::ReservoirConfig;
use serde::{Deserialize, Serialize};

/// How a reservoir is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservoirSettings {
    /// Number of units.
    pub units: i64,
    /// Largest modulus of the eigenvalues of the recurrent weights.
    pub spectral_radius: f64,
    /// The leak rate a of `h' = (1 - a) h + a tanh(..)`, in (0, 1].
    pub leak_rate: f64,
    /// Standard deviation of the input weights, before the division that `scale_by_inputs` asks for.
    pub input_scale: f64,
    /// Whether the input weights are divided by the square root of the number of inputs, so that the input of a unit does not
    /// grow with it.
    pub scale_by_inputs: bool,
    /// Standard deviation of the fixed bias; 0 means no bias.
    pub bias_scale: f64,
    /// The part of the units from which a unit has a recurrent synapse, in (0, 1]; 1 joins all units.
    #[serde(default = "dense")]
    pub density: f64,
    /// The range in (0, 1] from which each unit draws a leak rate of its own, instead of `leak_rate`; null for none.
    #[serde(default)]
    pub leak_range: Option<[f64; 2]>,
}

fn dense() -> f64 {
    1.0
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
            density: self.density,
            leak_range: self.leak_range,
        }
    }
}
