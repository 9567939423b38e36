//! The liquid time-constant step: leaky units whose time constants are learned.
//!
//! ```text
//! dh/dt = (tanh(x W_inᵀ + h W_hᵀ + b) - h) / tau
//! h' = h + r (tanh(x W_inᵀ + h W_hᵀ + b) - h)        r = dt / tau  or  1 - exp(-dt / tau)
//! ```
//! | letter | field | shape | constraint |
//! |---|---|---|---|
//! | `W_in` | `input_weights` | `[H, I]` | |
//! | `W_h` | `recurrent_weights` | `[H, H]` | |
//! | b | `bias`, and `recurrent_bias` if there are two | `[H]` | |
//! | tau | `tau` | `[H]` | at least a floor, by its [`TimeConstants`](crate::TimeConstants) |
//!
//! With [`TimeConstants::by_input`](crate::TimeConstants::by_input) the time constant depends on input and state: tau = floor + softplus(raw + x `W_tau`ᵀ +
//! h `U_tau`ᵀ), with the fields `tau_input_weights` and `tau_recurrent_weights`.
//!
//! Source: the `LiquidTimeStep` of "Liquid Neuronal Networks (LNNs)": explicit Euler steps with dt = 1 and an unbounded
//! tau, so that the state grows without bound where tau < 1/2. The exponential rate is the exact solution for a drive
//! that is constant during the step, and is below 1 for any dt and tau. A time constant that depends on the input is the
//! idea of Hasani et al., "Liquid Time-constant Networks" (2021).

use crate::cells::approach::Approach;
use crate::cells::liquid_config::{LiquidTimeStepConfig, Rate, Solver, TauForm};
use crate::cells::moving_rate::MovingRate;
use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::Cell;
use crate::recurrence::script::steps_in_time;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use crate::scan::stream::{Block, StreamStep};
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// A layer of liquid units.
#[derive(Debug)]
pub struct LiquidTimeStep {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Tensor,
    recurrent_bias: Option<Tensor>,
    tau: Tensor,
    by_input: Option<[Tensor; 2]>,
    rate: Rate,
}

impl LiquidTimeStep {
    /// A trainable layer over `inputs` inputs.
    ///
    /// # Errors
    /// [`Error::Value`] if a number is out of its range; those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, config: &LiquidTimeStepConfig) -> Result<Self, Error> {
        let LiquidTimeStepConfig { units, solver, tau, .. } = *config;
        Error::refuse_empty(&[("units", units), ("inputs", inputs)])?;
        let parameter = tau.parameter(units)?;
        let by_input = if tau.by_input {
            let zero = Init::Constant(0.0);
            let weights = scope.trainable("tau_input_weights", &[units, inputs], &Init::GlorotUniform)?;
            Some([weights, scope.trainable("tau_recurrent_weights", &[units, units], &zero)?])
        } else {
            None
        };
        let recurrent_bias = match config.recurrent_bias {
            true => Some(scope.trainable("recurrent_bias", &[units], &config.bias_init)?),
            false => None,
        };
        Ok(Self {
            input_weights: scope.trainable("input_weights", &[units, inputs], &config.input_init)?,
            recurrent_weights: scope.trainable(
                "recurrent_weights",
                &[units, units],
                &config.recurrent_init,
            )?,
            bias: scope.trainable("bias", &[units], &config.bias_init)?,
            recurrent_bias,
            tau: scope.trainable("tau", &[units], &Init::Values(parameter))?,
            by_input,
            rate: Rate { form: tau.form, floor: tau.floor, solver },
        })
    }

    /// The rates of the step where they do not depend on the state: `[H]`, or as `dt` broadcasts with it.
    fn rates(&self, dt: Option<&Tensor>) -> Tensor {
        let [_, _, rates] = self.rate.on_tensors(&self.tau, dt);
        rates
    }

    /// The weights of the step's one product: `[H, H]`, or `[2H, H]` if the time constants depend on the input.
    fn recurrent(&self) -> [Tensor; 1] {
        match &self.by_input {
            Some([_, weights]) => [Tensor::cat(&[&self.recurrent_weights, weights], 0)],
            None => [self.recurrent_weights.shallow_clone()],
        }
    }
}

impl Cell for LiquidTimeStep {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }

    fn state_sizes(&self) -> Vec<i64> {
        vec![self.recurrent_weights.size()[0]]
    }

    fn weight(&self) -> &Tensor {
        &self.input_weights
    }

    fn has_time(&self) -> bool {
        true
    }

    /// The part of the drive, followed by that of tau's parameter if that depends on the input: `[.., H]` or `[.., 2H]`.
    fn project(&self, x: &Tensor) -> Tensor {
        let bias = self.recurrent_bias.as_ref().map(|second| second + &self.bias);
        let drive = x.linear(&self.input_weights, Some(bias.as_ref().unwrap_or(&self.bias)));
        match &self.by_input {
            Some([weights, _]) => Tensor::cat(&[drive, x.linear(weights, Some(&self.tau))], -1),
            None => drive,
        }
    }

    fn advance(&self, projected: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        let weights = self.recurrent();
        if self.by_input.is_none() {
            let rates = self.rates(dt).reshape([-1, self.tau.size()[0]]);
            return advance(Approach, &weights, projected, Some(&rates), state);
        }
        let floor = self.rate.floor;
        match self.rate.solver {
            Solver::Euler => advance(MovingRate::<false> { floor }, &weights, projected, dt, state),
            Solver::Exponential => advance(MovingRate::<true> { floor }, &weights, projected, dt, state),
        }
    }

    fn step(&self, x: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        if let Some(h) = self.step_on_rows(x, dt, state.output()) {
            return State::new(vec![h]);
        }
        self.advance(&self.project(x), dt.map(|dt| dt.unsqueeze(1)).as_ref(), state)
    }

    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        fused::scan(self, sequence, initial)
    }

    fn script(&self) -> Script {
        let constants = match self.rate.form {
            TauForm::Clamped => "torch.clamp_min(parameter, self.floor)",
            TauForm::Softplus => "torch.softplus(parameter) + self.floor",
        };
        let rate = match self.rate.solver {
            Solver::Euler => "part",
            Solver::Exponential => "-torch.expm1(-part)",
        };
        let source = SCRIPT.replace("CONSTANTS", constants).replace("RATE", rate) + &steps_in_time("STATES");
        Script::new("LiquidTimeStep", source).attribute("floor", ScriptAttribute::Float(self.rate.floor))
    }
}

impl FusedCell for LiquidTimeStep {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let dt = sequence.time_without_padding().map(|dt| dt.tr().contiguous().unsqueeze(2));
        let weights = &self.recurrent();
        if self.by_input.is_none() {
            let rates = self.rates(dt.as_ref());
            let rates = if dt.is_some() { rates } else { rates.view([1, 1, -1]) };
            let fused = Fused { step: Approach, weights, extra: Some(&rates) };
            return fused.run(self, form, sequence, initial);
        }
        let (floor, extra) = (self.rate.floor, dt.as_ref());
        match self.rate.solver {
            Solver::Euler => {
                let step = MovingRate::<false> { floor };
                Fused { step, weights, extra }.run(self, form, sequence, initial)
            }
            Solver::Exponential => {
                let step = MovingRate::<true> { floor };
                Fused { step, weights, extra }.run(self, form, sequence, initial)
            }
        }
    }
}

impl LiquidTimeStep {
    /// One step `x [B, I]`, `dt [B]`, `h [B, H]` on plain numbers: a time constant that does not depend on the input is one
    /// without products. `None` where the general form is to be used.
    fn step_on_rows(&self, x: &Tensor, dt: Option<&Tensor>, h: &Tensor) -> Option<Tensor> {
        if self.recurrent_bias.is_some() {
            return None;
        }
        let drive =
            Block { products: Some([&self.input_weights, &self.recurrent_weights]), bias: &self.bias };
        let products = self.by_input.as_ref().map(|[input, recurrent]| [input, recurrent]);
        let blocks = &[drive, Block { products, bias: &self.tau }];
        let floor = self.rate.floor;
        match (self.rate.form, self.rate.solver) {
            (TauForm::Softplus, Solver::Euler) => {
                StreamStep { step: MovingRate::<false> { floor }, x, h, extra: dt, blocks, further: &[] }
                    .run()
            }
            (TauForm::Softplus, Solver::Exponential) => {
                StreamStep { step: MovingRate::<true> { floor }, x, h, extra: dt, blocks, further: &[] }.run()
            }
            (TauForm::Clamped, Solver::Euler) => StreamStep {
                step: MovingRate::<false, true> { floor },
                x,
                h,
                extra: dt,
                blocks,
                further: &[],
            }
            .run(),
            (TauForm::Clamped, Solver::Exponential) => {
                StreamStep { step: MovingRate::<true, true> { floor }, x, h, extra: dt, blocks, further: &[] }
                    .run()
            }
        }
    }
}

/// The same equations in TorchScript; `CONSTANTS` and `RATE` stand for the forms of [`Rate::on_tensors`]. The state is `h [B,
/// H]`, zero if absent; `dt` is `[B, T]` or `[B]`, 1 if absent.
const SCRIPT: &str = "
def constants(self, parameter: Tensor) -> Tensor:
    return CONSTANTS

def rate(self, tau: Tensor, dt: Optional[Tensor]) -> Tensor:
    if dt is None:
        part = torch.reciprocal(tau)
    else:
        part = dt.unsqueeze(1) / tau
    return RATE

def project(self, x: Tensor) -> Tensor:
    bias = self.bias
    if hasattr(self, 'recurrent_bias'):
        bias = self.bias + self.recurrent_bias
    projected = torch.linear(x, self.input_weights, bias)
    if hasattr(self, 'tau_input_weights'):
        projected = torch.cat([projected, torch.linear(x, self.tau_input_weights, self.tau)], -1)
    return projected.to(self.tau.dtype)

def advance(self, projected: Tensor, h: Tensor, dt: Optional[Tensor]) -> Tensor:
    parameter = self.tau
    drive = projected
    if hasattr(self, 'tau_input_weights'):
        drive, parameter = torch.chunk(projected, 2, 1)
        parameter = parameter.clone().addmm_(h, self.tau_recurrent_weights.t())
    drive = torch.tanh(drive.clone().addmm_(h, self.recurrent_weights.t()))
    return torch.lerp(h, drive, self.rate(self.constants(parameter), dt).expand_as(h))

def start(self, x: Tensor, state: Optional[Tensor]) -> Tensor:
    if state is None:
        return self.tau.new_zeros([x.size(0), self.tau.size(0)])
    return state
";
