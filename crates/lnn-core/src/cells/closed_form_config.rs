//! The settings of a layer of closed-form continuous-time units.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Which form of the solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedFormMode {
    /// A gate that depends on time passes from one state to another.
    Default,
    /// The second state is added, times the gate.
    NoGate,
    /// The approximate solution of the equation itself.
    Pure,
}

/// The function behind a layer of the backbone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackboneActivation {
    /// 1.7159 tanh(0.666 x)
    LecunTanh,
    /// tanh x
    Tanh,
    /// max(x, 0)
    Relu,
    /// x σ(x); a scan runs step by step
    Silu,
    /// x Φ(x); a scan runs step by step
    Gelu,
}

impl BackboneActivation {
    /// The factor outside and the one inside of the tanh of `LeCun` et al., "Efficient backprop" (1998), as ncps rounds them.
    pub(crate) const LECUN: [f64; 2] = [1.7159, 0.666];

    /// The expression in TorchScript, with `Y` as the argument.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::LecunTanh => "1.7159 * torch.tanh(0.666 * (Y))",
            Self::Tanh => "torch.tanh(Y)",
            Self::Relu => "torch.relu(Y)",
            Self::Silu => "torch.silu(Y)",
            Self::Gelu => "torch.gelu(Y)",
        }
    }
}

/// The layers between input, state and heads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backbone {
    /// Number of units of a layer.
    pub units: i64,
    /// Number of layers; 0 leaves the backbone out.
    pub layers: i64,
    /// The function behind each layer.
    pub activation: BackboneActivation,
    /// Probability with which the output of a unit is left out in training.
    pub dropout: f64,
}

/// The settings of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedFormConfig {
    /// Number of units H.
    pub units: i64,
    /// Which form of the solution.
    pub mode: ClosedFormMode,
    /// The layers between input, state and heads.
    pub backbone: Backbone,
}

impl ClosedFormConfig {
    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Backbone { units, layers, activation, dropout } = self.backbone;
        Error::refuse_empty(&[("units", self.units)])?;
        let refuse = |name, expected, found: String| Err(Error::Value { name, expected, found });
        if !(0..=100).contains(&layers) {
            return refuse("the layers of the backbone", "0 to 100", layers.to_string());
        }
        if layers > 0 {
            Error::refuse_empty(&[("the units of the backbone", units)])?;
        }
        if !(0.0..1.0).contains(&dropout) {
            return refuse("the dropout of the backbone", "at least 0 and below 1", dropout.to_string());
        }
        if dropout > 0.0 && matches!(activation, BackboneActivation::Silu | BackboneActivation::Gelu) {
            return refuse("the dropout of the backbone", "0 with silu and gelu", dropout.to_string());
        }
        Ok(())
    }

    /// Number of heads, each of as many rows as units.
    pub(crate) fn heads(&self) -> i64 {
        if self.mode == ClosedFormMode::Pure { 1 } else { 4 }
    }

    /// The first of them, which a wiring masks.
    pub(crate) fn masked_heads(&self) -> i64 {
        if self.mode == ClosedFormMode::Pure { 1 } else { 2 }
    }
}
