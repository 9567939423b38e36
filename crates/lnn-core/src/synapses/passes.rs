//! The currents of synapses and their backward pass, on rows of plain numbers.
//!
//! A source row holds the potentials of one sample; what comes out is by lane, see [`Plan`]. The synapses of a row are loaded once
//! for several samples. Nothing of the size of the synapses is kept between the passes: the backward pass computes s again.

use crate::kernels::real::Real;
use crate::synapses::plan::{Block, KINDS, Plan};
use pulp::Simd;

/// Number of samples that share the loaded numbers of a synapse in the forward pass.
const ROWS: usize = 4;
/// Number of samples in the backward pass, whose sums for a source stay in registers and the nearest cache.
pub(crate) const SAMPLES: usize = 16;

/// Synapses with their numbers, as [`Plan::pack`] writes them: the slope and the offset times -log2 e, p and q.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Synapses<'a, R> {
    pub(crate) plan: &'a Plan,
    pub(crate) numbers: &'a [R],
}

/// Constants of [`sigmoid`], as vectors.
struct Constants<V> {
    limit: V,
    rounder: V,
    one: V,
    series: [V; 14],
}

impl<V: Copy> Constants<V> {
    #[inline(always)]
    fn new<R: Real<Vector<S> = V>, S: Simd>(simd: S) -> Self {
        let splat = |value: f64| R::splat(simd, R::from_f64(value));
        let mut series = [splat(1.0); 14];
        let mut coefficient = 1.0;
        for (i, term) in series.iter_mut().enumerate().skip(1) {
            coefficient *= std::f64::consts::LN_2 / i as f64;
            *term = splat(coefficient);
        }
        Self { limit: splat(R::SIGMOID_LIMIT), rounder: R::splat(simd, R::ROUNDER), one: splat(1.0), series }
    }

    /// 1 / (1 + 2^t), which is σ(-t ln 2).
    #[inline(always)]
    fn sigmoid<R: Real<Vector<S> = V>, S: Simd>(&self, simd: S, t: V) -> V {
        let t = R::within(simd, t, self.limit);
        let rounded = R::sum(simd, t, self.rounder);
        let rest = R::difference(simd, t, R::difference(simd, rounded, self.rounder));
        let mut power = self.series[R::POWER_TERMS - 1];
        for term in self.series[..R::POWER_TERMS - 1].iter().rev() {
            power = R::fused(simd, power, rest, *term);
        }
        let above = R::fused(simd, power, R::powers_of_two(simd, rounded), self.one);
        R::quotient(simd, self.one, above)
    }
}

impl<R: Real> Synapses<'_, R> {
    /// The numbers of row `row` of all blocks.
    #[inline(always)]
    fn row<S: Simd>(&self, row: usize) -> &[R::Vector<S>; KINDS] {
        let size = KINDS * self.plan.lanes;
        R::vectors::<S>(&self.numbers[row * size..(row + 1) * size]).as_chunks().0[0..1]
            .first()
            .expect("four vectors")
    }

    /// Copies the sources of the lanes of a block, for each sample `[rows, lanes]`.
    #[inline(always)]
    fn gather(&self, block: &Block, x: &[R], stride: usize, samples: usize, into: &mut Vec<R>) {
        into.clear();
        if let Some(lists) = &self.plan.lists {
            let lanes = self.plan.lanes;
            let list = &lists[block.first * lanes..(block.first + block.rows) * lanes];
            for x in x.chunks(stride).take(samples) {
                into.extend(list.iter().map(|source| x[*source as usize]));
            }
        }
    }

    /// The currents of `samples` samples: from `x`, `stride` numbers for each, to `num` and `den` in `out`, twice the width for each.
    /// Must be called inside the dispatch of `simd`.
    #[inline(always)]
    pub(crate) fn currents<S: Simd>(
        &self,
        simd: S,
        (x, stride): (&[R], usize),
        out: &mut [R],
        samples: usize,
        scratch: &mut Vec<R>,
    ) {
        let constants = Constants::new::<R, S>(simd);
        let (lanes, width) = (self.plan.lanes, self.plan.width());
        for (b, block) in self.plan.blocks.iter().enumerate() {
            self.gather(block, x, stride, samples, scratch);
            for r in (0..samples).step_by(ROWS) {
                let x = &x[r * stride..];
                let own = scratch.get(r * block.rows * lanes..).unwrap_or_default();
                let out = &mut out[r * 2 * width + b * lanes..];
                match samples - r {
                    1 => self.currents_of::<S, 1>(simd, &constants, block, (x, stride), own, out),
                    2 => self.currents_of::<S, 2>(simd, &constants, block, (x, stride), own, out),
                    3 => self.currents_of::<S, 3>(simd, &constants, block, (x, stride), own, out),
                    _ => self.currents_of::<S, ROWS>(simd, &constants, block, (x, stride), own, out),
                }
            }
        }
    }

    #[inline(always)]
    fn currents_of<S: Simd, const M: usize>(
        &self,
        simd: S,
        constants: &Constants<R::Vector<S>>,
        block: &Block,
        (x, stride): (&[R], usize),
        own: &[R],
        out: &mut [R],
    ) {
        let (lanes, width) = (self.plan.lanes, self.plan.width());
        let zero = R::splat(simd, R::ZERO);
        let (mut num, mut den) = ([zero; M], [zero; M]);
        let sparse = self.plan.lists.is_some();
        let mut rows = [&x[..0]; M];
        for (m, row) in rows.iter_mut().enumerate() {
            *row = if sparse {
                &own[m * block.rows * lanes..(m + 1) * block.rows * lanes]
            } else {
                &x[m * stride..m * stride + block.rows]
            };
        }
        for k in 0..block.rows {
            let [slope, offset, p, q] = *self.row::<S>(block.first + k);
            for m in 0..M {
                let x = match sparse {
                    true => R::vectors::<S>(&rows[m][k * lanes..(k + 1) * lanes])[0],
                    false => R::splat(simd, rows[m][k]),
                };
                let s = constants.sigmoid::<R, S>(simd, R::fused(simd, slope, x, offset));
                num[m] = R::fused(simd, q, s, num[m]);
                den[m] = R::fused(simd, p, s, den[m]);
            }
        }
        for m in 0..M {
            let out = &mut out[m * 2 * width..];
            R::vectors_mut::<S>(&mut out[..lanes])[0] = num[m];
            R::vectors_mut::<S>(&mut out[width..width + lanes])[0] = den[m];
        }
    }

    /// The backward pass of [`currents`](Self::currents) for at most [`SAMPLES`] samples: from the gradients of `num` and `den` in `of_out`
    /// it adds those of the sources to `of_x` and those of the numbers to `of_numbers`.
    #[inline(always)]
    pub(crate) fn backward<S: Simd>(
        &self,
        simd: S,
        (x, stride): (&[R], usize),
        of_out: &[R],
        (of_x, of_numbers): (&mut [R], &mut [R]),
        (samples, scratch): (usize, &mut Vec<R>),
    ) {
        match &self.plan.lists {
            None => self.backward_dense(simd, (x, stride), of_out, (of_x, of_numbers), samples),
            Some(lists) => {
                self.backward_sparse(
                    simd,
                    (x, stride),
                    of_out,
                    (of_x, of_numbers),
                    lists,
                    (samples, scratch),
                );
            }
        }
    }

    #[inline(always)]
    fn backward_dense<S: Simd>(
        &self,
        simd: S,
        (x, stride): (&[R], usize),
        of_out: &[R],
        (of_x, of_numbers): (&mut [R], &mut [R]),
        samples: usize,
    ) {
        let constants = Constants::new::<R, S>(simd);
        let (lanes, width) = (self.plan.lanes, self.plan.width());
        let (zero, per_argument) = (R::splat(simd, R::ZERO), R::from_f64(-std::f64::consts::LN_2));
        for k in 0..self.plan.sources {
            let mut of_source = [zero; SAMPLES];
            for (b, block) in self.plan.blocks.iter().enumerate() {
                let row = block.first + k;
                let numbers = self.row::<S>(row);
                let mut sums = [zero; KINDS];
                for (m, of_source) in of_source.iter_mut().enumerate().take(samples) {
                    let of_out = (&of_out[m * 2 * width + b * lanes..], width);
                    let x = R::splat(simd, x[m * stride + k]);
                    let of_x = constants.add_gradients::<R, S>(simd, numbers, x, of_out, &mut sums);
                    *of_source = R::sum(simd, *of_source, of_x);
                }
                add::<R, S>(simd, &mut of_numbers[row * KINDS * lanes..][..KINDS * lanes], &sums);
            }
            for (m, of_source) in of_source.into_iter().enumerate().take(samples) {
                of_x[m * stride + k] += R::total(simd, of_source) * per_argument;
            }
        }
    }

    #[inline(always)]
    fn backward_sparse<S: Simd>(
        &self,
        simd: S,
        (x, stride): (&[R], usize),
        of_out: &[R],
        (of_x, of_numbers): (&mut [R], &mut [R]),
        lists: &[u32],
        (samples, scratch): (usize, &mut Vec<R>),
    ) {
        let constants = Constants::new::<R, S>(simd);
        let (lanes, width) = (self.plan.lanes, self.plan.width());
        let (zero, per_argument) = (R::splat(simd, R::ZERO), R::from_f64(-std::f64::consts::LN_2));
        for (b, block) in self.plan.blocks.iter().enumerate() {
            self.gather(block, x, stride, samples, scratch);
            let list = &lists[block.first * lanes..(block.first + block.rows) * lanes];
            for k in 0..block.rows {
                let row = block.first + k;
                let numbers = self.row::<S>(row);
                let mut sums = [zero; KINDS];
                for m in 0..samples {
                    let of_out = (&of_out[m * 2 * width + b * lanes..], width);
                    let own =
                        &mut R::vectors_mut::<S>(&mut scratch[(m * block.rows + k) * lanes..][..lanes])[0];
                    // The gradient of a source takes the place of the source.
                    *own = constants.add_gradients::<R, S>(simd, numbers, *own, of_out, &mut sums);
                }
                add::<R, S>(simd, &mut of_numbers[row * KINDS * lanes..][..KINDS * lanes], &sums);
            }
            for (of_x, own) in of_x.chunks_mut(stride).zip(scratch.chunks_exact((block.rows * lanes).max(1)))
            {
                for (gradient, source) in own.iter().zip(list) {
                    of_x[*source as usize] += *gradient * per_argument;
                }
            }
        }
    }
}

impl<V: Copy> Constants<V> {
    /// Adds the gradients of a synapse's numbers to `sums` and returns that of the potential of its source, up to the factor -ln 2 of
    /// the slope. Those of slope and offset are by the numbers themselves, without the factor of [`Plan::pack`].
    #[inline(always)]
    fn add_gradients<R: Real<Vector<S> = V>, S: Simd>(
        &self,
        simd: S,
        [slope, offset, p, q]: &[V; KINDS],
        x: V,
        (of_out, width): (&[R], usize),
        sums: &mut [V; KINDS],
    ) -> V {
        let lanes = size_of::<V>() / size_of::<R>();
        let of_num = R::vectors::<S>(&of_out[..lanes])[0];
        let of_den = R::vectors::<S>(&of_out[width..width + lanes])[0];
        let s = self.sigmoid::<R, S>(simd, R::fused(simd, *slope, x, *offset));
        sums[2] = R::fused(simd, s, of_den, sums[2]);
        sums[3] = R::fused(simd, s, of_num, sums[3]);
        let of_s = R::fused(simd, *q, of_num, R::product(simd, *p, of_den));
        let curve = R::product(simd, s, R::difference(simd, self.one, s));
        let of_argument = R::product(simd, of_s, curve);
        sums[0] = R::fused(simd, of_argument, x, sums[0]);
        sums[1] = R::sum(simd, sums[1], of_argument);
        R::product(simd, of_argument, *slope)
    }
}

#[inline(always)]
fn add<R: Real, S: Simd>(simd: S, numbers: &mut [R], sums: &[R::Vector<S>; KINDS]) {
    for (number, sum) in R::vectors_mut::<S>(numbers).iter_mut().zip(sums) {
        *number = R::sum(simd, *number, *sum);
    }
}
