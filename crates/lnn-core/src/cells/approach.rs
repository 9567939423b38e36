//! The step of a leaky unit: the state moves part of the way to the drive.
//!
//! ```text
//! h' = h + r (tanh z - h)
//! ```
//! The functions here are all that the leaky cells share: once on plain numbers, once on tensors, each with its backward pass.

use crate::kernels::functions::tanh;
use crate::kernels::real::Real;
use crate::scan::step::{Gradients, Step, TensorGradients, TensorStep};
use tch::Tensor;

/// h + r (y - h)
#[inline(always)]
pub(crate) fn approach<R: Real>(h: R, r: R, y: R) -> R {
    r.mul_add(y - h, h)
}

/// From the gradient of h' those of z and h, where y = tanh z.
#[inline(always)]
pub(crate) fn approach_backward<R: Real>(of_state: R, r: R, y: R) -> [R; 2] {
    let through = of_state * r;
    [through * (R::ONE - y * y), of_state - through]
}

/// h + r (y - h) of tensors that broadcast to `h`.
pub(crate) fn approach_on_tensors(h: &Tensor, r: &Tensor, y: &Tensor) -> Tensor {
    // One pass over memory.
    h.lerp_tensor(y, &r.expand_as(h))
}

/// From the gradient of h' those of z and h, where y = tanh z.
pub(crate) fn approach_backward_on_tensors(of_state: &Tensor, r: &Tensor, y: &Tensor) -> [Tensor; 2] {
    let through = of_state * r;
    [Tensor::tanh_backward(&through, y), of_state - through]
}

/// The step with the rates r in `extra`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Approach;

impl Step for Approach {
    const UNIT_BY_UNIT: bool = true;

    #[inline(always)]
    fn forward<R: Real>(&self, _stage: usize, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]) {
        for (((h, r), z), out) in before.iter().zip(extra).zip(z).zip(out) {
            *z = tanh(*z);
            *out = approach(*h, *r, *z);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(
        &self,
        _stage: usize,
        before: &[R],
        extra: &[R],
        saved: &[R],
        row: Gradients<'_, R>,
    ) {
        for (((dr, g), h), y) in row.extra.iter_mut().zip(row.state.iter()).zip(before).zip(saved) {
            *dr += *g * (*y - *h);
        }
        for (((g, dz), r), y) in row.state.iter_mut().zip(row.z).zip(extra).zip(saved) {
            [*dz, *g] = approach_backward(*g, *r, *y);
        }
    }

    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        let y = z.addmm(before, &weights[0].tr()).tanh();
        let after = approach_on_tensors(before, extra.expect("rates are passed"), &y);
        (y, after)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { weights, before, extra, saved: y, of_state, asked } = *step;
        let [of_z, of_before] = approach_backward_on_tensors(of_state, extra.expect("rates are passed"), y);
        TensorGradients {
            state: of_before.addmm(&of_z, &weights[0]),
            z: of_z,
            extra: asked.then(|| of_state * (y - before)),
        }
    }
}
