//! The growing spiking reservoir: leaky tanh units that spike, subtract the threshold, and train by surrogate gradients.
//!
//! ```text
//! u  = (1 - a) v + a tanh(x W_inᵀ + b + v W_resᵀ)
//! s  = [u > θ]
//! v' = u - θ s
//! ```
//! | letter | field | shape | constraint |
//! |---|---|---|---|
//! | `W_in` | `input_weights` | `[M, I]` | N(0, `input_scale`²) |
//! | `W_res` | `recurrent_weights` | `[M, M]` | N(0, 1) scaled to the spectral radius |
//! | b | `bias` | `[M]` | 0 at first; absent if the configuration has none |
//! | | `active` | `[M]` | 1 for the N active units, which come first, and 0 for the others |
//! | a, θ | `leak_rate`, `threshold` | numbers | 0 < a ≤ 1; since abs(u) ≤ 1 a threshold of 1 or more never spikes |
//!
//! The state is (v, s), both `[B, N]`; a run returns both, `[B, T, 2N]`. Tensors are allocated for M units, N of which are
//! active: the others are sliced off and cost no arithmetic. [`SpikingReservoir::grow`] adds active units.
//!
//! Source: the `SpikingNeurogenicLNNStep` of Bacay, "Spiking Neurogenic Liquid Neural Networks". There the threshold is 1
//! with a leak rate of 0.3, so that no unit ever spikes; a spike has no gradient; and growth would change the width of the state.

use crate::cells::spiking_config::SpikingConfig;
use crate::cells::spiking_pass::SpikingPass;
use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::Cell;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use lnn_sys::ScriptAttribute;
use std::cell;
use tch::{Kind, Tensor};

/// A spiking reservoir that can grow.
#[derive(Debug)]
pub struct SpikingReservoir {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Option<Tensor>,
    active: Tensor,
    /// The number of ones in `active`, kept on the host.
    active_units: cell::Cell<i64>,
    config: SpikingConfig,
}

impl SpikingReservoir {
    /// Draws a reservoir with `inputs` inputs.
    ///
    /// # Errors
    /// [`Error::Value`] if a number is out of its range; those of [`Scope::trainable`] and [`Init::draw`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, config: &SpikingConfig) -> Result<Self, Error> {
        config.check(inputs)?;
        let SpikingConfig { units, most_units: most, input_scale, .. } = *config;
        let first_rows =
            |rows: i64| Init::Leading { rows, init: Box::new(Init::Normal { deviation: input_scale }) };
        let square = Init::LeadingSquare {
            extent: units,
            init: Box::new(Init::SpectralRadius(config.spectral_radius)),
        };
        let zero = Init::Constant(0.0);
        let one = Init::Leading { rows: units, init: Box::new(Init::Constant(1.0)) };
        let bias = config.bias.then(|| scope.tensor("bias", config.role, &[most], &zero)).transpose()?;
        Ok(Self {
            input_weights: scope.tensor("input_weights", config.role, &[most, inputs], &first_rows(units))?,
            recurrent_weights: scope.tensor("recurrent_weights", config.role, &[most, most], &square)?,
            bias,
            active: scope.buffer("active", &[most], &one)?,
            active_units: cell::Cell::new(units),
            config: *config,
        })
    }

    /// Number of active units.
    pub fn units(&self) -> i64 {
        self.active_units.get()
    }

    /// Counts the active units again, after the tensors were filled from a file.
    pub fn recount(&self) {
        self.active_units.set(self.active.sum(Kind::Double).double_value(&[]) as i64);
    }

    /// Adds up to `count` active units, as far as the maximum allows, and returns how many. Draws from libtorch's generator: see
    /// [`crate::seeded`].
    ///
    /// An added unit reads the input and the active units through newly drawn weights. Its outgoing weights are 0, so that the
    /// others go on as before. A layer that reads the reservoir must start with a weight of 0 for it, too.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws.
    pub fn grow(&self, count: i64) -> Result<i64, Error> {
        let before = self.units();
        let added = count.clamp(0, self.config.most_units - before);
        if added == 0 {
            return Ok(0);
        }
        let deviation = self.config.spectral_radius / (self.config.units as f64).sqrt();
        let draw = |shape: &[i64], deviation: f64| -> Result<Tensor, Error> {
            let drawn = Init::Normal { deviation }.draw(shape)?;
            Ok(drawn.f_to_device_(self.active.device(), self.active.kind(), false, false)?)
        };
        let rows = |tensor: &Tensor| tensor.detach().narrow(0, before, added);
        let inputs = self.input_size();
        rows(&self.input_weights).f_copy_(&draw(&[added, inputs], self.config.input_scale)?)?;
        rows(&self.recurrent_weights).narrow(1, 0, before).f_copy_(&draw(&[added, before], deviation)?)?;
        let _ = self.recurrent_weights.detach().narrow(1, before, added).f_zero_()?;
        if let Some(bias) = &self.bias {
            let _ = rows(bias).f_zero_()?;
        }
        let _ = rows(&self.active).f_fill_(1.0)?;
        self.active_units.set(before + added);
        Ok(added)
    }

    /// The recurrent weights between the active units, `[N, N]`.
    fn recurrent(&self) -> Tensor {
        self.active_rows(&self.recurrent_weights).narrow(1, 0, self.units())
    }

    fn pass(&self) -> SpikingPass {
        let SpikingConfig { leak_rate, threshold, surrogate, sharpness, .. } = self.config;
        SpikingPass { leak_rate, threshold, surrogate, sharpness }
    }

    /// The first rows of a tensor: those of the active units.
    fn active_rows(&self, tensor: &Tensor) -> Tensor {
        tensor.narrow(0, 0, self.units())
    }
}

impl Cell for SpikingReservoir {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }

    fn state_sizes(&self) -> Vec<i64> {
        vec![self.units(); 2]
    }

    fn weight(&self) -> &Tensor {
        &self.input_weights
    }

    fn project(&self, x: &Tensor) -> Tensor {
        let bias = self.bias.as_ref().map(|bias| self.active_rows(bias));
        x.linear(&self.active_rows(&self.input_weights), bias.as_ref())
    }

    fn advance(&self, projected: &Tensor, _dt: Option<&Tensor>, state: &State) -> State {
        advance(self.pass(), &[self.recurrent()], projected, None, state)
    }

    /// Membranes followed by spikes: `[B, 2N]`.
    fn emit(&self, state: &State) -> Tensor {
        Tensor::cat(state.tensors(), 1)
    }

    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        fused::scan(self, sequence, initial)
    }

    fn script(&self) -> Script {
        Script::new("SpikingReservoir", SCRIPT.to_owned() + &self.config.surrogate.script())
            .attribute("leak_rate", ScriptAttribute::Float(self.config.leak_rate))
            .attribute("threshold", ScriptAttribute::Float(self.config.threshold))
            .attribute("sharpness", ScriptAttribute::Float(self.config.sharpness))
            .attribute("units", ScriptAttribute::Int(self.units()))
    }
}

impl FusedCell for SpikingReservoir {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let fused = Fused { step: self.pass(), weights: &[self.recurrent()], extra: None };
        fused.run(self, form, sequence, initial)
    }
}

/// The same equations in TorchScript. The state is `(v, s)`, both `[B, N]`, zero if absent.
const SCRIPT: &str = "
def project(self, x: Tensor) -> Tensor:
    weights = self.input_weights[:self.units]
    if hasattr(self, 'bias'):
        projected = torch.linear(x, weights, self.bias[:self.units])
    else:
        projected = torch.linear(x, weights)
    return projected.to(self.recurrent_weights.dtype)

def advance(self, projected: Tensor, state: Optional[Tuple[Tensor, Tensor]]) -> Tuple[Tensor, Tensor]:
    if state is None:
        u = torch.tanh(projected) * self.leak_rate
    else:
        v = state[0]
        weights = self.recurrent_weights[:self.units, :self.units]
        u = torch.lerp(v, torch.tanh(projected.clone().addmm_(v, weights.t())), self.leak_rate)
    spikes = self.spike(u - self.threshold)
    return u - spikes * self.threshold, spikes

def step(self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]] = None) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
    after = self.advance(self.project(x), state)
    return torch.cat(after, 1), after

def sequence(self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]] = None) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
    projected = self.project(x)
    after = self.advance(projected[:, 0], state)
    outputs = [torch.cat(after, 1)]
    for t in range(1, projected.size(1)):
        after = self.advance(projected[:, t], after)
        outputs.append(torch.cat(after, 1))
    return torch.stack(outputs, 1), after

def forward(self, x: Tensor) -> Tensor:
    return self.sequence(x)[0]
";
