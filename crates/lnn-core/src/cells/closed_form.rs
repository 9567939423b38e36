//! The closed-form continuous-time unit.
//!
//! ```text
//! y   = act(W [x, h] + b), for each layer of the backbone; without one, y = [x, h]
//! f₁  = tanh(W₁ y + b₁)    f₂ = tanh(W₂ y + b₂)    s = σ((W_a y + b_a) dt + W_b y + b_b)
//! h'  = f₁ + s (f₂ - f₁)                                              (default)
//! h'  = f₁ + s f₂                                                     (no-gate)
//! h'  = A - A exp(-dt (|w| + |f|)) f,    f = W₁ y + b₁                (pure)
//! ```
//! | letter | field | shape | initial values |
//! |---|---|---|---|
//! | W, b | `backbone_input_weights`, `backbone_recurrent_weights`, `backbone_bias`; of further layers `backbone_weights_1`, `backbone_bias_1` … | `[U, I]`, `[U, H]`, `[U]`; `[U, U]`, `[U]` | Glorot uniform, 0 |
//! | W₁, W₂, `W_a`, `W_b` and their b | `head_weights`, `head_bias`, in this order | `[4H, U]`, `[4H]`; pure `[H, U]`, `[H]` | Glorot uniform, 0 |
//! | the same without a backbone | `head_input_weights`, `head_recurrent_weights`, `head_bias` | `[4H, I]`, `[4H, H]`, `[4H]` | the same |
//! | w, A | `w_tau`, `amplitude` | `[H]` | 0, 1 |
//!
//! A wiring multiplies W₁ and W₂ by a fixed mask, the buffer `head_mask [H, I + H]`.
//!
//! Source: Hasani et al., "Closed-form continuous-time neural networks" (2022), in the forms of `ncps.torch.CfC` 1.0.1. It deviates in this:
//! `dt` may differ between the samples of a batch; dropout follows every layer of the backbone, not all but the first; biases begin at 0.

use crate::cells::closed_form_config::{BackboneActivation, ClosedFormConfig, ClosedFormMode};
use crate::cells::closed_form_step::ClosedFormStep;
use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::random::dropout;
use crate::recurrence::cell::Cell;
use crate::recurrence::script::steps_in_time;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use crate::scan::stream::{Block, StreamStep};
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// A layer of closed-form continuous-time units.
#[derive(Debug)]
pub struct ClosedForm {
    /// The first product, of the input and of the state: that of the backbone, or of the heads where there is none.
    input_weights: Tensor,
    recurrent_weights: Tensor,
    /// The products behind it: further layers of the backbone, and the heads.
    further_weights: Vec<Tensor>,
    /// The biases of all products.
    biases: Vec<Tensor>,
    /// w and A of the pure form.
    pure: Option<[Tensor; 2]>,
    head_mask: Option<Tensor>,
    units: i64,
    config: ClosedFormConfig,
}

impl ClosedForm {
    /// A trainable layer over `inputs` inputs. `mask [H, I + H]` is that of a wiring, which leaves no room for a backbone.
    ///
    /// # Errors
    /// [`Error::Value`] if a number is out of its range; those of [`Scope::trainable`].
    pub fn new(
        scope: &mut Scope<'_>,
        inputs: i64,
        config: &ClosedFormConfig,
        mask: Option<&Tensor>,
    ) -> Result<Self, Error> {
        let ClosedFormConfig { units, mode, backbone } = config.clone();
        config.check()?;
        Error::refuse_empty(&[("inputs", inputs)])?;
        if mask.is_some() && backbone.layers > 0 {
            let (name, expected) = ("the layers of the backbone of a wired cell", "0");
            return Err(Error::Value { name, expected, found: backbone.layers.to_string() });
        }
        let heads = units * config.heads();
        let glorot = Init::GlorotUniform;
        // All heads and both parts of a product are drawn as the one matrix that they are in the equation.
        let fan = |rows: i64, columns: i64| Init::Uniform { limit: (6.0 / (rows + columns) as f64).sqrt() };
        let (mut further_weights, mut biases) = (Vec::new(), Vec::new());
        let (first, rows, init) = match backbone.layers {
            0 => ("head", heads, fan(units, inputs + units)),
            _ => ("backbone", backbone.units, fan(backbone.units, inputs + units)),
        };
        let input_weights = scope.trainable(&format!("{first}_input_weights"), &[rows, inputs], &init)?;
        let recurrent_weights =
            scope.trainable(&format!("{first}_recurrent_weights"), &[rows, units], &init)?;
        let zero = Init::Constant(0.0);
        biases.push(scope.trainable(&format!("{first}_bias"), &[rows], &zero)?);
        for layer in 1..backbone.layers {
            let shape = [backbone.units; 2];
            further_weights.push(scope.trainable(&format!("backbone_weights_{layer}"), &shape, &glorot)?);
            biases.push(scope.trainable(&format!("backbone_bias_{layer}"), &[backbone.units], &zero)?);
        }
        if backbone.layers > 0 {
            let init = fan(units, backbone.units);
            further_weights.push(scope.trainable("head_weights", &[heads, backbone.units], &init)?);
            biases.push(scope.trainable("head_bias", &[heads], &zero)?);
        }
        let pure = match mode {
            ClosedFormMode::Pure => Some([
                scope.trainable("w_tau", &[units], &zero)?,
                scope.trainable("amplitude", &[units], &Init::Constant(1.0))?,
            ]),
            ClosedFormMode::Default | ClosedFormMode::NoGate => None,
        };
        let head_mask = match mask {
            Some(mask) => Some(scope.buffer(
                "head_mask",
                &[units, inputs + units],
                &Init::Values(mask.shallow_clone()),
            )?),
            None => None,
        };
        let config = config.clone();
        Ok(Self { input_weights, recurrent_weights, further_weights, biases, pure, head_mask, units, config })
    }

    /// The weights of the first product, masked where a wiring leaves synapses out.
    fn first_weights(&self) -> [Tensor; 2] {
        let inputs = self.input_weights.size()[1];
        let [input, recurrent] = [&self.input_weights, &self.recurrent_weights];
        match &self.head_mask {
            None => [input.shallow_clone(), recurrent.shallow_clone()],
            Some(mask) => {
                // Time is not masked.
                let masked = self.config.masked_heads();
                let rest = (self.config.heads() - masked) * self.units;
                let whole = |part: Tensor| {
                    let ones = part.new_ones([rest, part.size()[1]], (part.kind(), part.device()));
                    Tensor::cat(&[part.repeat([masked, 1]), ones], 0)
                };
                [
                    input * whole(mask.narrow(1, 0, inputs)),
                    recurrent * whole(mask.narrow(1, inputs, self.units)),
                ]
            }
        }
    }

    /// The weights of all products of a step.
    fn weights(&self) -> Vec<Tensor> {
        let [_, recurrent] = self.first_weights();
        std::iter::once(recurrent).chain(self.further_weights.iter().map(Tensor::shallow_clone)).collect()
    }

    fn step_form(&self, dropout: bool) -> ClosedFormStep {
        let ClosedFormConfig { mode, backbone, .. } = &self.config;
        ClosedFormStep {
            mode: *mode,
            activation: backbone.activation,
            layers: backbone.layers as usize,
            backbone: if backbone.layers > 0 { backbone.units as usize } else { 0 },
            dropout,
        }
    }

    /// The further numbers of each step, `[T, B, N]`: its time, and the masks of dropout.
    fn extra(sequence: Sequence<'_>, left_out: Option<Tensor>) -> Option<Tensor> {
        let dt = sequence.time_without_padding().map(|dt| dt.tr().contiguous().unsqueeze(2));
        match left_out {
            None => dt,
            Some(masks) => {
                let dt = dt.unwrap_or_else(|| masks.narrow(2, 0, 1).ones_like());
                Some(Tensor::cat(&[dt, masks], 2))
            }
        }
    }
}

impl Cell for ClosedForm {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }

    fn state_sizes(&self) -> Vec<i64> {
        vec![self.units]
    }

    fn weight(&self) -> &Tensor {
        &self.input_weights
    }

    fn has_time(&self) -> bool {
        true
    }

    /// The parts of all products that do not depend on the state: that of the input, and biases; w and A follow in the pure form.
    fn project(&self, x: &Tensor) -> Tensor {
        let [input, _] = self.first_weights();
        let first = x.linear(&input, Some(&self.biases[0]));
        let fixed: Vec<_> = self.biases[1..].iter().chain(self.pure.iter().flatten()).collect();
        if fixed.is_empty() {
            return first;
        }
        let fixed = Tensor::cat(&fixed, 0).to_kind(first.kind());
        let mut shape = first.size();
        *shape.last_mut().expect("an input has a last extent") = fixed.size()[0];
        Tensor::cat(&[first, fixed.expand(&shape[..], false)], -1)
    }

    fn advance(&self, projected: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        advance(self.step_form(false), &self.weights(), projected, dt, state)
    }

    fn step(&self, x: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        let [input, recurrent] = self.first_weights();
        let first = Block { products: Some([&input, &recurrent]), bias: &self.biases[0] };
        let fixed = self.biases[1..].iter().chain(self.pure.iter().flatten());
        let blocks: Vec<_> =
            std::iter::once(first).chain(fixed.map(|bias| Block { products: None, bias })).collect();
        let (h, further) = (state.output(), &self.further_weights[..]);
        let step = StreamStep { step: self.step_form(false), x, h, extra: dt, blocks: &blocks, further };
        // The general form knows the functions that this one does not.
        let known = self.config.backbone.activation != BackboneActivation::Gelu;
        match if known { step.run() } else { None } {
            Some(h) => State::new(vec![h]),
            None => self.advance(&self.project(x), dt.map(|dt| dt.unsqueeze(1)).as_ref(), state),
        }
    }

    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        match self.config.backbone.activation {
            // Their slope does not follow from their value, which is all that the fused loop keeps.
            BackboneActivation::Silu | BackboneActivation::Gelu if self.config.backbone.layers > 0 => {
                self.scan_stepwise(sequence, initial)
            }
            _ => fused::scan(self, sequence, initial),
        }
    }

    fn script(&self) -> Script {
        let layers = self.config.backbone.layers;
        let (act, dropout) = (self.config.backbone.activation.script(), self.config.backbone.dropout);
        let left_out =
            if dropout > 0.0 { "    y = torch.dropout(y, self.dropout, self.training)\n" } else { "" };
        let product = |layer: i64| {
            let product =
                format!("torch.linear(y, self.backbone_weights_{layer}, self.backbone_bias_{layer})");
            format!("    y = {}\n{left_out}", act.replace('Y', &product))
        };
        let products: String = (1..layers).map(product).collect();
        let (first, behind) = match layers {
            0 => ("head", "    z = y\n".to_owned()),
            _ => (
                "backbone",
                format!(
                    "    y = {}\n{left_out}{products}    z = torch.linear(y, self.head_weights, self.head_bias)\n",
                    act.replace('Y', "y")
                ),
            ),
        };
        let masked = if self.head_mask.is_some() { MASKED } else { UNMASKED };
        let solution = match self.config.mode {
            ClosedFormMode::Default => GATED.replace("STATE", "f1 + s * (f2 - f1)"),
            ClosedFormMode::NoGate => GATED.replace("STATE", "f1 + s * f2"),
            ClosedFormMode::Pure => PURE.to_owned(),
        };
        let source = (masked.to_owned() + SCRIPT + &solution + START + &steps_in_time("STATES"))
            .replace("    BEHIND\n", &behind)
            .replace("FIRST", first)
            .replace("MASKED_HEADS", &self.config.masked_heads().to_string());
        Script::new("ClosedForm", source)
            .attribute("units", ScriptAttribute::Int(self.units))
            .attribute("dropout", ScriptAttribute::Float(dropout))
    }
}

impl FusedCell for ClosedForm {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let step = &self.step_form(false);
        let (batch, steps, _) = sequence.x.size3()?;
        let width = (step.layers * step.backbone) as i64;
        let rate = self.config.backbone.dropout;
        let left_out = match sequence.training && rate > 0.0 && width > 0 {
            true => {
                let weight = self.weight();
                let ones = weight.new_ones([steps, batch, width], (weight.kind(), weight.device()));
                Some(dropout(&ones, rate, true, 1)?)
            }
            false => None,
        };
        let step = self.step_form(left_out.is_some());
        let (weights, extra) = (self.weights(), Self::extra(sequence, left_out));
        Fused { step, weights: &weights, extra: extra.as_ref() }.run(self, form, sequence, initial)
    }
}

/// The weights of the first product in TorchScript.
const UNMASKED: &str = "
def weights(self) -> Tuple[Tensor, Tensor]:
    return self.FIRST_input_weights, self.FIRST_recurrent_weights
";

const MASKED: &str = "
def weights(self) -> Tuple[Tensor, Tensor]:
    inputs = self.head_input_weights.size(1)
    rest = torch.ones_like(self.head_mask).repeat([self.head_bias.size(0) // self.units - MASKED_HEADS, 1])
    mask = torch.cat([self.head_mask.repeat([MASKED_HEADS, 1]), rest], 0)
    return self.head_input_weights * mask[:, :inputs], self.head_recurrent_weights * mask[:, inputs:]
";

/// The same equations in TorchScript. The state is `h [B, H]`, zero if absent; `dt` is `[B, T]` or `[B]`, 1 if absent.
const SCRIPT: &str = "
def project(self, x: Tensor) -> Tensor:
    return torch.linear(x, self.weights()[0], self.FIRST_bias).to(self.FIRST_bias.dtype)

def advance(self, projected: Tensor, h: Tensor, dt: Optional[Tensor]) -> Tensor:
    y = projected.clone().addmm_(h, self.weights()[1].t())
    BEHIND
    if dt is None:
        return self.solution(z, torch.ones_like(z[:, :1]))
    return self.solution(z, dt.unsqueeze(1))
";

const GATED: &str = "
def solution(self, z: Tensor, dt: Tensor) -> Tensor:
    f1, f2, a, b = torch.chunk(z, 4, 1)
    f1 = torch.tanh(f1)
    f2 = torch.tanh(f2)
    s = torch.sigmoid(a * dt + b)
    return STATE
";

const PURE: &str = "
def solution(self, z: Tensor, dt: Tensor) -> Tensor:
    decay = torch.exp(-dt * (torch.abs(self.w_tau) + torch.abs(z)))
    return self.amplitude - self.amplitude * decay * z
";

const START: &str = "
def start(self, x: Tensor, state: Optional[Tensor]) -> Tensor:
    if state is None:
        return self.FIRST_bias.new_zeros([x.size(0), self.units])
    return state
";
