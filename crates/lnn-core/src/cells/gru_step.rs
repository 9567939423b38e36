//! The step of a gated recurrent unit.
//!
//! The row is (r, z, c, n): the product with the state is added to its first three parts, so that the part of the candidate
//! that the reset gate multiplies stays apart from the part that it does not.
//!
//! ```text
//! h' = n + z (h - n)      r = σ(r)      z = σ(z)      n = tanh(n + r c)
//! ```

use crate::cells::approach::{approach, approach_on_tensors};
use crate::kernels::functions::{sigmoid, tanh};
use crate::kernels::real::Real;
use crate::scan::step::{Gradients, Step, TensorGradients, TensorStep};
use tch::Tensor;

/// The step; it leaves r, z, c and n in the row, with their functions applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GruStep;

impl Step for GruStep {
    #[inline(always)]
    fn forward<R: Real>(&self, _stage: usize, before: &[R], _extra: &[R], z: &mut [R], out: &mut [R]) {
        let units = before.len();
        let (gates, candidates) = z.split_at_mut(2 * units);
        for gate in gates.iter_mut() {
            *gate = sigmoid(*gate);
        }
        let (reset, update) = gates.split_at(units);
        let (product, candidate) = candidates.split_at_mut(units);
        for ((n, r), c) in candidate.iter_mut().zip(reset).zip(product) {
            *n = tanh(r.mul_add(*c, *n));
        }
        for (((out, h), z), n) in out.iter_mut().zip(before).zip(update).zip(candidate) {
            *out = approach(*n, *z, *h);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(
        &self,
        _stage: usize,
        before: &[R],
        _extra: &[R],
        saved: &[R],
        row: Gradients<'_, R>,
    ) {
        let units = before.len();
        let [reset, update, product, candidate] = parts(saved, units);
        let (of_gates, of_candidates) = row.z.split_at_mut(2 * units);
        let (of_reset, of_update) = of_gates.split_at_mut(units);
        let (of_product, of_candidate) = of_candidates.split_at_mut(units);
        let states = row.state.iter_mut().zip(before);
        for ((((g, h), dz), dn), (z, n)) in
            states.zip(of_update).zip(of_candidate.iter_mut()).zip(update.iter().zip(candidate))
        {
            *dz = *g * (*h - *n) * *z * (R::ONE - *z);
            *dn = (*g - *g * *z) * (R::ONE - *n * *n);
            *g = *g * *z;
        }
        for ((((dr, dc), dn), r), c) in
            of_reset.iter_mut().zip(of_product).zip(of_candidate).zip(reset).zip(product)
        {
            *dr = *dn * *c * *r * (R::ONE - *r);
            *dc = *dn * *r;
        }
    }

    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        _extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        let units = before.size()[1];
        let products = z.narrow(1, 0, 3 * units).addmm(before, &weights[0].tr());
        let gates = products.narrow(1, 0, 2 * units).sigmoid();
        let (reset, update) = (gates.narrow(1, 0, units), gates.narrow(1, units, units));
        let product = products.narrow(1, 2 * units, units);
        let candidate = z.narrow(1, 3 * units, units).addcmul(&reset, &product).tanh();
        let after = approach_on_tensors(&candidate, &update, before);
        (Tensor::cat(&[gates, product, candidate], 1), after)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { weights, before, saved, of_state, .. } = *step;
        let kept = saved.chunk(4, 1);
        let [reset, update, product, candidate] = [&kept[0], &kept[1], &kept[2], &kept[3]];
        let through = of_state * update;
        let of_candidate = Tensor::tanh_backward(&(of_state - &through), candidate);
        let of_update = Tensor::sigmoid_backward(&(of_state * (before - candidate)), update);
        let of_reset = Tensor::sigmoid_backward(&(&of_candidate * product), reset);
        let of_products = Tensor::cat(&[of_reset, of_update, &of_candidate * reset], 1);
        TensorGradients {
            state: through.addmm(&of_products, &weights[0]),
            z: Tensor::cat(&[of_products, of_candidate], 1),
            extra: None,
        }
    }
}

/// The four parts of a row.
#[inline(always)]
fn parts<R>(row: &[R], units: usize) -> [&[R]; 4] {
    let (gates, candidates) = row.split_at(2 * units);
    let (reset, update) = gates.split_at(units);
    let (product, candidate) = candidates.split_at(units);
    [reset, update, product, candidate]
}
