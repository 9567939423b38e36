//! The time loop over the synapses of a leaky reservoir for a single sample: the units are cut into parts, since there are no samples to
//! distribute.

use crate::cells::approach::approach;
use crate::cells::sparse_synapses::Synapses;
use crate::kernels::functions::tanh;
use crate::kernels::real::Real;
use crate::scan::board::{Board, Leaving, run_together};
use crate::scan::passes::{counts, pieces};
use lnn_sys::Rows;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Number of synapses of a part below which waiting for the others takes longer than the work.
const WORTH_A_PART: usize = 1 << 13;

/// The input of all parts. `projected` is `[T, 1, H]`.
#[derive(Clone, Copy)]
pub(crate) struct Sample<'a, R> {
    pub(crate) synapses: &'a Synapses<R>,
    /// `[H]`.
    pub(crate) rates: &'a [R],
    pub(crate) projected: Rows<'a, R>,
    /// `[H]`.
    pub(crate) initial: Option<&'a [R]>,
    /// `[T]`.
    pub(crate) mask: Option<&'a [bool]>,
}

/// Runs a sample over all steps; `states` is `[T, H]`.
pub(crate) fn run_sample<R: Real>(sample: Sample<'_, R>, states: &mut [R]) {
    let parts = parts(&sample.synapses.ends);
    let pieces = pieces(states, sample.rates.len(), 1, &parts);
    let parts: Vec<_> = parts.into_iter().zip(pieces).collect();
    let width = |part: &(Range<usize>, Vec<&mut [R]>)| part.0.len();
    run_together(parts, width, |(units, states), index, board| {
        Arch::new().dispatch(UnitPart { sample, units, states, index, board });
    });
}

/// Units with about as many synapses each, one part per thread that has enough to do.
fn parts(ends: &[usize]) -> Vec<Range<usize>> {
    let (units, synapses) = (ends.len() - 1, ends[ends.len() - 1]);
    let count = lnn_sys::threads().min(synapses / WORTH_A_PART).clamp(1, units.max(1));
    let bound = |part: usize| match part {
        0 => 0,
        _ if part == count => units,
        _ => ends.partition_point(|end| *end < part * synapses / count).min(units),
    };
    (0..count).map(|part| bound(part)..bound(part + 1)).collect()
}

/// The units of one thread.
struct UnitPart<'a, R> {
    sample: Sample<'a, R>,
    units: Range<usize>,
    /// Out: the states of the units, one piece per step.
    states: Vec<&'a mut [R]>,
    index: usize,
    board: &'a Board<R>,
}

impl<R: Real> WithSimd for UnitPart<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { sample, units, states, index, board } = self;
        let Sample { synapses, rates, projected, initial, mask } = sample;
        let _leaving = Leaving(board);
        let mut before = initial.map_or_else(|| vec![R::ZERO; rates.len()], <[R]>::to_vec);
        let rates = &rates[units.clone()];
        let bounds = &synapses.ends[units.start..=units.end];
        for (t, out) in states.into_iter().enumerate() {
            let own = &before[units.clone()];
            if counts(mask, t) {
                out.copy_from_slice(&projected.row(t, 0)[units.clone()]);
                for (z, bounds) in out.iter_mut().zip(bounds.windows(2)) {
                    let [received] = synapses.received(bounds[0]..bounds[1], before.as_chunks::<1>().0);
                    *z += received;
                }
                for ((z, h), rate) in out.iter_mut().zip(own).zip(rates) {
                    *z = approach(*h, *rate, tanh(*z));
                }
            } else {
                out.copy_from_slice(own);
            }
            board.exchange(t, index, out, &mut before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_in_one_part_however_the_synapses_lie() {
        let many = WORTH_A_PART * 4;
        for ends in [vec![0, 0, 0], vec![0, many, many], (0..=50).map(|unit| unit * many / 50).collect()] {
            let parts = parts(&ends);
            assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, ends.len() - 1));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }
}
