//! The leaky tanh reservoir of an echo state network.
//!
//! ```text
//! h' = (1 - a) h + a tanh(x W_inᵀ + b + h W_resᵀ)
//! ```
//! | letter | field | shape | constraint |
//! |---|---|---|---|
//! | `W_in` | `input_weights` | `[H, I]` | fixed, N(0, `input_scale`²) |
//! | `W_res` | `recurrent_weights` | `[H, H]` | fixed, N(0, 1) scaled to the spectral radius |
//! | b | `bias` | `[H]` | fixed, N(0, `bias_scale`²); absent if the scale is 0 |
//! | a | `leak_rate` | number | 0 < a ≤ 1 |
//!
//! Source: Jaeger, Lukoševičius, Popovici and Siewert, "Optimization and applications of echo state networks with
//! leaky-integrator neurons" (2007). The LNN article has no bias. The weights are buffers: no optimiser changes them,
//! but gradients pass through to the input.

use crate::cells::approach::Approach;
use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::Cell;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// The settings of a leaky reservoir.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReservoirConfig {
    /// Number of units H.
    pub units: i64,
    /// Largest modulus of the eigenvalues of the recurrent weights.
    pub spectral_radius: f64,
    /// Leak rate a: the share of the state that is replaced at each step.
    pub leak_rate: f64,
    /// Standard deviation of the input weights.
    pub input_scale: f64,
    /// Standard deviation of the bias; with 0 there is none.
    pub bias_scale: f64,
}

/// A reservoir with fixed random weights.
#[derive(Debug)]
pub struct LeakyReservoir {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Option<Tensor>,
    leak_rate: f64,
}

impl LeakyReservoir {
    /// Draws a reservoir with `inputs` inputs into the scope's buffers `recurrent_weights`, `input_weights` and, if
    /// there is one, `bias`.
    ///
    /// # Errors
    /// [`Error::Value`] if a number is out of its range; those of [`Scope::buffer`] and [`Init::draw`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, config: &ReservoirConfig) -> Result<Self, Error> {
        let refuse = |name, expected, found: String| Err(Error::Value { name, expected, found });
        Error::refuse_empty(&[("units", config.units), ("inputs", inputs)])?;
        if !(config.leak_rate > 0.0 && config.leak_rate <= 1.0) {
            return refuse("leak_rate", "above 0 and at most 1", config.leak_rate.to_string());
        }
        if !(config.input_scale.is_finite() && config.input_scale > 0.0) {
            return refuse("input_scale", "a finite number above 0", config.input_scale.to_string());
        }
        if !(config.bias_scale.is_finite() && config.bias_scale >= 0.0) {
            return refuse("bias_scale", "a finite number of at least 0", config.bias_scale.to_string());
        }
        let recurrent = Init::SpectralRadius(config.spectral_radius);
        let input = Init::Normal { deviation: config.input_scale };
        let bias = Init::Normal { deviation: config.bias_scale };
        Ok(Self {
            recurrent_weights: scope.buffer(
                "recurrent_weights",
                &[config.units, config.units],
                &recurrent,
            )?,
            input_weights: scope.buffer("input_weights", &[config.units, inputs], &input)?,
            bias: (config.bias_scale > 0.0)
                .then(|| scope.buffer("bias", &[config.units], &bias))
                .transpose()?,
            leak_rate: config.leak_rate,
        })
    }
}

impl Cell for LeakyReservoir {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }

    fn state_sizes(&self) -> Vec<i64> {
        vec![self.input_weights.size()[0]]
    }

    fn weight(&self) -> &Tensor {
        &self.input_weights
    }

    fn project(&self, x: &Tensor) -> Tensor {
        x.linear(&self.input_weights, self.bias.as_ref())
    }

    fn advance(&self, projected: &Tensor, _dt: Option<&Tensor>, state: &State) -> State {
        let weights = [self.recurrent_weights.shallow_clone()];
        advance(Approach, &weights, projected, Some(&self.rates().squeeze_dim(0)), state)
    }

    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        fused::scan(self, sequence, initial)
    }

    fn script(&self) -> Script {
        Script::new("LeakyReservoir", SCRIPT).attribute("leak_rate", ScriptAttribute::Float(self.leak_rate))
    }
}

impl LeakyReservoir {
    /// The leak rate of each unit, `[1, 1, H]`.
    fn rates(&self) -> Tensor {
        let options = (self.input_weights.kind(), self.input_weights.device());
        Tensor::full([1, 1, self.input_weights.size()[0]], self.leak_rate, options)
    }
}

impl FusedCell for LeakyReservoir {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let (weights, rates) = ([self.recurrent_weights.shallow_clone()], self.rates());
        Fused { step: Approach, weights: &weights, extra: Some(&rates) }.run(self, form, sequence, initial)
    }
}

/// The same equation in TorchScript. The state is `h [B, H]`, zero if absent.
const SCRIPT: &str = "
def project(self, x: Tensor) -> Tensor:
    if hasattr(self, 'bias'):
        drive = torch.linear(x, self.input_weights, self.bias)
    else:
        drive = torch.linear(x, self.input_weights)
    return drive.to(self.recurrent_weights.dtype)

def advance(self, projected: Tensor, h: Optional[Tensor]) -> Tensor:
    if h is None:
        h = torch.tanh(projected) * self.leak_rate
    else:
        drive = torch.tanh(projected.clone().addmm_(h, self.recurrent_weights.t()))
        h = torch.lerp(h, drive, self.leak_rate)
    return h

def step(self, x: Tensor, state: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    h = self.advance(self.project(x), state)
    return h, h

def sequence(self, x: Tensor, state: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    projected = self.project(x)
    h = self.advance(projected[:, 0], state)
    outputs = [h]
    for t in range(1, projected.size(1)):
        h = self.advance(projected[:, t], h)
        outputs.append(h)
    return torch.stack(outputs, 1), h

def forward(self, x: Tensor) -> Tensor:
    return self.sequence(x)[0]
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::store::Parameters;
    use tch::{Device, Kind};

    const CONFIG: ReservoirConfig =
        ReservoirConfig { units: 6, spectral_radius: 0.9, leak_rate: 0.3, input_scale: 0.5, bias_scale: 0.0 };

    #[test]
    fn the_weights_are_buffers_scaled_to_the_radius() {
        let mut parameters = Parameters::drawn(3, Kind::Float, Device::Cpu);
        LeakyReservoir::new(&mut parameters.root(), 4, &CONFIG).unwrap();
        assert!(parameters.trainable().is_empty());
        let radius = crate::spectral_radius(&parameters.entries()[0].tensor).unwrap();
        assert!((radius - 0.9).abs() < 1e-5);
    }

    #[test]
    fn a_number_out_of_range_is_named() {
        let refuse = |config| {
            let mut parameters = Parameters::drawn(3, Kind::Float, Device::Cpu);
            LeakyReservoir::new(&mut parameters.root(), 4, &config).unwrap_err().to_string()
        };
        assert!(refuse(ReservoirConfig { units: 0, ..CONFIG }).contains("units must be at least 1"));
        assert!(refuse(ReservoirConfig { leak_rate: 0.0, ..CONFIG }).contains("leak_rate"));
        assert!(refuse(ReservoirConfig { leak_rate: 1.5, ..CONFIG }).contains("leak_rate"));
        assert!(refuse(ReservoirConfig { input_scale: f64::NAN, ..CONFIG }).contains("input_scale"));
        assert!(refuse(ReservoirConfig { spectral_radius: -1.0, ..CONFIG }).contains("spectral_radius"));
    }
}
