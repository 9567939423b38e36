//! The leaky tanh reservoir of an echo state network.
//!
//! ```text
//! h' = (1 - a) h + a tanh(x W_inᵀ + b + h W_resᵀ)
//! ```
//! | letter | field | shape | constraint |
//! |---|---|---|---|
//! | `W_in` | `input_weights` | `[H, I]` | fixed, N(0, `input_scale`²) |
//! | `W_res` | `recurrent_weights` | `[H, H]` | fixed, N(0, 1) scaled to the spectral radius; below a density of 1 zero where units are not joined |
//! | b | `bias` | `[H]` | fixed, N(0, `bias_scale`²); absent if the scale is 0 |
//! | a | `leak_rate`, or `leak_rates` where each unit has its own | number, or `[H]` | 0 < a ≤ 1; fixed, ln a uniform in `leak_range` |
//!
//! Source: Jaeger, Lukoševičius, Popovici and Siewert, "Optimization and applications of echo state networks with
//! leaky-integrator neurons" (2007). The LNN article has no bias. The weights are buffers: no optimiser changes them,
//! but gradients pass through to the input. Without gradients a sparse reservoir runs over its synapses alone (`sparse_reservoir.rs`).

use crate::cells::approach::Approach;
use crate::cells::reservoir_config::ReservoirConfig;
use crate::cells::sparse_reservoir;
use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::{Cell, check_sequence};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// A reservoir with fixed random weights.
#[derive(Debug)]
pub struct LeakyReservoir {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Option<Tensor>,
    leak_rate: f64,
    /// `[H]`, if each unit has its own.
    leak_rates: Option<Tensor>,
    density: f64,
}

impl LeakyReservoir {
    /// Draws a reservoir with `inputs` inputs into the scope's buffers `recurrent_weights`, `input_weights` and, if
    /// there are such, `bias` and `leak_rates`.
    ///
    /// # Errors
    /// [`Error::Value`] if a number is out of its range; those of [`Scope::buffer`] and [`Init::draw`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, config: &ReservoirConfig) -> Result<Self, Error> {
        Error::refuse_empty(&[("units", config.units), ("inputs", inputs)])?;
        config.check()?;
        let units = config.units;
        let recurrent = config.recurrent_weights();
        let input = Init::Normal { deviation: config.input_scale };
        let bias = Init::Normal { deviation: config.bias_scale };
        Ok(Self {
            recurrent_weights: scope.buffer("recurrent_weights", &[units, units], &recurrent)?,
            input_weights: scope.buffer("input_weights", &[units, inputs], &input)?,
            bias: (config.bias_scale > 0.0).then(|| scope.buffer("bias", &[units], &bias)).transpose()?,
            leak_rate: config.leak_rate,
            leak_rates: (config.leak_range)
                .map(|range| scope.buffer("leak_rates", &[units], &Init::LogRange(range)))
                .transpose()?,
            density: config.density,
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
        check_sequence(self, sequence, initial)?;
        let [batch, steps] = [0, 1].map(|axis| sequence.x.size()[axis]);
        if sparse_reservoir::saves_work(&self.recurrent_weights, self.density, [batch, steps]) {
            return sparse_reservoir::scan(self, [&self.recurrent_weights, &self.rates()], sequence, initial);
        }
        fused::scan(self, sequence, initial)
    }

    fn script(&self) -> Script {
        // lerp takes a number or a tensor.
        match self.leak_rates {
            Some(_) => Script::new("LeakyReservoir", SCRIPT.replace("LEAK", "self.leak_rates")),
            None => Script::new("LeakyReservoir", SCRIPT.replace("LEAK", "self.leak_rate"))
                .attribute("leak_rate", ScriptAttribute::Float(self.leak_rate)),
        }
    }
}

impl LeakyReservoir {
    /// The leak rate of each unit, `[1, 1, H]`.
    fn rates(&self) -> Tensor {
        if let Some(rates) = &self.leak_rates {
            return rates.view([1, 1, -1]);
        }
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

/// The same equation in TorchScript, where `LEAK` stands for the leak rate or rates. The state is `h [B, H]`, zero if absent.
const SCRIPT: &str = "
def project(self, x: Tensor) -> Tensor:
    if hasattr(self, 'bias'):
        drive = torch.linear(x, self.input_weights, self.bias)
    else:
        drive = torch.linear(x, self.input_weights)
    return drive.to(self.recurrent_weights.dtype)

def advance(self, projected: Tensor, h: Optional[Tensor]) -> Tensor:
    if h is None:
        h = torch.tanh(projected) * LEAK
    else:
        drive = torch.tanh(projected.clone().addmm_(h, self.recurrent_weights.t()))
        h = torch.lerp(h, drive, LEAK)
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

    const CONFIG: ReservoirConfig = ReservoirConfig {
        units: 6,
        spectral_radius: 0.9,
        leak_rate: 0.3,
        input_scale: 0.5,
        bias_scale: 0.0,
        density: 1.0,
        leak_range: None,
    };

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
        for density in [0.0, -0.5, 1.1, f64::NAN] {
            assert!(
                refuse(ReservoirConfig { density, ..CONFIG })
                    .contains("density must be above 0 and at most 1")
            );
        }
        for range in [[0.0, 1.0], [0.5, 0.1], [0.5, 1.5], [f64::NAN, 1.0]] {
            let message = refuse(ReservoirConfig { leak_range: Some(range), ..CONFIG });
            assert!(message.contains("leak_range must be"), "{message}");
        }
    }

    #[test]
    fn each_unit_has_a_leak_of_its_own_in_the_range() {
        let mut parameters = Parameters::drawn(3, Kind::Float, Device::Cpu);
        let config = ReservoirConfig { units: 50, leak_range: Some([0.05, 0.8]), ..CONFIG };
        let reservoir = LeakyReservoir::new(&mut parameters.root(), 4, &config).unwrap();
        let rates = &parameters.entries().last().unwrap().tensor;
        assert_eq!(parameters.entries().last().unwrap().name, "leak_rates");
        assert!(rates.min().double_value(&[]) >= 0.05 && rates.max().double_value(&[]) <= 0.8);
        assert!(rates.std(true).double_value(&[]) > 0.05);
        // One step from rest is the share of each unit's drive.
        let x = crate::random::randn([1, 1, 4], (Kind::Float, Device::Cpu));
        let drive = x.select(1, 0).matmul(&parameters.entries()[1].tensor.tr()).tanh();
        let state = reservoir.scan(Sequence::new(&x), None).unwrap().outputs.select(1, 0);
        assert!((state - drive * rates).abs().max().double_value(&[]) < 1e-6);
    }
}
