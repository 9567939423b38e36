//! The configuration of the model `snlnn`.

use crate::parts::growth::Growth;
use crate::parts::reading_order::Scan;
use lnn_core::Surrogate;
use serde::{Deserialize, Serialize};

/// How an image becomes a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Encoding {
    /// The whole image as a current, repeated for a number of steps.
    Current {
        /// Number of steps.
        #[serde(default = "six")]
        steps: i64,
    },
    /// Each pixel as a train of spikes whose rate is its intensity: random in training, even in evaluation.
    Rate {
        /// Number of steps.
        #[serde(default = "six")]
        steps: i64,
    },
    /// Each pixel as one spike, the earlier the brighter.
    Latency {
        /// Number of steps.
        #[serde(default = "six")]
        steps: i64,
    },
    /// Rows, columns or patches one by one, as spikes where they differ from the one before.
    Delta {
        /// The reading.
        #[serde(default = "rows")]
        scan: Scan,
        /// The smallest difference that spikes.
        #[serde(default = "tenth")]
        threshold: f64,
    },
    /// Rows, columns or patches one by one, as currents.
    Scan {
        /// The reading.
        #[serde(default = "rows")]
        scan: Scan,
    },
}

// The defaults of the fields, for a configuration that names the kind alone.
fn six() -> i64 {
    6
}
fn rows() -> Scan {
    Scan::Rows
}
fn tenth() -> f64 {
    0.1
}

/// What the readout sees of the reservoir.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpikeSummary {
    /// The last membranes.
    LastMembrane,
    /// The mean of the membranes over the steps.
    MeanMembrane,
    /// Spikes per step.
    SpikeRate,
}

/// The configuration of an SNLNN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnlnnConfig {
    /// How an image becomes a sequence.
    pub encoding: Encoding,
    /// Number of units to begin with.
    pub units: i64,
    /// Maximum number of units.
    pub max_reservoir_dim: i64,
    /// Largest modulus of the eigenvalues of the first units' recurrent weights.
    pub spectral_radius: f64,
    /// The leak rate a of `v' = (1 - a) v + a tanh(..)`, in (0, 1].
    pub leak_rate: f64,
    /// Standard deviation of the input weights.
    pub input_scale: f64,
    /// The membrane at which a unit spikes. Membranes stay within ±1.
    pub threshold: f64,
    /// The smooth function whose gradient replaces that of a spike.
    pub surrogate: Surrogate,
    /// How fast that gradient falls with the distance from the threshold.
    pub sharpness: f64,
    /// Whether the units have a bias.
    pub bias: bool,
    /// Whether the reservoir is trainable, or its readout alone.
    pub train_reservoir: bool,
    /// What the readout sees.
    pub summaries: Vec<SpikeSummary>,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
    /// How the reservoir grows.
    pub growth: Growth,
}
