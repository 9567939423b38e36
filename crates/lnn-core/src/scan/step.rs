//! A cell's step as the fused time loop runs it: on rows of plain numbers, and on tensors.
//!
//! A row z holds the numbers of one sample in one step. It begins as the projected input. Each [`Product`] adds a matrix
//! product to some of its columns, from the state or from other columns of the row, and a function of the row follows each
//! product: the last one gives the state after the step. A cell with one product has `z = projected + h Wᵀ` and one function; a
//! cell with several layers per step has several; a cell whose work is per synapse has no product, and its function does the
//! work, with the numbers of the synapses in `extra`. A bias that is added behind the first product is a column of the
//! projected input, and so gets its gradient.

use crate::kernels::real::Real;
use std::fmt::Debug;
use tch::Tensor;

/// One matrix product of a step: `z[into..] += source Wᵀ`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    /// What is multiplied, as many numbers as the weights have columns: those of the row from this column on, as the function
    /// behind the previous product left them, or the first of the state before the step where there is no column.
    pub(crate) from: Option<usize>,
    /// The first column of the row that the product is added to.
    pub(crate) into: usize,
}

/// The step of a cell.
///
/// Widths: `before` and `out` have `EMITS` H numbers, of which the first H are the output of the cell; `z` has as many as
/// the projected input; `extra` as many as the cell passes.
pub(crate) trait Step: Debug + Copy + Send + Sync + 'static {
    /// Numbers of the state, as multiples of H.
    const EMITS: usize = 1;
    /// Whether there is one product, from the state into the whole row, and a unit's state follows from its own numbers alone,
    /// one of each kind: then the units may be cut into parts.
    const UNIT_BY_UNIT: bool = false;

    /// The products of a step in their order, one for each matrix of weights.
    fn products(&self) -> Vec<Product> {
        vec![Product { from: None, into: 0 }]
    }

    /// The function of a row behind product `stage`. It may change `z`; the one behind the last product writes the state after
    /// the step to `out`, and leaves in `z` what the backward pass needs. It runs once, as stage 0, where there is no product.
    fn forward<R: Real>(&self, stage: usize, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]);

    /// The backward pass of [`forward`](Self::forward), stages in reverse. The last stage takes the gradient of the state after
    /// the step in `row.state`, replaces it by that of the state before, and writes that of its row to all of `row.z`. An
    /// earlier one finds in `row.z` the gradient of the row behind it, replaces it by that of the row before it, and may add to
    /// `row.state`. Each adds the gradient of `extra` to `row.extra`. The loop adds what passes through the weights.
    fn backward<R: Real>(&self, stage: usize, before: &[R], extra: &[R], saved: &[R], row: Gradients<'_, R>);

    /// A whole step of a batch on any device, from the projected input `z [B, P]` and the state `before [B, E H]`: what the
    /// backward pass needs, `[B, ..]`, and the state after the step. libtorch can derive it: it is the stepwise form, too.
    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor);

    /// The backward pass of [`forward_on_tensors`](Self::forward_on_tensors), without a graph.
    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients;
}

/// The gradients of one row of one step.
pub(crate) struct Gradients<'a, R> {
    pub(crate) state: &'a mut [R],
    pub(crate) z: &'a mut [R],
    /// Empty if it is not asked for.
    pub(crate) extra: &'a mut [R],
}

/// What the backward pass of one step of a batch reads.
pub(crate) struct TensorStep<'a> {
    pub(crate) weights: &'a [Tensor],
    pub(crate) before: &'a Tensor,
    pub(crate) extra: Option<&'a Tensor>,
    pub(crate) saved: &'a Tensor,
    /// The gradient of the state after the step.
    pub(crate) of_state: &'a Tensor,
    /// Whether the gradient of `extra` is asked for.
    pub(crate) asked: bool,
}

/// The gradients of one step of a batch, new tensors all.
pub(crate) struct TensorGradients {
    /// Of the state before.
    pub(crate) state: Tensor,
    /// Of the row z, `[B, P]`, each column as the function behind its product finds it.
    pub(crate) z: Tensor,
    /// Of `extra`, `[B, N]`, if it was asked for.
    pub(crate) extra: Option<Tensor>,
}
