//! The linear liquid update of the CIFAR-10 snippet, as it is printed.
//!
//! ```text
//! h' = (1 - c) h + c x W_inᵀ + h W_hidᵀ + b
//! ```
//! | letter | field | shape | constraint |
//! |---|---|---|---|
//! | `W_in` | `input_weights` | `[H, I]` | |
//! | `W_hid` | `recurrent_weights` | `[H, H]` | |
//! | b | `bias` | `[H]` | |
//! | c | `rate` | number | 0 < c ≤ 1 |
//!
//! Source: "Liquid neural networks" (`AI-ContentLab`). The recurrent term and the bias are not multiplied by c, and the state is
//! not squashed, so it grows without bound where (1 - c) + `W_hid` has an eigenvalue beyond 1. The snippet draws its weights from
//! N(0, 1) and therefore overflows; here their scale is chosen. The consistent Euler step is [`crate::LiquidTimeStep`].

use crate::error::Error;
use crate::kernels::real::Real;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::Cell;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use crate::scan::step::{Gradients, Step, TensorGradients, TensorStep};
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// A layer of linear liquid units.
#[derive(Debug)]
pub struct LinearLiquid {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Tensor,
    rate: f64,
}

impl LinearLiquid {
    /// A trainable layer of `units` units over `inputs` inputs, with `rate` c. Input weights are N(0, 1 / I), recurrent
    /// weights N(0, (c / 2)² / H), so that training starts stable; the bias is 0.
    ///
    /// # Errors
    /// [`Error::Value`] if a number is out of its range; those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, units: i64, rate: f64) -> Result<Self, Error> {
        Error::refuse_empty(&[("units", units), ("inputs", inputs)])?;
        if !(rate > 0.0 && rate <= 1.0) {
            return Err(Error::Value {
                name: "rate",
                expected: "above 0 and at most 1",
                found: rate.to_string(),
            });
        }
        let normal =
            |deviation: f64, extent: i64| Init::Normal { deviation: deviation / (extent as f64).sqrt() };
        Ok(Self {
            input_weights: scope.trainable("input_weights", &[units, inputs], &normal(1.0, inputs))?,
            recurrent_weights: scope.trainable(
                "recurrent_weights",
                &[units, units],
                &normal(rate / 2.0, units),
            )?,
            bias: scope.trainable("bias", &[units], &Init::Constant(0.0))?,
            rate,
        })
    }
}

impl Cell for LinearLiquid {
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
        (x * self.rate).linear(&self.input_weights, Some(&self.bias))
    }

    fn advance(&self, projected: &Tensor, _dt: Option<&Tensor>, state: &State) -> State {
        advance(self.kept(), &[self.recurrent_weights.shallow_clone()], projected, None, state)
    }

    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        fused::scan(self, sequence, initial)
    }

    fn script(&self) -> Script {
        Script::new("LinearLiquid", SCRIPT).attribute("rate", ScriptAttribute::Float(self.rate))
    }
}

impl LinearLiquid {
    fn kept(&self) -> Kept {
        Kept(1.0 - self.rate)
    }
}

impl FusedCell for LinearLiquid {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let weights = [self.recurrent_weights.shallow_clone()];
        Fused { step: self.kept(), weights: &weights, extra: None }.run(self, form, sequence, initial)
    }
}

/// h' = z + k h, where k = 1 - c is the share of the state that is kept.
#[derive(Debug, Clone, Copy)]
struct Kept(f64);

impl Step for Kept {
    #[inline(always)]
    fn forward<R: Real>(&self, _stage: usize, before: &[R], _extra: &[R], z: &mut [R], out: &mut [R]) {
        let kept = R::from_f64(self.0);
        for ((h, z), out) in before.iter().zip(z).zip(out) {
            *out = kept.mul_add(*h, *z);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(
        &self,
        _stage: usize,
        _before: &[R],
        _extra: &[R],
        _saved: &[R],
        row: Gradients<'_, R>,
    ) {
        let kept = R::from_f64(self.0);
        for (g, dz) in row.state.iter_mut().zip(row.z) {
            *dz = *g;
            *g = kept * *g;
        }
    }

    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        _extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        // The backward pass needs nothing.
        (z.narrow(1, 0, 0), z.addmm(before, &weights[0].tr()) + before * self.0)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { weights, of_state, .. } = *step;
        let through = (of_state * self.0).addmm(of_state, &weights[0]);
        TensorGradients { state: through, z: of_state.copy(), extra: None }
    }
}

/// The same equation in TorchScript. The state is `h [B, H]`, zero if absent.
const SCRIPT: &str = "
def project(self, x: Tensor) -> Tensor:
    return torch.linear(x * self.rate, self.input_weights, self.bias).to(self.recurrent_weights.dtype)

def advance(self, projected: Tensor, h: Tensor) -> Tensor:
    return projected.clone().addmm_(h, self.recurrent_weights.t()) + h * (1. - self.rate)

def start(self, x: Tensor, state: Optional[Tensor]) -> Tensor:
    if state is None:
        return self.recurrent_weights.new_zeros([x.size(0), self.recurrent_weights.size(0)])
    return state

def step(self, x: Tensor, state: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    h = self.advance(self.project(x), self.start(x, state))
    return h, h

def sequence(self, x: Tensor, state: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    projected = self.project(x)
    h = self.start(x, state)
    outputs: List[Tensor] = []
    for t in range(projected.size(1)):
        h = self.advance(projected[:, t], h)
        outputs.append(h)
    return torch.stack(outputs, 1), h

def forward(self, x: Tensor) -> Tensor:
    return self.sequence(x)[0]
";
