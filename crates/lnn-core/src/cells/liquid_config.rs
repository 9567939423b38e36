//! The settings of a liquid layer: its solver, its time constants and their initial values, and the rate of a step.

use crate::error::Error;
use crate::parameters::init::Init;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// The rate r of a step of length dt: how far the state moves towards the drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// r = dt / tau, the explicit Euler step: stable while dt < 2 tau.
    Euler,
    /// r = 1 - exp(-dt / tau): stable for any dt.
    Exponential,
}

/// The meaning of the parameter `tau`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TauForm {
    /// The time constant is the maximum of parameter and floor.
    Clamped,
    /// The time constant is floor + softplus(parameter).
    Softplus,
}

/// The time constants of the units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeConstants {
    /// The meaning of the parameter.
    pub form: TauForm,
    /// Minimum of all time constants.
    pub floor: f64,
    /// Minimum and maximum of the initial time constants; the units are spread evenly between them on a logarithmic scale.
    pub initial: [f64; 2],
    /// Whether they depend on input and state; needs [`TauForm::Softplus`].
    pub by_input: bool,
}

/// The settings of a liquid layer.
#[derive(Debug)]
pub struct LiquidTimeStepConfig {
    /// Number of units H.
    pub units: i64,
    /// How a step is computed.
    pub solver: Solver,
    /// The time constants.
    pub tau: TimeConstants,
    /// How the input weights are drawn.
    pub input_init: Init,
    /// How the recurrent weights are drawn.
    pub recurrent_init: Init,
    /// How the bias is drawn.
    pub bias_init: Init,
    /// Whether a second bias is added, as two linear layers of PyTorch have it. It acts as one bias that learns twice as fast.
    pub recurrent_bias: bool,
}

/// The rate of a step, from the parameter of tau.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) form: TauForm,
    pub(crate) floor: f64,
    pub(crate) solver: Solver,
}

impl Rate {
    /// tau, q = dt / tau, and r of a `parameter [..]`; `dt` broadcasts with it, and is 1 if absent.
    pub(crate) fn on_tensors(self, parameter: &Tensor, dt: Option<&Tensor>) -> [Tensor; 3] {
        let tau = match self.form {
            TauForm::Clamped => parameter.clamp_min(self.floor),
            TauForm::Softplus => parameter.softplus() + self.floor,
        };
        let q = match dt {
            Some(dt) => dt / &tau,
            None => tau.reciprocal(),
        };
        let r = match self.solver {
            Solver::Euler => q.shallow_clone(),
            Solver::Exponential => -(-&q).expm1(),
        };
        [tau, q, r]
    }
}

impl TimeConstants {
    /// The initial values of the parameter, `[units]`, in float32.
    pub(crate) fn parameter(&self, units: i64) -> Result<Tensor, Error> {
        let [low, high] = self.initial;
        let refuse = |name, expected, found: String| Err(Error::Value { name, expected, found });
        if !(self.floor.is_finite() && self.floor > 0.0) {
            return refuse("the floor of tau", "a finite number above 0", self.floor.to_string());
        }
        let lowest = match self.form {
            TauForm::Clamped => low >= self.floor,
            TauForm::Softplus => low > self.floor,
        };
        if !(lowest && low <= high && high.is_finite()) {
            return refuse("tau", "two finite numbers above the floor, in order", format!("{low} to {high}"));
        }
        if self.by_input && self.form == TauForm::Clamped {
            return refuse("tau by input", "of the form softplus", "clamped".into());
        }
        let options = (Kind::Float, Device::Cpu);
        let tau = Tensor::linspace(low.ln(), high.ln(), units, options).exp();
        Ok(match self.form {
            TauForm::Clamped => tau,
            // The inverse of softplus: ln(exp(y) - 1), written so that it does not overflow.
            TauForm::Softplus => {
                let above = tau - self.floor;
                &above + (-(-&above).exp() + 1.0).log()
            }
        })
    }
}
