//! How synapses are laid out for vectors.
//!
//! A vector holds the synapses of as many target units as it has lanes, a *block*; a block has rows of such synapses. In a dense
//! layout row k comes from source k for all units of the block. In a sparse one each lane has its own list of sources, and units of
//! about as many synapses share a block, so that few lanes stay empty.

use crate::kernels::real::{Real, lanes};
use crate::wiring::Synapse;

/// Numbers of one synapse in the kernels: slope, offset, p and q.
pub(crate) const KINDS: usize = 4;

/// The synapses of one block.
#[derive(Debug)]
pub(crate) struct Block {
    /// Number of rows.
    pub(crate) rows: usize,
    /// The first row of the block among the rows of all blocks.
    pub(crate) first: usize,
}

/// A layout for vectors of a number of lanes.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) lanes: usize,
    /// Number of sources.
    pub(crate) sources: usize,
    /// Number of units.
    pub(crate) units: usize,
    /// The unit at each lane of each block; none at a lane that stays empty.
    pub(crate) order: Vec<Option<usize>>,
    pub(crate) blocks: Vec<Block>,
    /// Number of rows of all blocks.
    pub(crate) rows: usize,
    /// The source of each lane of each row of a sparse layout, or the lane of the unit that it is; none in a dense one. A lane without a
    /// synapse names the first source.
    pub(crate) lists: Option<Vec<u32>>,
    /// For each lane of each row the index of its synapse in a matrix `[sources, units]`.
    places: Vec<Option<usize>>,
}

impl Plan {
    /// The layout of synapses from inputs for the vectors of R on the running CPU.
    pub(crate) fn sensory<R: Real>(synapses: &[Synapse], inputs: usize, units: usize) -> Self {
        Self::with_lanes(synapses, (inputs, false), units, lanes::<R>())
    }

    /// The layout of synapses between units, whose potentials are by lane, too.
    pub(crate) fn recurrent<R: Real>(synapses: &[Synapse], units: usize) -> Self {
        Self::with_lanes(synapses, (units, true), units, lanes::<R>())
    }

    fn with_lanes(
        synapses: &[Synapse],
        (sources, by_lane): (usize, bool),
        units: usize,
        lanes: usize,
    ) -> Self {
        let mut of_unit = vec![Vec::new(); units];
        for synapse in synapses {
            of_unit[synapse.target].push(synapse.source);
        }
        for sources in &mut of_unit {
            sources.sort_unstable();
        }
        let mut sorted: Vec<usize> = (0..units).collect();
        sorted.sort_by_key(|unit| std::cmp::Reverse(of_unit[*unit].len()));
        let blocks = units.div_ceil(lanes);
        let sparse_rows: usize = sorted.chunks(lanes).map(|block| of_unit[block[0]].len()).sum();
        // A lane with a source of its own costs about as much again as one that shares it.
        let sparse = 2 * sparse_rows < sources * blocks;
        let units_in_order = if sparse { sorted } else { (0..units).collect() };
        let mut lane_of = vec![0; units];
        for (lane, unit) in units_in_order.iter().enumerate() {
            lane_of[*unit] = lane;
        }
        let mut order: Vec<_> = units_in_order.into_iter().map(Some).collect();
        order.resize(blocks * lanes, None);
        let list = |unit: &Option<usize>| unit.map_or(&[][..], |unit| &of_unit[unit]);
        let longest = |block: &[Option<usize>]| list(&block[0]).len();
        let (mut blocks, mut lists, mut places, mut rows) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for block in order.chunks(lanes) {
            let count = if sparse { longest(block) } else { sources };
            blocks.push(Block { rows: count, first: rows });
            rows += count;
            for row in 0..count {
                for unit in block {
                    let source = match sparse {
                        true => list(unit).get(row).copied(),
                        false => Some(row).filter(|source| list(unit).binary_search(source).is_ok()),
                    };
                    let place = source.map_or(0, |source| if by_lane { lane_of[source] } else { source });
                    lists.push(place as u32);
                    places.push(source.zip(*unit).map(|(source, unit)| source * units + unit));
                }
            }
        }
        let lists = sparse.then_some(lists);
        Self { lanes, sources, units, order, blocks, rows, lists, places }
    }

    /// Number of lanes of all blocks.
    pub(crate) fn width(&self) -> usize {
        self.order.len()
    }

    /// Writes the numbers of one kind, `[sources, units]`, into a layout of [`size`](Self::size) numbers, multiplied by `factor`.
    pub(crate) fn pack<R: Real>(&self, kind: usize, matrix: &[R], factor: R, numbers: &mut [R]) {
        for (row, places) in self.places.chunks(self.lanes).enumerate() {
            for (lane, place) in places.iter().enumerate() {
                if let Some(place) = place {
                    numbers[(row * KINDS + kind) * self.lanes + lane] = matrix[*place] * factor;
                }
            }
        }
    }

    /// Adds the numbers of one kind of a layout to `[sources, units]`, multiplied by `factor`.
    pub(crate) fn unpack<R: Real>(&self, kind: usize, numbers: &[R], factor: R, matrix: &mut [R]) {
        for (row, places) in self.places.chunks(self.lanes).enumerate() {
            for (lane, place) in places.iter().enumerate() {
                if let Some(place) = place {
                    matrix[*place] += numbers[(row * KINDS + kind) * self.lanes + lane] * factor;
                }
            }
        }
    }

    /// Number of numbers of the layout: four for each lane of each row.
    pub(crate) fn size(&self) -> usize {
        self.rows * KINDS * self.lanes
    }

    /// Writes a row of numbers by unit into one by lane; empty lanes keep theirs.
    #[inline(always)]
    pub(crate) fn spread<R: Copy>(&self, by_unit: &[R], by_lane: &mut [R]) {
        for (number, unit) in by_lane.iter_mut().zip(&self.order) {
            if let Some(unit) = unit {
                *number = by_unit[*unit];
            }
        }
    }

    /// Writes a row of numbers by lane into one by unit.
    #[inline(always)]
    pub(crate) fn collect<R: Copy>(&self, by_lane: &[R], by_unit: &mut [R]) {
        for (number, unit) in by_lane.iter().zip(&self.order) {
            if let Some(unit) = unit {
                by_unit[*unit] = *number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(units: usize) -> Vec<Synapse> {
        (1..units).map(|target| Synapse { source: target - 1, target, polarity: 1 }).collect()
    }

    #[test]
    fn every_synapse_has_one_place() {
        let all = |sources: usize, units: usize| {
            let pair = |i: usize| Synapse { source: i / units, target: i % units, polarity: 1 };
            (0..sources * units).map(pair).collect::<Vec<_>>()
        };
        for (synapses, sources, units, sparse, rows) in [
            (all(3, 5), 3, 5, false, 6),
            (chain(20), 20, 20, true, 5),
            (chain(2), 2, 2, false, 2),
            (vec![], 4, 9, true, 0),
        ] {
            let plan = Plan::with_lanes(&synapses, (sources, false), units, 4);
            assert_eq!((plan.lists.is_some(), plan.rows), (sparse, rows), "{synapses:?}");
            let matrix: Vec<f64> = (0..sources * units).map(|i| i as f64 + 1.0).collect();
            let (mut numbers, mut back) = (vec![0.0; plan.size()], vec![0.0; sources * units]);
            plan.pack(2, &matrix, 3.0, &mut numbers);
            plan.unpack(2, &numbers, 2.0, &mut back);
            for (i, (number, back)) in matrix.iter().zip(back).enumerate() {
                let known = synapses.iter().any(|synapse| synapse.source * units + synapse.target == i);
                assert!((back - if known { number * 6.0 } else { 0.0 }).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_row_by_lane_is_the_row_by_unit_in_another_order() {
        let plan = Plan::with_lanes(&chain(6), (6, true), 6, 2);
        let row = [1, 2, 3, 4, 5, 6];
        let (mut lanes, mut back) = ([0; 6], [0; 6]);
        plan.spread(&row, &mut lanes);
        plan.collect(&lanes, &mut back);
        assert_eq!((back, plan.width()), (row, 6));
        // The unit without a synapse comes last, and the sources are lanes.
        assert_eq!(plan.order[5], Some(0));
        assert_eq!(plan.lists, Some(vec![5, 0, 1, 2, 3, 0]));
    }
}
