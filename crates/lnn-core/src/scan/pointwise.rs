//! What a cell does between two products, unit by unit, with the derivative: what the fused time loop is given.
//!
//! A step of every cell here is `z = projected + h Wᵀ` and then one function of each unit's numbers. The forms that several
//! cells share stand below; a form that one cell has alone stands with its cell.

use crate::kernels::functions::tanh;
use crate::kernels::real::Real;
use tch::Tensor;

/// A step's function of one row: the state before, the drive z, and perhaps further numbers of this step.
///
/// Widths: `before` and `out` have `EMITS` H numbers, of which the first H are what the recurrent weights see; `z` has as many
/// as the weights have rows; `extra` as many as the cell hands over.
pub(crate) trait Pointwise: Copy + Send + Sync + 'static {
    /// Numbers of the state, as multiples of H.
    const EMITS: usize = 1;
    /// Whether a unit's state follows from its own numbers alone, one of each kind: then the units may be cut into parts.
    const UNIT_BY_UNIT: bool = false;

    /// Writes the state after the step to `out`, and over `z` what the backward pass wants to see.
    fn forward<R: Real>(&self, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]);

    /// From the gradient of the state after the step in `row.state`, makes that of the state before there, and that of z in
    /// `row.z`; adds that of `extra` to `row.extra`. What flows through the weights is added by the loop.
    fn backward<R: Real>(&self, before: &[R], extra: &[R], saved: &[R], row: Gradients<'_, R>);

    /// [`forward`](Self::forward) for a whole batch, `[B, ..]` each, on any device: what the backward pass wants to see in place of
    /// z, and the state after the step, both new tensors.
    fn forward_on_tensors(&self, before: &Tensor, extra: Option<&Tensor>, z: &Tensor) -> (Tensor, Tensor);

    /// [`backward`](Self::backward) for a whole batch on any device.
    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients;
}

/// What the backward pass of one step of a batch sees.
pub(crate) struct TensorStep<'a> {
    pub(crate) before: &'a Tensor,
    pub(crate) extra: Option<&'a Tensor>,
    pub(crate) saved: &'a Tensor,
    /// The gradient of the state after the step.
    pub(crate) of_state: &'a Tensor,
    /// Whether a gradient of `extra` is asked for.
    pub(crate) asked: bool,
}

/// The gradients of one step of a batch, new tensors all.
pub(crate) struct TensorGradients {
    /// Of the state before, but for the way through the weights.
    pub(crate) state: Tensor,
    /// Of z.
    pub(crate) z: Tensor,
    /// Of `extra`, `[B, N]`, if it was asked for.
    pub(crate) extra: Option<Tensor>,
}

/// The gradients of one row of one step.
pub(crate) struct Gradients<'a, R> {
    /// In: of the state after; out: of the state before, but for the way through the weights.
    pub(crate) state: &'a mut [R],
    /// Out: of z.
    pub(crate) z: &'a mut [R],
    /// Added to: of `extra`; empty if it is not asked for.
    pub(crate) extra: &'a mut [R],
}

/// h' = h + r (tanh z - h), with the rates r in `extra`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Approach;

impl Pointwise for Approach {
    const UNIT_BY_UNIT: bool = true;

    #[inline(always)]
    fn forward<R: Real>(&self, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]) {
        for (((h, r), z), out) in before.iter().zip(extra).zip(z).zip(out) {
            *z = tanh(*z);
            *out = r.mul_add(*z - *h, *h);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(&self, before: &[R], extra: &[R], saved: &[R], row: Gradients<'_, R>) {
        for (((dr, g), h), y) in row.extra.iter_mut().zip(row.state.iter()).zip(before).zip(saved) {
            *dr += *g * (*y - *h);
        }
        for (((g, dz), r), y) in row.state.iter_mut().zip(row.z).zip(extra).zip(saved) {
            let through = *g * *r;
            *dz = through * (R::ONE - *y * *y);
            *g = *g - through;
        }
    }
    fn forward_on_tensors(&self, before: &Tensor, extra: Option<&Tensor>, z: &Tensor) -> (Tensor, Tensor) {
        let y = z.tanh();
        let rates = extra.expect("rates are handed over").expand_as(before);
        let after = before.lerp_tensor(&y, &rates);
        (y, after)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { before, extra, saved, of_state, asked } = *step;
        let through = of_state * extra.expect("rates are handed over");
        TensorGradients {
            state: of_state - &through,
            z: Tensor::tanh_backward(&through, saved),
            extra: asked.then(|| of_state * (saved - before)),
        }
    }
}
