//! The model `cfc`: closed-form continuous-time units.
//!
//! Images are read as sequences, sequences as they are. A linear readout sees the outputs of the last layer. It is a
//! [recurrent network](crate::networks::recurrent).
//!
//! Source: Hasani et al., "Closed-form continuous-time neural networks" (2022), see [`lnn_core::ClosedForm`]. The article's preset has the
//! sizes that `ncps.torch.CfC` 1.0.1 has where nothing is said.

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::recurrent::config::{CellConfig, RecurrentConfig};
use crate::networks::recurrent::network::Recurrent;
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summaries, Summary};
use crate::preset::PresetOf;
use lnn_core::{
    Backbone, BackboneActivation, ClosedFormConfig, ClosedFormMode, InputSpec, Scope, WiringConfig,
};
use serde::{Deserialize, Serialize};

/// The configuration of a network of closed-form continuous-time units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CfcConfig {
    /// The order in which an image is read as a sequence; sequences stay as they are.
    pub scan: Scan,
    /// Number of units of a layer.
    pub units: i64,
    /// Number of stacked layers.
    pub layers: i64,
    /// Which form of the solution.
    pub mode: ClosedFormMode,
    /// The layers between input, state and heads; they need `wiring` to be null.
    pub backbone: Backbone,
    /// The layers of units and their synapses; null joins all units by way of the backbone.
    pub wiring: Option<WiringConfig>,
    /// Whether an LSTM is put in front of the state.
    pub mixed_memory: bool,
    /// What the readout sees of the outputs.
    pub summaries: Vec<Summary>,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
}

impl CfcConfig {
    /// The sizes that ncps has where nothing is said.
    pub fn article() -> Self {
        Self {
            scan: Scan::Rows,
            units: 64,
            layers: 1,
            mode: ClosedFormMode::Default,
            backbone: Backbone {
                units: 128,
                layers: 1,
                activation: BackboneActivation::LecunTanh,
                dropout: 0.0,
            },
            wiring: None,
            mixed_memory: false,
            summaries: vec![Summary::Last],
            dropout: 0.0,
        }
    }

    /// An LSTM in front of the state, and two summaries: the form with the best validation results on images.
    pub fn tuned() -> Self {
        Self { summaries: vec![Summary::Last, Summary::Mean], mixed_memory: true, ..Self::article() }
    }

    /// Dropout in the backbone: the form with the best validation results on traces.
    pub fn traces() -> Self {
        let article = Self::article();
        Self { backbone: Backbone { dropout: 0.5, ..article.backbone.clone() }, ..article }
    }
}

impl From<&CfcConfig> for RecurrentConfig {
    fn from(config: &CfcConfig) -> Self {
        let CfcConfig { units, mode, mixed_memory, .. } = *config;
        let (backbone, wiring) = (config.backbone.clone(), config.wiring.clone());
        let cell = move |_| {
            let cell = match &wiring {
                Some(wiring) => CellConfig::WiredClosedForm { units, wiring: wiring.clone(), mode },
                None => CellConfig::ClosedForm(ClosedFormConfig { units, mode, backbone: backbone.clone() }),
            };
            if mixed_memory { CellConfig::MixedMemory(Box::new(cell)) } else { cell }
        };
        Self {
            layers: config.layers,
            summaries: Summaries::of_the_whole(config.summaries.clone()),
            dropout: config.dropout,
            ..RecurrentConfig::one_reading("cfc", config.scan, cell)
        }
    }
}

impl NetworkConfig for CfcConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article("64 units with a backbone of 128, the sizes of ncps", Self::article),
        PresetOf::tuned(
            "the same behind an LSTM, the readout sees the last and the mean output",
            Self::tuned,
        ),
        PresetOf::traces(
            "64 units with a backbone of 128 and dropout in it, for a target at each step",
            Self::traces,
        ),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        if self.wiring.is_some() && self.backbone.layers > 0 {
            let reason = format!(
                "a wiring leaves no room for a backbone, found backbone.layers {}; hint: --set model.backbone.layers=0",
                self.backbone.layers
            );
            return Err(Error::Config { model: "cfc", reason });
        }
        Ok(Box::new(Recurrent::new(scope, &self.into(), input)?))
    }
}
