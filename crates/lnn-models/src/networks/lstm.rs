//! The model `lstm`: long short-term memory, the usual baseline for the liquid networks.
//!
//! Images are read as sequences, sequences as they are. A linear readout sees the last output, the mean of the outputs, or both.
//! It is a [recurrent network](crate::networks::recurrent).
//!
//! Source: Hochreiter and Schmidhuber, "Long short-term memory" (1997); see [`lnn_core::Lstm`].

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::recurrent::config::{CellConfig, Reading, RecurrentConfig};
use crate::networks::recurrent::network::Recurrent;
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summaries, Summary};
use crate::preset::PresetOf;
use lnn_core::{InputSpec, Scope};
use serde::{Deserialize, Serialize};

/// The configuration of an LSTM network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LstmConfig {
    /// The order in which an image is read as a sequence; sequences stay as they are.
    pub scan: Scan,
    /// Number of units of a layer.
    pub units: i64,
    /// Number of stacked layers.
    pub layers: i64,
    /// What the readout sees of the outputs.
    pub summaries: Vec<Summary>,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
}

impl LstmConfig {
    /// The size of the LSTM in the article of the model `cllnn`; the readout sees the last output.
    pub fn article() -> Self {
        Self { scan: Scan::Rows, units: 128, layers: 1, summaries: vec![Summary::Last], dropout: 0.0 }
    }

    /// The readout and the dropout of the tuned model `liquid`, with which it is to be compared.
    pub fn tuned() -> Self {
        Self { summaries: vec![Summary::Last, Summary::Mean], dropout: 0.1, ..Self::article() }
    }
}

impl From<&LstmConfig> for RecurrentConfig {
    fn from(config: &LstmConfig) -> Self {
        let units = config.units;
        Self {
            model: "lstm",
            front: Vec::new(),
            readings: vec![Reading { order: config.scan, layer: "cell".into() }],
            whitening: false,
            cell: Box::new(move |_| CellConfig::Lstm { units }),
            layers: config.layers,
            summaries: Summaries::of_the_whole(config.summaries.clone()),
            dropout: config.dropout,
            mirror: false,
        }
    }
}

impl NetworkConfig for LstmConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article("128 units, the readout sees the last output", Self::article),
        PresetOf::tuned("128 units, the readout sees the last and the mean output", Self::tuned),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        Ok(Box::new(Recurrent::new(scope, &self.into(), input)?))
    }
}
