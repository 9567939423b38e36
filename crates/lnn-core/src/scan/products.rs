//! The products of a step with their weights packed, and the gradients of these weights.

use crate::kernels::panels::Panels;
use crate::kernels::real::Real;
use crate::scan::step::Product;
use lnn_sys::{PassError, numbers};
use pulp::Simd;
use tch::Tensor;

/// A product with its weights, packed for the forward pass (Wᵀ) or for the backward pass (W).
#[derive(Debug)]
pub(crate) struct Packed<R> {
    pub(crate) product: Product,
    pub(crate) panels: Panels<R>,
}

/// Rows that lie one behind the other: the first row's numbers, and the distance to the next.
type Rows<'a, R> = (&'a [R], usize);
/// The same, to change.
type RowsMut<'a, R> = (&'a mut [R], usize);

impl<R: Real> Packed<R> {
    /// Packs all products for the forward pass.
    pub(crate) fn forward(products: &[Product], weights: &[Tensor]) -> Result<Vec<Self>, PassError> {
        Self::all(products, weights, Panels::transposed)
    }

    /// Packs all products for the backward pass.
    pub(crate) fn backward(products: &[Product], weights: &[Tensor]) -> Result<Vec<Self>, PassError> {
        Self::all(products, weights, Panels::straight)
    }

    fn all(
        products: &[Product],
        weights: &[Tensor],
        pack: fn(&[R], usize, usize) -> Panels<R>,
    ) -> Result<Vec<Self>, PassError> {
        let all = products.iter().zip(weights).map(|(product, weights)| {
            let (rows, columns) = weights.size2()?;
            Ok(Self { product: *product, panels: pack(&numbers(weights)?, rows as usize, columns as usize) })
        });
        all.collect()
    }

    /// Adds the product to the rows `z`. `from_rest` says that the state is zero; `scratch` is room for the source.
    #[inline(always)]
    pub(crate) fn add<S: Simd>(
        &self,
        simd: S,
        (z, drives): RowsMut<'_, R>,
        before: Rows<'_, R>,
        (rows, from_rest): (usize, bool),
        scratch: &mut Vec<R>,
    ) {
        let source = match self.product.from {
            None if from_rest => return,
            None => before,
            Some(first) => {
                let depth = self.panels.depth();
                copy_columns(scratch, (z, drives), first, depth, rows);
                (&scratch[..], depth)
            }
        };
        self.panels.add_product(simd, (&mut z[self.product.into..], drives), source, rows);
    }

    /// Adds the gradient that passes back through the product, from the rows `of_z` to these rows or to those of the state.
    #[inline(always)]
    pub(crate) fn add_gradient<S: Simd>(
        &self,
        simd: S,
        (of_z, drives): RowsMut<'_, R>,
        of_state: RowsMut<'_, R>,
        (rows, from_rest): (usize, bool),
        scratch: &mut Vec<R>,
    ) {
        let into = self.product.into;
        let (target, source) = match self.product.from {
            None if from_rest => return,
            None => (of_state, (&of_z[into..], drives)),
            Some(first) => {
                let depth = self.panels.depth();
                copy_columns(scratch, (of_z, drives), into, depth, rows);
                ((&mut of_z[first..], drives), (&scratch[..], depth))
            }
        };
        self.panels.add_product(simd, target, source, rows);
    }
}

/// Copies `count` columns of some rows, from column `first` on, to rows without gaps.
fn copy_columns<R: Real>(
    to: &mut Vec<R>,
    (rows, stride): Rows<'_, R>,
    first: usize,
    count: usize,
    number: usize,
) {
    to.clear();
    for row in rows.chunks(stride).take(number) {
        to.extend_from_slice(&row[first..first + count]);
    }
}

/// What the gradients of the weights are computed from: time first, all steps and samples.
pub(crate) struct Passed<'a> {
    /// `[T, B, E H]`
    pub(crate) states: &'a Tensor,
    /// `[B, E H]`
    pub(crate) initial: Option<&'a Tensor>,
    /// `[T, B, P]`: the rows as the forward pass left them.
    pub(crate) saved: &'a Tensor,
    /// `[T, B, P]`: the gradients of the rows.
    pub(crate) of_z: &'a Tensor,
}

impl Passed<'_> {
    /// The gradients of all weights that need one and take part: one step from rest has none for those of the state.
    pub(crate) fn weight_gradients(
        &self,
        products: &[Product],
        weights: &[Tensor],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let all = products.iter().zip(weights).zip(needs);
        all.map(|((product, weights), needed)| {
            let idle = product.from.is_none() && self.initial.is_none() && self.states.size()[0] == 1;
            (*needed && !idle).then(|| self.weight_gradient(*product, weights)).transpose()
        })
        .collect()
    }

    /// Σ over steps and samples of (gradient of z)ᵀ (source): one product, since both are matrices of `T B` rows.
    fn weight_gradient(&self, product: Product, weights: &Tensor) -> Result<Tensor, PassError> {
        let (rows, columns) = weights.size2()?;
        let of_z = self.of_z.narrow(2, product.into as i64, rows);
        let (steps, _, width) = self.states.size3()?;
        if let Some(first) = product.from {
            let source = self.saved.narrow(2, first as i64, columns).reshape([-1, columns]);
            return Ok(of_z.reshape([-1, rows]).tr().f_mm(&source)?);
        }
        let before = |tensor: &Tensor| tensor.reshape([-1, width]).narrow(1, 0, columns);
        let later = of_z.narrow(0, 1, steps - 1).reshape([-1, rows]);
        let sum = later.tr().f_mm(&before(&self.states.narrow(0, 0, steps - 1)))?;
        match self.initial {
            Some(initial) => Ok(sum.f_addmm(&of_z.select(0, 0).tr(), &before(initial))?),
            None => Ok(sum),
        }
    }
}
