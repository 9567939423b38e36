//! Two cells that test what the step of a fused time loop admits: several products per step, and work per synapse.

use crate::error::Error;
use crate::kernels::functions::tanh;
use crate::kernels::real::Real;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::Cell;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, Fused, FusedCell, advance};
use crate::scan::step::{Gradients, Product, Step, TensorGradients, TensorStep};
use tch::Tensor;

/// Units of the inner layer.
const INNER: i64 = 7;

/// Two layers per step: `a = tanh(x W_inᵀ + h Uᵀ)`, `h' = tanh(b + a Vᵀ)`. The row is (a, h').
#[derive(Debug)]
pub(crate) struct TwoLayers {
    input_weights: Tensor,
    weights: [Tensor; 2],
    bias: Tensor,
}

impl TwoLayers {
    pub(crate) fn draw(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn FusedCell> {
        let mut draw =
            |name, shape: &[i64]| scope.trainable(name, shape, &Init::GlorotUniform).expect("a new name");
        let input_weights = draw("input_weights", &[INNER, inputs]);
        let weights = [draw("u", &[INNER, units]), draw("v", &[units, INNER])];
        let bias = scope.trainable("bias", &[units], &Init::Normal { deviation: 0.2 }).expect("a new name");
        Box::new(Self { input_weights, weights, bias })
    }
}

impl Cell for TwoLayers {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }
    fn state_sizes(&self) -> Vec<i64> {
        vec![self.bias.size()[0]]
    }
    fn weight(&self) -> &Tensor {
        &self.bias
    }
    fn project(&self, x: &Tensor) -> Tensor {
        let inner = x.linear(&self.input_weights, None::<&Tensor>);
        let mut shape = x.size();
        *shape.last_mut().expect("at least one extent") = self.bias.size()[0];
        Tensor::cat(&[inner, self.bias.expand(shape, false)], -1)
    }
    fn advance(&self, projected: &Tensor, _dt: Option<&Tensor>, state: &State) -> State {
        advance(TwoProducts, &self.weights, projected, None, state)
    }
    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        fused::scan(self, sequence, initial)
    }
    fn script(&self) -> Script {
        Script::new("TwoLayers", "")
    }
}

impl FusedCell for TwoLayers {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let fused = Fused { step: TwoProducts, weights: &self.weights, extra: None };
        fused.run(self, form, sequence, initial)
    }
}

#[derive(Debug, Clone, Copy)]
struct TwoProducts;

impl Step for TwoProducts {
    fn products(&self) -> Vec<Product> {
        let second = Product { from: Some(0), into: INNER as usize };
        vec![Product { from: None, into: 0 }, second]
    }

    fn forward<R: Real>(&self, stage: usize, _before: &[R], _extra: &[R], z: &mut [R], out: &mut [R]) {
        let (inner, outer) = z.split_at_mut(INNER as usize);
        if stage == 0 {
            for a in inner {
                *a = tanh(*a);
            }
        } else {
            for y in &mut *outer {
                *y = tanh(*y);
            }
            out.copy_from_slice(outer);
        }
    }

    fn backward<R: Real>(
        &self,
        stage: usize,
        _before: &[R],
        _extra: &[R],
        saved: &[R],
        row: Gradients<'_, R>,
    ) {
        let (of_inner, of_outer) = row.z.split_at_mut(INNER as usize);
        let (inner, outer) = saved.split_at(INNER as usize);
        if stage == 0 {
            for (g, a) in of_inner.iter_mut().zip(inner) {
                *g = *g * (R::ONE - *a * *a);
            }
        } else {
            of_inner.fill(R::ZERO);
            for ((dz, g), y) in of_outer.iter_mut().zip(row.state).zip(outer) {
                *dz = *g * (R::ONE - *y * *y);
                *g = R::ZERO;
            }
        }
    }

    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        _extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        let inner = z.narrow(1, 0, INNER).addmm(before, &weights[0].tr()).tanh();
        let after = z.narrow(1, INNER, before.size()[1]).addmm(&inner, &weights[1].tr()).tanh();
        (Tensor::cat(&[&inner, &after], 1), after)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { weights, before, saved, of_state, .. } = *step;
        let (inner, after) = (saved.narrow(1, 0, INNER), saved.narrow(1, INNER, before.size()[1]));
        let of_outer = Tensor::tanh_backward(of_state, &after);
        let of_inner = Tensor::tanh_backward(&of_outer.mm(&weights[1]), &inner);
        let state = of_inner.mm(&weights[0]);
        TensorGradients { state, z: Tensor::cat(&[of_inner, of_outer], 1), extra: None }
    }
}

/// One synapse per unit, from its neighbour in a ring: `h'_i = tanh(x W_inᵀ + w_i h_(i-1))`. There is no product.
#[derive(Debug)]
pub(crate) struct Ring {
    input_weights: Tensor,
    synapses: Tensor,
}

impl Ring {
    pub(crate) fn draw(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn FusedCell> {
        let normal = Init::Normal { deviation: 0.8 };
        let input_weights = scope.trainable("input_weights", &[units, inputs], &normal).expect("a new name");
        Box::new(Self {
            input_weights,
            synapses: scope.trainable("synapses", &[units], &normal).expect("a new name"),
        })
    }
}

impl Cell for Ring {
    fn input_size(&self) -> i64 {
        self.input_weights.size()[1]
    }
    fn state_sizes(&self) -> Vec<i64> {
        vec![self.synapses.size()[0]]
    }
    fn weight(&self) -> &Tensor {
        &self.synapses
    }
    fn project(&self, x: &Tensor) -> Tensor {
        x.linear(&self.input_weights, None::<&Tensor>)
    }
    fn advance(&self, projected: &Tensor, _dt: Option<&Tensor>, state: &State) -> State {
        advance(Synapses, &[], projected, Some(&self.synapses.unsqueeze(0)), state)
    }
    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        fused::scan(self, sequence, initial)
    }
    fn script(&self) -> Script {
        Script::new("Ring", "")
    }
}

impl FusedCell for Ring {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let extra = self.synapses.view([1, 1, -1]);
        Fused { step: Synapses, weights: &[], extra: Some(&extra) }.run(self, form, sequence, initial)
    }
}

#[derive(Debug, Clone, Copy)]
struct Synapses;

impl Step for Synapses {
    fn products(&self) -> Vec<Product> {
        Vec::new()
    }

    fn forward<R: Real>(&self, _stage: usize, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]) {
        for (i, (z, out)) in z.iter_mut().zip(out).enumerate() {
            *z = tanh(extra[i].mul_add(before[(i + before.len() - 1) % before.len()], *z));
            *out = *z;
        }
    }

    fn backward<R: Real>(
        &self,
        _stage: usize,
        before: &[R],
        extra: &[R],
        saved: &[R],
        row: Gradients<'_, R>,
    ) {
        for ((dz, g), y) in row.z.iter_mut().zip(row.state.iter_mut()).zip(saved) {
            *dz = *g * (R::ONE - *y * *y);
            *g = R::ZERO;
        }
        for (i, dz) in row.z.iter().enumerate() {
            let neighbour = (i + before.len() - 1) % before.len();
            row.state[neighbour] = *dz * extra[i];
            if let Some(dw) = row.extra.get_mut(i) {
                *dw += *dz * before[neighbour];
            }
        }
    }

    fn forward_on_tensors(
        &self,
        _weights: &[Tensor],
        before: &Tensor,
        extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        let after = (z + before.roll([1], [1]) * extra.expect("synapses are passed")).tanh();
        (after.shallow_clone(), after)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let z = Tensor::tanh_backward(step.of_state, step.saved);
        let of_neighbour = &z * step.extra.expect("synapses are passed");
        let extra = step.asked.then(|| &z * step.before.roll([1], [1]));
        TensorGradients { state: of_neighbour.roll([-1], [1]), z, extra }
    }
}
