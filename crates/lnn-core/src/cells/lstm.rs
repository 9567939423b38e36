//! Long short-term memory.
//!
//! ```text
//! i, f, g, o = x W_ihᵀ + h W_hhᵀ + b      (four blocks of H columns)
//! c' = σ(f) c + σ(i) tanh(g)
//! h' = σ(o) tanh(c')
//! ```
//! | letter | field | shape |
//! |---|---|---|
//! | `W_ih` | `input_weights` | `[4H, I]`, Glorot uniform |
//! | `W_hh` | `recurrent_weights` | `[4H, H]`, orthogonal blocks |
//! | b | `bias` | `[4H]`, 1 in the forget block and 0 elsewhere |
//!
//! Source: Hochreiter and Schmidhuber (1997) with the forget gate of Gers, Schmidhuber and Cummins (2000);
//! the initial values are those of Keras. The gates are in the order of `torch.nn.LSTM`, with one bias instead of its two.

use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::{Cell, check_sequence, unroll};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use tch::{Device, Kind, Tensor};

/// A layer of LSTM units.
#[derive(Debug)]
pub struct Lstm {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Tensor,
    no_bias: Tensor,
}

impl Lstm {
    /// A trainable layer of `units` units over `inputs` inputs.
    ///
    /// # Errors
    /// [`Error::Value`] if `units` or `inputs` is below 1; those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Result<Self, Error> {
        Error::refuse_empty(&[("units", units), ("inputs", inputs)])?;
        let blocks = |forget: f64| Tensor::full([units], forget, (Kind::Float, Device::Cpu));
        let bias = Tensor::cat(&[blocks(0.0), blocks(1.0), blocks(0.0), blocks(0.0)], 0);
        let input_weights = scope.trainable("input_weights", &[4 * units, inputs], &Init::GlorotUniform)?;
        let recurrent_weights =
            scope.trainable("recurrent_weights", &[4 * units, units], &Init::OrthogonalBlocks)?;
        let bias = scope.trainable("bias", &[4 * units], &Init::Values(bias))?;
        let no_bias = bias.detach().zeros_like();
        Ok(Self { input_weights, recurrent_weights, bias, no_bias })
    }
}

impl Lstm {
    /// The weights as libtorch's layer takes them. On CUDA they are views of one tensor, because cuDNN otherwise copies them in every
    /// call and prints a warning each time.
    fn layer_weights(&self, device: Device) -> Result<[Tensor; 4], Error> {
        let weights = [&self.input_weights, &self.recurrent_weights, &self.bias, &self.no_bias];
        if !device.is_cuda() {
            return Ok(weights.map(Tensor::shallow_clone));
        }
        let joined = Tensor::f_cat(&weights.map(|weight| weight.flatten(0, -1)), 0)?;
        let mut start = 0;
        Ok(weights.map(|weight| {
            let count = weight.numel() as i64;
            start += count;
            joined.narrow(0, start - count, count).view_as(weight)
        }))
    }
}

impl Cell for Lstm {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }

    fn state_sizes(&self) -> Vec<i64> {
        vec![self.recurrent_weights.size()[1]; 2]
    }

    fn weight(&self) -> &Tensor {
        &self.input_weights
    }

    fn project(&self, x: &Tensor) -> Tensor {
        x.linear(&self.input_weights, Some(&self.bias))
    }

    fn advance(&self, projected: &Tensor, _dt: Option<&Tensor>, state: &State) -> State {
        let [h, c] = state.tensors() else { unreachable!("the state was checked") };
        let gates = projected.addmm(h, &self.recurrent_weights.tr()).chunk(4, 1);
        let c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
        State::new(vec![gates[3].sigmoid() * c.tanh(), c])
    }

    /// The same equations by libtorch's fused layer; with a mask, step by step.
    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        check_sequence(self, sequence, initial)?;
        if sequence.mask.is_some() {
            return unroll(self, sequence, initial);
        }
        let x = sequence.x;
        let zero;
        let state = if let Some(state) = initial {
            state
        } else {
            zero = self.zero_state(x);
            &zero
        };
        let state: Vec<Tensor> = state.tensors().iter().map(|tensor| tensor.unsqueeze(0)).collect();
        let weights = self.layer_weights(x.device())?;
        // The layer contains the recurrence, so autocast ends before it.
        // One step from rest has no gradient for the recurrent weights, rather than one of zeros.
        let weights = match (initial, x.size()[1], weights) {
            (None, 1, [input, recurrent, bias, no_bias]) => [input, recurrent.detach(), bias, no_bias],
            (_, _, weights) => weights,
        };
        let layer = || x.f_lstm(&state, &weights, true, 1, 0.0, true, false, true);
        let (outputs, h, c) = lnn_sys::without_autocast(x.device(), layer)??;
        Ok(Run { outputs, last: State::new(vec![h.squeeze_dim(0), c.squeeze_dim(0)]) })
    }

    fn script(&self) -> Script {
        Script::new("Lstm", SCRIPT)
    }
}

/// The same equations in TorchScript. The state is `(h, c)`, both `[B, H]`, zero if absent.
const SCRIPT: &str = "
def project(self, x: Tensor) -> Tensor:
    return torch.linear(x, self.input_weights, self.bias).to(self.recurrent_weights.dtype)

def advance(self, projected: Tensor, h: Tensor, c: Tensor) -> Tuple[Tensor, Tensor]:
    # The chunks are a list: were they written in place, torch.jit.freeze would not take the weights, also in a list, as constants.
    gates = projected + torch.zeros_like(projected).addmm_(h, self.recurrent_weights.t())
    i, f, g, o = torch.chunk(gates, 4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c

def start(self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]]) -> Tuple[Tensor, Tensor]:
    if state is None:
        zero = self.recurrent_weights.new_zeros([x.size(0), self.recurrent_weights.size(1)])
        return zero, zero
    return state

def step(self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]] = None) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
    h, c = self.start(x, state)
    h, c = self.advance(self.project(x), h, c)
    return h, (h, c)

def sequence(self, x: Tensor, state: Optional[Tuple[Tensor, Tensor]] = None) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
    h, c = self.start(x, state)
    # Under autocast a product has another dtype. The fused layer would then keep its state in that dtype, or refuse float16.
    if torch.mm(h[:, :1].t(), h[:, :1]).dtype != h.dtype:
        projected = self.project(x)
        states: List[Tensor] = []
        for t in range(projected.size(1)):
            h, c = self.advance(projected[:, t], h, c)
            states.append(h)
        return torch.stack(states, 1), (h, c)
    weights = [self.input_weights, self.recurrent_weights, self.bias, torch.zeros_like(self.bias)]
    outputs, h, c = torch.lstm(x, [h.unsqueeze(0), c.unsqueeze(0)], weights, True, 1, 0.0, True, False, True)
    return outputs, (h.squeeze(0), c.squeeze(0))

def forward(self, x: Tensor) -> Tensor:
    return self.sequence(x)[0]
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::store::Parameters;
    use crate::random::{randn, seeded};

    #[test]
    fn the_forget_gate_starts_open() {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let lstm = Lstm::new(&mut parameters.root(), 3, 2).unwrap();
        let bias: Vec<f32> = Vec::try_from(&lstm.bias.detach()).unwrap();
        assert_eq!(bias, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn libtorchs_layer_computes_the_plain_equations_and_the_same_gradients() {
        let mut parameters = Parameters::drawn(0, Kind::Double, Device::Cpu);
        let lstm = Lstm::new(&mut parameters.root(), 3, 4).unwrap();
        let random = |seed, shape: &[i64]| seeded(seed, || randn(shape, (Kind::Double, Device::Cpu)));
        let x = random(1, &[2, 5, 3]);
        let initial = State::new(vec![random(2, &[2, 4]), random(3, &[2, 4])]);
        let gradients = |run: Run| {
            let loss = run.outputs.square().sum(Kind::Double) + run.last.tensors()[1].sum(Kind::Double);
            Tensor::run_backward(&[loss], &parameters.trainable(), false, false)
        };
        let plain = gradients(unroll(&lstm, Sequence::new(&x), Some(&initial)).unwrap());
        let fused = gradients(lstm.scan(Sequence::new(&x), Some(&initial)).unwrap());
        for (plain, fused) in plain.iter().zip(&fused) {
            assert!((plain - fused).abs().max().double_value(&[]) < 1e-12);
        }
    }
}
