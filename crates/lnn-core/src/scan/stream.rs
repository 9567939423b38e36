//! One step of a stream on plain numbers.
//!
//! A step of a small layer is some thousand multiplications, less than what libtorch spends on the ten operations that it
//! consists of. Where nothing collects gradients, on the CPU, this does the same in one pass, by the row function of the fused
//! time loop; for more than a few samples libtorch's matrix products are faster.

use crate::kernels::real::Real;
use crate::scan::step::Step;
use lnn_sys::{Error, Numbers, numbers, numbers_mut};
use pulp::{Arch, Simd, WithSimd};
use tch::{Device, Kind, Tensor};

/// Samples up to which this is faster.
const FEW: i64 = 4;

/// Columns of the row z: `x Wᵀ + h Uᵀ + b`, or b alone.
pub(crate) struct Block<'a> {
    /// W `[N, I]` and U `[N, H]`.
    pub(crate) products: Option<[&'a Tensor; 2]>,
    /// b `[N]`
    pub(crate) bias: &'a Tensor,
}

/// A step of a cell whose state is one tensor.
pub(crate) struct StreamStep<'a, P> {
    pub(crate) step: P,
    /// `[B, I]`
    pub(crate) x: &'a Tensor,
    /// `[B, H]`
    pub(crate) h: &'a Tensor,
    /// `[B]`: one further number for each sample.
    pub(crate) extra: Option<&'a Tensor>,
    /// The columns of the row.
    pub(crate) blocks: &'a [Block<'a>],
    /// The weights of the step's further products, behind that of the state.
    pub(crate) further: &'a [Tensor],
}

impl<P: Step> StreamStep<'_, P> {
    /// The state after the step, `[B, H]`; `None` where the general form is to be used.
    pub(crate) fn run(&self) -> Option<Tensor> {
        if self.h.device() != Device::Cpu || lnn_sys::gradients_are_collected() || !self.fits() {
            return None;
        }
        match self.h.kind() {
            Kind::Float => self.on_numbers::<f32>().ok(),
            Kind::Double => self.on_numbers::<f64>().ok(),
            _ => None,
        }
    }

    /// Whether the batch is small and the shapes belong together: the loops below would not notice.
    fn fits(&self) -> bool {
        let (Ok((batch, units)), Ok((samples, inputs))) = (self.h.size2(), self.x.size2()) else {
            return false;
        };
        let block_fits = |block: &Block<'_>| {
            let rows = block.bias.numel() as i64;
            block.products.is_none_or(|[w, u]| w.size() == [rows, inputs] && u.size() == [rows, units])
        };
        let extra_fits = self.extra.is_none_or(|extra| extra.size() == [batch]);
        batch <= FEW && samples == batch && units > 0 && extra_fits && self.blocks.iter().all(block_fits)
    }

    fn on_numbers<R: Real>(&self) -> Result<Tensor, Error> {
        let mut out = Tensor::empty_like(self.h);
        let blocks = self.blocks.iter().map(|block| {
            let products = block.products.map(|[w, u]| Ok::<_, Error>([numbers::<R>(w)?, numbers(u)?]));
            Ok(RowBlock { products: products.transpose()?, bias: numbers(block.bias)? })
        });
        let blocks = blocks.collect::<Result<Vec<_>, Error>>()?;
        let further =
            self.further.iter().map(|weights| Ok((numbers::<R>(weights)?, weights.size()[1] as usize)));
        let further = further.collect::<Result<Vec<_>, Error>>()?;
        let [inputs, units] = [self.x, self.h].map(|tensor| tensor.size()[1] as usize);
        Arch::new().dispatch(Rows {
            step: self.step,
            x: &numbers(self.x)?,
            h: &numbers(self.h)?,
            extra: self.extra.map(numbers).transpose()?.as_deref(),
            blocks: &blocks,
            further: &further,
            extents: [inputs, units],
            out: numbers_mut(&mut out)?,
        });
        Ok(out)
    }
}

struct RowBlock<'a, R> {
    products: Option<[Numbers<'a, R>; 2]>,
    bias: Numbers<'a, R>,
}

struct Rows<'a, P, R> {
    step: P,
    x: &'a [R],
    h: &'a [R],
    extra: Option<&'a [R]>,
    blocks: &'a [RowBlock<'a, R>],
    /// Each with its number of columns.
    further: &'a [(Numbers<'a, R>, usize)],
    /// I and H.
    extents: [usize; 2],
    out: &'a mut [R],
}

impl<P: Step, R: Real> WithSimd for Rows<'_, P, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [inputs, units] = self.extents;
        let (products, mut source) = (self.step.products(), Vec::new());
        let mut row = vec![R::ZERO; self.blocks.iter().map(|block| block.bias.len()).sum()];
        let samples = self.x.chunks_exact(inputs).zip(self.h.chunks_exact(units));
        for (b, ((x, h), out)) in samples.zip(self.out.chunks_exact_mut(units)).enumerate() {
            let mut rest = row.as_mut_slice();
            for block in self.blocks {
                let (z, behind) = rest.split_at_mut(block.bias.len());
                rest = behind;
                z.copy_from_slice(&block.bias);
                let Some([w, u]) = &block.products else { continue };
                let weights = w.chunks_exact(inputs).zip(u.chunks_exact(units));
                for (z, (w, u)) in z.iter_mut().zip(weights) {
                    *z = *z + dot::<R, S>(simd, x, w) + dot::<R, S>(simd, h, u);
                }
            }
            let extra = self.extra.map_or(&[][..], |extra| &extra[b..=b]);
            self.step.forward(0, h, extra, &mut row, out);
            for (stage, (product, (weights, columns))) in products[1..].iter().zip(self.further).enumerate() {
                let from = product.from.expect("only the first product is of the state");
                source.clear();
                source.extend_from_slice(&row[from..from + columns]);
                for (z, weights) in row[product.into..].iter_mut().zip(weights.chunks_exact(*columns)) {
                    *z += dot::<R, S>(simd, &source, weights);
                }
                self.step.forward(stage + 1, h, extra, &mut row, out);
            }
        }
    }
}

/// Σ a b.
#[inline(always)]
fn dot<R: Real, S: Simd>(simd: S, a: &[R], b: &[R]) -> R {
    let (vectors_a, vectors_b) = (R::vectors::<S>(a), R::vectors::<S>(b));
    let mut sums = R::splat(simd, R::ZERO);
    for (a, b) in vectors_a.iter().zip(vectors_b) {
        sums = R::fused(simd, *a, *b, sums);
    }
    let lanes = size_of::<R::Vector<S>>() / size_of::<R>();
    let mut numbers = [R::ZERO; 16];
    R::vectors_mut::<S>(&mut numbers)[0] = sums;
    let mut sum = R::ZERO;
    for number in &numbers[..lanes] {
        sum += *number;
    }
    for (a, b) in a.iter().zip(b).skip(vectors_a.len() * lanes) {
        sum = a.mul_add(*b, sum);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::moving_rate::MovingRate;
    use crate::random::{rand, seeded};

    #[test]
    fn what_does_not_fit_the_cell_is_left_to_the_general_form() {
        let random = |shape: &[i64]| seeded(0, || rand(shape, (Kind::Float, Device::Cpu)));
        let (w, u, bias, tau) = (random(&[5, 3]), random(&[5, 5]), random(&[5]), random(&[5]));
        let taken = |x: &[i64], h: &[i64], dt: Option<&[i64]>| {
            let (x, h, dt) = (random(x), random(h), dt.map(random));
            let drive = Block { products: Some([&w, &u]), bias: &bias };
            let step = StreamStep {
                step: MovingRate::<false> { floor: 0.1 },
                x: &x,
                h: &h,
                extra: dt.as_ref(),
                blocks: &[drive, Block { products: None, bias: &tau }],
                further: &[],
            };
            tch::no_grad(|| step.run()).map(|out| out.size())
        };
        assert_eq!(taken(&[2, 3], &[2, 5], Some(&[2])), Some(vec![2, 5]));
        for (x, h, dt) in [
            (&[2, 4], &[2, 5], None),
            (&[1, 3], &[2, 5], None),
            (&[2, 3], &[2, 4], None),
            (&[5, 3], &[5, 5], None),
            (&[2, 3], &[2, 5], Some(&[1][..])),
        ] {
            assert_eq!(taken(x, h, dt), None, "x {x:?}, h {h:?}, dt {dt:?}");
        }
    }
}
