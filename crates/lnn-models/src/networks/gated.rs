//! The models `lstm` and `gru`: long short-term memory and gated recurrent units, the usual baselines for the liquid networks.
//!
//! Images are read as sequences, sequences as they are. A linear readout sees the last output, the mean of the outputs, or both.
//! They are [recurrent networks](crate::networks::recurrent). Neither has a time of its own: where the data have the time between steps, it
//! is one more input.
//!
//! Source: Hochreiter and Schmidhuber, "Long short-term memory" (1997), see [`lnn_core::Lstm`]; Cho et al., "Learning phrase
//! representations using RNN encoder-decoder" (2014), see [`lnn_core::Gru`].

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::recurrent::config::{CellConfig, RecurrentConfig};
use crate::networks::recurrent::network::Recurrent;
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summaries, Summary};
use crate::preset::PresetOf;
use lnn_core::{InputSpec, Scope};
use serde::{Deserialize, Serialize};

/// The configuration of a network of gated units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatedConfig {
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

impl GatedConfig {
    /// The size of the LSTM in the article of the model `cllnn`; the readout sees the last output.
    fn article() -> Self {
        Self { scan: Scan::Rows, units: 128, layers: 1, summaries: vec![Summary::Last], dropout: 0.0 }
    }

    /// The readout and the dropout of the tuned model `liquid`, with which it is to be compared.
    fn tuned() -> Self {
        Self { summaries: vec![Summary::Last, Summary::Mean], dropout: 0.1, ..Self::article() }
    }

    fn network(
        &self,
        model: &'static str,
        cell: fn(i64) -> CellConfig,
        scope: &mut Scope<'_>,
        input: &InputSpec,
    ) -> Result<Box<dyn Network>, Error> {
        let units = self.units;
        let config = RecurrentConfig {
            layers: self.layers,
            summaries: Summaries::of_the_whole(self.summaries.clone()),
            dropout: self.dropout,
            ..RecurrentConfig::one_reading(model, self.scan, move |_| cell(units))
        };
        Ok(Box::new(Recurrent::new(scope, &config, input)?))
    }
}

const ARTICLE: &str = "128 units, the readout sees the last output";
const TUNED: &str = "128 units, the readout sees the last and the mean output";

/// The configuration of an LSTM network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LstmConfig(pub GatedConfig);

impl NetworkConfig for LstmConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article(ARTICLE, || Self(GatedConfig::article())),
        PresetOf::tuned(TUNED, || Self(GatedConfig::tuned())),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        self.0.network("lstm", |units| CellConfig::Lstm { units }, scope, input)
    }
}

/// The configuration of a network of gated recurrent units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GruConfig(pub GatedConfig);

impl NetworkConfig for GruConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article(ARTICLE, || Self(GatedConfig::article())),
        PresetOf::tuned(TUNED, || Self(GatedConfig::tuned())),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        self.0.network("gru", |units| CellConfig::Gru { units }, scope, input)
    }
}
