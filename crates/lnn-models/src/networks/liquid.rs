//! The model `liquid`: units with learned time constants, trained by backpropagation through time.
//!
//! Images are read as sequences, sequences as they are, with the time between their steps if it is known. A linear readout
//! sees the last state, the mean of the states, or both. It is a [recurrent network](crate::networks::recurrent).
//!
//! Source: "Liquid Neuronal Networks (LNNs)". The article starts at tau = 1, where the step is a plain tanh network, and
//! leaves tau unbounded; its preset keeps that start and stops tau at 0.6. The tuned preset spreads the constants, keeps
//! them above a floor and takes exponential steps.

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::recurrent::config::{CellConfig, RecurrentConfig};
use crate::networks::recurrent::network::Recurrent;
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summaries, Summary};
use crate::preset::PresetOf;
use lnn_core::{Init, InputSpec, LiquidTimeStepConfig, Scope, Solver, TauForm, TimeConstants};
use serde::{Deserialize, Serialize};

/// How the weights of a liquid layer are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LiquidInit {
    /// All uniform within 1 / √fan-in, as PyTorch's linear layers.
    Uniform,
    /// Input weights Glorot uniform, recurrent weights orthogonal, biases zero.
    Orthogonal,
}

/// The configuration of a LiquidTimeStep network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiquidConfig {
    /// The order in which an image is read as a sequence; sequences stay as they are.
    pub scan: Scan,
    /// Number of units of a layer.
    pub units: i64,
    /// Number of stacked layers.
    #[serde(default = "one")]
    pub layers: i64,
    /// How a step is taken.
    pub solver: Solver,
    /// The time constants.
    pub tau: TimeConstants,
    /// How the weights are drawn.
    pub init: LiquidInit,
    /// Whether the recurrent product has a bias of its own, as in the article.
    pub recurrent_bias: bool,
    /// What the readout sees of the states.
    pub summaries: Vec<Summary>,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
}

/// Configurations that were written before layers could be stacked have one.
fn one() -> i64 {
    1
}

impl LiquidConfig {
    /// The equations and hyper-parameters of the article.
    pub fn article() -> Self {
        Self {
            scan: Scan::Rows,
            units: 20,
            layers: 1,
            solver: Solver::Euler,
            tau: TimeConstants { form: TauForm::Clamped, floor: 0.6, initial: [1.0, 1.0], by_input: false },
            init: LiquidInit::Uniform,
            recurrent_bias: true,
            summaries: vec![Summary::Last],
            dropout: 0.0,
        }
    }

    /// The hyper-parameters with the best validation results.
    pub fn tuned() -> Self {
        Self {
            scan: Scan::Rows,
            units: 128,
            layers: 1,
            solver: Solver::Exponential,
            tau: TimeConstants { form: TauForm::Softplus, floor: 0.5, initial: [1.0, 10.0], by_input: true },
            init: LiquidInit::Orthogonal,
            recurrent_bias: false,
            summaries: vec![Summary::Last, Summary::Mean],
            dropout: 0.1,
        }
    }

    /// The layer over `inputs` inputs.
    fn layer(&self, inputs: i64) -> LiquidTimeStepConfig {
        let limit = |fan_in: i64| Init::Uniform { limit: 1.0 / (fan_in.max(1) as f64).sqrt() };
        let [input_init, recurrent_init, bias_init] = match self.init {
            LiquidInit::Uniform => [limit(inputs), limit(self.units), limit(inputs)],
            LiquidInit::Orthogonal => [Init::GlorotUniform, Init::OrthogonalBlocks, Init::Constant(0.0)],
        };
        LiquidTimeStepConfig {
            units: self.units,
            solver: self.solver,
            tau: self.tau,
            input_init,
            recurrent_init,
            bias_init,
            recurrent_bias: self.recurrent_bias,
        }
    }
}

impl From<&LiquidConfig> for RecurrentConfig {
    fn from(config: &LiquidConfig) -> Self {
        let own = config.clone();
        Self {
            layers: config.layers,
            summaries: Summaries::of_the_whole(config.summaries.clone()),
            dropout: config.dropout,
            ..RecurrentConfig::one_reading("liquid", config.scan, move |inputs| {
                CellConfig::Liquid(own.layer(inputs))
            })
        }
    }
}

impl NetworkConfig for LiquidConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article("20 units with Euler steps, as in the article", Self::article),
        PresetOf::tuned("128 units whose time constants depend on the input", Self::tuned),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        Ok(Box::new(Recurrent::new(scope, &self.into(), input)?))
    }
}
