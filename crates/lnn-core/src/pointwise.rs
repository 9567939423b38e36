//! What a cell does between two products, unit by unit, with the derivative: what the fused time loop is given.
//!
//! A step of every cell here is `z = projected + h Wᵀ` and then one function of each unit's numbers. The forms that several
//! cells share stand below; a form that one cell has alone stands with its cell.

use crate::vector_math::{Real, tanh};

/// A step's function of one row: the state before, the drive z, and perhaps further numbers of this step.
///
/// Widths: `before` and `out` have `EMITS` H numbers, of which the first H are what the recurrent weights see; `z` has as many
/// as the weights have rows; `extra` as many as the cell hands over.
pub(crate) trait Pointwise: Copy + Send + Sync + 'static {
    /// Numbers of the state, as multiples of H.
    const EMITS: usize = 1;

    /// Writes the state after the step to `out`, and over `z` what the backward pass wants to see.
    fn forward<R: Real>(&self, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]);

    /// From the gradient of the state after the step in `row.state`, makes that of the state before there, and that of z in
    /// `row.z`; adds that of `extra` to `row.extra`. What flows through the weights is added by the loop.
    fn backward<R: Real>(&self, before: &[R], extra: &[R], saved: &[R], row: Gradients<'_, R>);
}

/// The gradients of one row of one step.
pub(crate) struct Gradients<'a, R> {
    /// In: of the state after; out: of the state before, but for the way through the weights.
    pub(crate) state: &'a mut [R],
    /// Out: of z.
    pub(crate) z: &'a mut [R],
    /// Added to: of `extra`.
    pub(crate) extra: &'a mut [R],
}

/// h' = h + r (tanh z - h), with the rates r in `extra`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Approach;

impl Pointwise for Approach {
    #[inline(always)]
    fn forward<R: Real>(&self, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]) {
        for (((h, r), z), out) in before.iter().zip(extra).zip(z).zip(out) {
            *z = tanh(*z);
            *out = r.mul_add(*z - *h, *h);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(&self, before: &[R], extra: &[R], saved: &[R], row: Gradients<'_, R>) {
        let gradients = row.state.iter_mut().zip(row.z).zip(row.extra);
        for (((g, dz), dr), ((h, r), y)) in gradients.zip(before.iter().zip(extra).zip(saved)) {
            *dr += *g * (*y - *h);
            let through = *g * *r;
            *dz = through * (R::ONE - *y * *y);
            *g = *g - through;
        }
    }
}
