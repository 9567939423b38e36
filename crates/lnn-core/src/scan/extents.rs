//! The extents of a fused time loop, and how it is cut into parts for the threads.

use crate::scan::step::Step;
use std::ops::Range;

/// Number of multiplications below which a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 19;
/// The same for one step, where the threads wait for each other after each step.
const STEP_WORTH_A_THREAD: usize = 1 << 17;

/// Extents of a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extents {
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    /// P: numbers of a row.
    pub(crate) drives: usize,
    /// H: numbers of the cell's output.
    pub(crate) units: usize,
    /// E H: numbers of a state.
    pub(crate) width: usize,
}

impl Extents {
    /// `[T, B, width]`.
    pub(crate) fn shape(self, width: usize) -> [i64; 3] {
        [self.steps, self.batch, width].map(|extent| extent as i64)
    }

    /// The samples of each part.
    pub(crate) fn parts(self) -> Vec<Range<usize>> {
        let work = self.steps * self.batch * self.units * self.drives;
        let most = lnn_sys::threads().min(self.batch.div_ceil(4)).min(work / WORTH_A_THREAD).max(1);
        let size = self.batch.div_ceil(most);
        (0..self.batch).step_by(size).map(|from| from..self.batch.min(from + size)).collect()
    }

    /// The number of parts that the units of a single sample are cut into; 1 leaves them together.
    pub(crate) fn unit_parts<S: Step>(self) -> usize {
        let alone = S::UNIT_BY_UNIT && self.batch == 1 && self.steps > 1;
        let most = if alone { self.units * self.drives / STEP_WORTH_A_THREAD } else { 1 };
        most.min(lnn_sys::threads()).max(1)
    }
}
