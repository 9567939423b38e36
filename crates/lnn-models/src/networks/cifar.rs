//! The model `cifar`: a liquid feedforward classifier of images, made for CIFAR-10.
//!
//! An image becomes a sequence of rows or patches, from rest for each image; a liquid layer reads it, in one order or
//! several; a linear readout sees means of the states over stretches of the sequence. A small residual convolutional front
//! may stand before. It is a [recurrent network](crate::networks::recurrent).
//!
//! Source: "Liquid neural networks" (`AI-ContentLab`). The article's preset takes the snippet's update as it is printed,
//! which is linear, and makes it trainable; the snippet itself draws its weights once and carries the state from image to
//! image. The tuned presets take the consistent step `h' = (1 - c) h + c tanh(x W_in + h W_hid + b)` with a rate c for each
//! unit, which is learned: c = 1 - exp(-1 / tau).

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::recurrent::config::{CellConfig, Reading, RecurrentConfig};
use crate::networks::recurrent::network::Recurrent;
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summaries, Summary};
use crate::preset::PresetOf;
use lnn_core::{Init, InputSpec, LiquidTimeStepConfig, Scope, Solver, TauForm, TimeConstants};
use serde::{Deserialize, Serialize};

/// The update of the hidden state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Dynamics {
    /// The printed one, linear.
    Linear {
        /// c of the input's part.
        rate: f64,
    },
    /// The consistent one.
    Liquid {
        /// The time constants, from which the rates follow.
        tau: TimeConstants,
        /// The recurrent weights start as an orthogonal matrix times this.
        recurrent_scale: f64,
    },
}

/// The configuration of a liquid image classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CifarConfig {
    /// Channels of the blocks of the convolutional front, each of which halves the image; empty leaves the front out.
    pub channels: Vec<i64>,
    /// The readings of the image, or of the front's map; each has layers of its own.
    pub scans: Vec<Scan>,
    /// Whether the steps are whitened by a fixed map that is computed from the training images. Not with a convolutional front.
    #[serde(default)]
    pub whitening: bool,
    /// The update of the hidden state.
    pub dynamics: Dynamics,
    /// Number of units of a layer.
    pub units: i64,
    /// Number of stacked layers of each reading.
    #[serde(default = "one")]
    pub layers: i64,
    /// Number of stretches into which a sequence is cut.
    pub stretches: i64,
    /// What the readout sees of a stretch.
    pub summary: Summary,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
    /// Whether evaluation averages the logits of an image and of its mirror image, at twice the cost.
    #[serde(default)]
    pub mirror: bool,
}

/// Configurations that were written before layers could be stacked have one.
fn one() -> i64 {
    1
}

/// Time constants between `low` and `high` to begin with.
fn tau(low: f64, high: f64) -> TimeConstants {
    TimeConstants { form: TauForm::Softplus, floor: 0.1, initial: [low, high], by_input: false }
}

impl CifarConfig {
    /// The linear update of the article.
    pub fn article() -> Self {
        Self {
            channels: Vec::new(),
            scans: vec![Scan::Rows],
            whitening: false,
            dynamics: Dynamics::Linear { rate: 0.1 },
            units: 20,
            layers: 1,
            stretches: 1,
            summary: Summary::Last,
            dropout: 0.0,
            mirror: false,
        }
    }

    /// Whitened patches without convolutions, with the best validation results.
    pub fn tuned() -> Self {
        Self {
            channels: Vec::new(),
            scans: vec![Scan::Patches { size: 8, stride: 4 }],
            whitening: true,
            dynamics: Dynamics::Liquid { tau: tau(0.33, 2.8), recurrent_scale: 0.5 },
            units: 256,
            layers: 1,
            stretches: 7,
            summary: Summary::Mean,
            dropout: 0.1,
            mirror: false,
        }
    }

    /// The map of a convolutional front, with the best validation results.
    pub fn conv() -> Self {
        Self {
            channels: vec![64, 192, 256],
            scans: vec![Scan::Positions],
            whitening: false,
            dynamics: Dynamics::Liquid { tau: tau(1.4, 1.5), recurrent_scale: 0.5 },
            units: 256,
            layers: 1,
            stretches: 1,
            summary: Summary::Mean,
            dropout: 0.0,
            mirror: true,
        }
    }
}

impl Dynamics {
    /// The cell of a layer with `units` units.
    fn cell(self, units: i64) -> CellConfig {
        match self {
            Self::Linear { rate } => CellConfig::LinearLiquid { units, rate },
            Self::Liquid { tau, recurrent_scale } => CellConfig::Liquid(LiquidTimeStepConfig {
                units,
                solver: Solver::Exponential,
                tau,
                input_init: Init::GlorotUniform,
                recurrent_init: Init::Scaled {
                    factor: recurrent_scale,
                    init: Box::new(Init::OrthogonalBlocks),
                },
                bias_init: Init::Constant(0.0),
                recurrent_bias: false,
            }),
        }
    }
}

impl From<&CifarConfig> for RecurrentConfig {
    fn from(config: &CifarConfig) -> Self {
        let (dynamics, units) = (config.dynamics, config.units);
        let readings = config.scans.iter().enumerate();
        Self {
            model: "cifar",
            front: config.channels.clone(),
            readings: readings.map(|(i, &order)| Reading { order, layer: format!("layer{i}") }).collect(),
            whitening: config.whitening,
            cell: Box::new(move |_| dynamics.cell(units)),
            layers: config.layers,
            summaries: Summaries { kinds: vec![config.summary], stretches: config.stretches },
            dropout: config.dropout,
            mirror: config.mirror,
        }
    }
}

impl NetworkConfig for CifarConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article("20 units with the linear update of the article", Self::article),
        PresetOf::tuned("256 units over whitened patches, without convolutions", Self::tuned),
        PresetOf::conv("256 units over the map of a residual convolutional front", Self::conv),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        let _ = input.image().ok_or(Error::ImagesOnly { model: "cifar" })?;
        Ok(Box::new(Recurrent::new(scope, &self.into(), input)?))
    }
}
