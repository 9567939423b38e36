//! The gated recurrent unit.
//!
//! ```text
//! r  = σ(x W_irᵀ + h W_hrᵀ + b_r)
//! z  = σ(x W_izᵀ + h W_hzᵀ + b_z)
//! n  = tanh(x W_inᵀ + b_n + r (h W_hnᵀ + c))
//! h' = n + z (h - n)
//! ```
//! | letter | field | shape |
//! |---|---|---|
//! | `W_ir`, `W_iz`, `W_in` | `input_weights`, three blocks of rows | `[3H, I]`, Glorot uniform |
//! | `W_hr`, `W_hz`, `W_hn` | `recurrent_weights`, three blocks of rows | `[3H, H]`, orthogonal blocks |
//! | `b_r`, `b_z`, `b_n` | `bias` | `[3H]`, 0 |
//! | c | `candidate_bias` | `[H]`, 0 |
//!
//! Source: Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), in the form of `torch.nn.GRU`, where
//! the reset gate r multiplies the product and its bias. The gates are in its order. It adds two biases to r and z, here is
//! one. The initial values are those of Keras.

use crate::cells::gru_step::GruStep;
use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::Cell;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use tch::Tensor;

/// A layer of gated recurrent units.
#[derive(Debug)]
pub struct Gru {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Tensor,
    candidate_bias: Tensor,
}

impl Gru {
    /// A trainable layer of `units` units over `inputs` inputs.
    ///
    /// # Errors
    /// [`Error::Value`] if `units` or `inputs` is below 1; those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Result<Self, Error> {
        Error::refuse_empty(&[("units", units), ("inputs", inputs)])?;
        let (rows, zero) = (3 * units, Init::Constant(0.0));
        Ok(Self {
            input_weights: scope.trainable("input_weights", &[rows, inputs], &Init::GlorotUniform)?,
            recurrent_weights: scope.trainable(
                "recurrent_weights",
                &[rows, units],
                &Init::OrthogonalBlocks,
            )?,
            bias: scope.trainable("bias", &[rows], &zero)?,
            candidate_bias: scope.trainable("candidate_bias", &[units], &zero)?,
        })
    }
}

impl Cell for Gru {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }

    fn state_sizes(&self) -> Vec<i64> {
        vec![self.recurrent_weights.size()[1]]
    }

    fn weight(&self) -> &Tensor {
        &self.input_weights
    }

    /// The parts of r and z, the bias c, and the part of n: `[.., 4H]`. The product with the state is added to the first three.
    fn project(&self, x: &Tensor) -> Tensor {
        let units = self.candidate_bias.size()[0];
        let parts = x.linear(&self.input_weights, Some(&self.bias));
        let candidate = parts.narrow(-1, 2 * units, units);
        let bias = self.candidate_bias.to_kind(parts.kind()).expand_as(&candidate);
        Tensor::cat(&[parts.narrow(-1, 0, 2 * units), bias, candidate], -1)
    }

    fn advance(&self, projected: &Tensor, _dt: Option<&Tensor>, state: &State) -> State {
        advance(GruStep, &[self.recurrent_weights.shallow_clone()], projected, None, state)
    }

    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        fused::scan(self, sequence, initial)
    }

    fn script(&self) -> Script {
        Script::new("Gru", SCRIPT)
    }
}

impl FusedCell for Gru {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let weights = [self.recurrent_weights.shallow_clone()];
        Fused { step: GruStep, weights: &weights, extra: None }.run(self, form, sequence, initial)
    }
}

/// The same equations in TorchScript. The state is `h [B, H]`, zero if absent.
const SCRIPT: &str = "
def project(self, x: Tensor) -> Tensor:
    return torch.linear(x, self.input_weights, self.bias).to(self.recurrent_weights.dtype)

def advance(self, projected: Tensor, h: Tensor) -> Tensor:
    r, z, n = torch.chunk(projected, 3, 1)
    h_r, h_z, h_n = torch.chunk(torch.zeros_like(projected).addmm_(h, self.recurrent_weights.t()), 3, 1)
    r = torch.sigmoid(r + h_r)
    z = torch.sigmoid(z + h_z)
    n = torch.tanh(n + r * (h_n + self.candidate_bias))
    return torch.lerp(n, h, z)

def start(self, x: Tensor, state: Optional[Tensor]) -> Tensor:
    if state is None:
        return self.recurrent_weights.new_zeros([x.size(0), self.recurrent_weights.size(1)])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::store::Parameters;
    use crate::random::{randn, seeded};
    use tch::{Device, Kind};

    #[test]
    fn the_values_and_gradients_are_those_of_libtorchs_layer() {
        let options = (Kind::Double, Device::Cpu);
        let mut parameters = Parameters::drawn(0, options.0, options.1);
        let gru = Gru::new(&mut parameters.root(), 3, 4).unwrap();
        for bias in [&gru.bias, &gru.candidate_bias] {
            let _ = bias.detach().normal_(0.0, 1.0);
        }
        let x = seeded(1, || randn([2, 5, 3], options));
        let initial = seeded(2, || randn([2, 4], options));
        let gradients = |outputs: Tensor| {
            let loss = outputs.square().sum(options.0);
            Tensor::run_backward(&[loss], &parameters.trainable(), false, false)
        };
        let state = State::new(vec![initial.shallow_clone()]);
        let own = gru.scan(Sequence::new(&x), Some(&state)).unwrap().outputs;
        let zeros = Tensor::zeros([8], options);
        let second_bias = Tensor::cat(&[&zeros, &gru.candidate_bias], 0);
        let weights = [&gru.input_weights, &gru.recurrent_weights, &gru.bias, &second_bias];
        let (theirs, _) = x.gru(&initial.unsqueeze(0), &weights, true, 1, 0.0, true, false, true);
        assert!((&own - &theirs).abs().max().double_value(&[]) < 1e-12);
        for (own, theirs) in gradients(own).iter().zip(gradients(theirs)) {
            assert!((own - theirs).abs().max().double_value(&[]) < 1e-12);
        }
    }
}
