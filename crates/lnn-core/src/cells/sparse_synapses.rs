//! The synapses of a reservoir as lists: of each unit the weights and the sources of those that are not zero.

use crate::kernels::real::Real;
use std::ops::Range;

/// The synapses of all units, those of unit i from `ends[i]` to `ends[i + 1]`.
pub(crate) struct Synapses<R> {
    pub(crate) ends: Vec<usize>,
    weights: Vec<R>,
    sources: Vec<u32>,
}

impl<R: Real> Synapses<R> {
    /// Those of the weights `[H, H]` that are not zero.
    pub(crate) fn of(weights: &[R], units: usize) -> Self {
        let mut synapses = Self { ends: vec![0], weights: Vec::new(), sources: Vec::new() };
        for row in weights.chunks_exact(units) {
            for (weight, source) in row.iter().zip(0..).filter(|(weight, _)| **weight != R::ZERO) {
                synapses.weights.push(*weight);
                synapses.sources.push(source);
            }
            synapses.ends.push(synapses.weights.len());
        }
        synapses
    }

    /// What a unit receives through its `own` synapses from the states `before` of L samples.
    #[inline(always)]
    pub(crate) fn received<const L: usize>(&self, own: Range<usize>, before: &[[R; L]]) -> [R; L] {
        let (weights, sources) = (&self.weights[own.clone()], &self.sources[own]);
        // Sums that do not wait for each other.
        let mut sums = [[R::ZERO; L]; 4];
        for (weights, sources) in weights.chunks(4).zip(sources.chunks(4)) {
            for (sum, (weight, source)) in sums.iter_mut().zip(weights.iter().zip(sources)) {
                let state = &before[*source as usize];
                for (sum, state) in sum.iter_mut().zip(state) {
                    *sum = weight.mul_add(*state, *sum);
                }
            }
        }
        let [a, b, c, d] = sums;
        std::array::from_fn(|lane| (a[lane] + b[lane]) + (c[lane] + d[lane]))
    }
}
