//! The model `ltc`: liquid time-constant units that are joined by the synapses of a wiring.
//!
//! Images are read as sequences, sequences as they are. A linear readout sees the outputs of the last layer: of a neural circuit policy
//! those of its motor units, of other wirings those of all units. It is a [recurrent network](crate::networks::recurrent).
//!
//! Source: Hasani et al., "Liquid Time-constant Networks" (2021), see [`lnn_core::LiquidTimeConstant`]. The article's preset has the 32 units
//! and 6 sub-steps of its experiments.

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::recurrent::config::{CellConfig, RecurrentConfig};
use crate::networks::recurrent::network::Recurrent;
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summaries, Summary};
use crate::preset::PresetOf;
use lnn_core::{InputSpec, OdeSolver, Scope, WiringConfig};
use serde::{Deserialize, Serialize};

/// The configuration of a network of liquid time-constant units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LtcConfig {
    /// The order in which an image is read as a sequence; sequences stay as they are.
    pub scan: Scan,
    /// Number of units of a layer.
    pub units: i64,
    /// Number of stacked layers.
    pub layers: i64,
    /// The synapses of each layer.
    pub wiring: WiringConfig,
    /// How the equation is solved.
    pub solver: OdeSolver,
    /// Number of sub-steps of a step.
    pub unfolds: i64,
    /// Whether an LSTM is put in front of the state.
    pub mixed_memory: bool,
    /// What the readout sees of the outputs.
    pub summaries: Vec<Summary>,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
}

impl LtcConfig {
    /// The size in the article's experiments.
    pub fn article() -> Self {
        Self {
            scan: Scan::Rows,
            units: 32,
            layers: 1,
            wiring: WiringConfig::Full { seed: 1111 },
            solver: OdeSolver::SemiImplicit,
            unfolds: 6,
            mixed_memory: false,
            summaries: vec![Summary::Last],
            dropout: 0.0,
        }
    }

    /// The readout and the dropout of the tuned model `liquid`, with which it is to be compared.
    pub fn tuned() -> Self {
        Self { units: 64, summaries: vec![Summary::Last, Summary::Mean], dropout: 0.1, ..Self::article() }
    }
}

impl From<&LtcConfig> for RecurrentConfig {
    fn from(config: &LtcConfig) -> Self {
        let LtcConfig { units, solver, unfolds, .. } = *config;
        let (wiring, mixed_memory) = (config.wiring.clone(), config.mixed_memory);
        let cell = move |_| {
            let cell = CellConfig::LiquidTimeConstant { units, wiring: wiring.clone(), solver, unfolds };
            if mixed_memory { CellConfig::MixedMemory(Box::new(cell)) } else { cell }
        };
        Self {
            layers: config.layers,
            summaries: Summaries::of_the_whole(config.summaries.clone()),
            dropout: config.dropout,
            ..RecurrentConfig::one_reading("ltc", config.scan, cell)
        }
    }
}

impl NetworkConfig for LtcConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article("32 units, all joined, 6 sub-steps, as in the article", Self::article),
        PresetOf::tuned("64 units, the readout sees the last and the mean output", Self::tuned),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        Ok(Box::new(Recurrent::new(scope, &self.into(), input)?))
    }
}
