//! A small matrix that is packed once and multiplied many times: the product inside a time loop.
//!
//! A general matrix product packs its operands at every call. The recurrent weights stay the same for a whole sequence, so
//! here they are packed once, in panels of columns whose numbers lie in the order in which the innermost loop reads them. A
//! panel is two vectors wide; with six rows there are twelve sums, as many as fit in the registers of AVX2 beside the factors.

use crate::kernels::real::{Real, lanes};
use crate::kernels::tiles::{store, tile, turned_tile};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Number of rows of the left matrix that are processed together.
const ROWS: usize = 6;
/// Number of columns of the left matrix that are processed before the next rows: the part of a panel of this depth stays in the
/// first-level cache.
const DEPTH: usize = 256;

/// A matrix `[depth, columns]` in panels.
#[derive(Debug)]
pub(crate) struct Panels<R> {
    numbers: Vec<R>,
    /// Where the first panel begins: at a cache line.
    start: usize,
    depth: usize,
    columns: usize,
    /// Columns of a panel: two vectors of the running CPU.
    width: usize,
}

/// [`Panels::add_product`] as a function of its own: inlined into the loops of a cell it would be compiled again for each cell.
struct AddProduct<'a, R> {
    panels: &'a Panels<R>,
    c: &'a mut [R],
    c_stride: usize,
    a: &'a [R],
    a_stride: usize,
    rows: usize,
}

impl<R: Real> WithSimd for AddProduct<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels, c, c_stride, a, a_stride, rows } = self;
        if rows == 1 {
            panels.add_row(simd, &mut c[..panels.columns], &a[..panels.depth], 0..panels.columns);
        } else {
            panels.product::<S, true>(simd, (c, c_stride), (a, a_stride), rows);
        }
    }
}

impl<R: Real> Panels<R> {
    /// A matrix of zeros, to be filled by [`row_mut`](Self::row_mut).
    pub(crate) fn zeros(depth: usize, columns: usize) -> Self {
        Self::staggered(depth, columns, 0)
    }

    /// The same, moved on by `lines` cache lines in its memory. Matrices that are filled together should differ in that: large
    /// allocations begin at a page, and the same offset in many pages maps to a few sets of the cache.
    pub(crate) fn staggered(depth: usize, columns: usize, lines: usize) -> Self {
        let width = 2 * lanes::<R>();
        let line = 64 / size_of::<R>();
        let numbers = vec![R::ZERO; columns.div_ceil(width) * width * depth + (lines + 1) * line];
        let start = numbers.as_ptr().align_offset(64).min(line) + lines * line;
        Self { numbers, start, depth, columns, width }
    }

    /// Wᵀ of `weights [columns, depth]`, row by row.
    pub(crate) fn transposed(weights: &[R], columns: usize, depth: usize) -> Self {
        let mut panels = Self::zeros(depth, columns);
        for k in 0..depth {
            for from in (0..columns).step_by(panels.width) {
                let rows = weights[from * depth..].chunks_exact(depth);
                for (number, row) in panels.row_mut(k, from).iter_mut().zip(rows) {
                    *number = row[k];
                }
            }
        }
        panels
    }

    /// Rows of the matrix.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// W itself, of `weights [depth, columns]`, row by row.
    pub(crate) fn straight(weights: &[R], depth: usize, columns: usize) -> Self {
        Self::part(weights, depth, columns, 0..columns)
    }

    /// Some columns of `weights [depth, columns]`, row by row.
    pub(crate) fn part(weights: &[R], depth: usize, columns: usize, part: Range<usize>) -> Self {
        let mut panels = Self::zeros(depth, part.len());
        for (k, row) in weights.chunks_exact(columns.max(1)).enumerate().take(depth) {
            let row = &row[part.clone()];
            for from in (0..row.len()).step_by(panels.width) {
                let row = &row[from..row.len().min(from + panels.width)];
                panels.row_mut(k, from)[..row.len()].copy_from_slice(row);
            }
        }
        panels
    }

    /// Row k, from column `from` to the end of its panel, which may lie behind the last column.
    #[inline(always)]
    pub(crate) fn row_mut(&mut self, k: usize, from: usize) -> &mut [R] {
        let (panel, within) = (from / self.width, from % self.width);
        let begin = self.start + (panel * self.depth + k) * self.width;
        &mut self.numbers[begin + within..begin + self.width]
    }

    /// The rows `from..to` of panel p, two vectors each.
    #[inline(always)]
    fn panel<S: Simd>(&self, p: usize, from: usize, to: usize) -> &[[R::Vector<S>; 2]] {
        let begin = self.start + p * self.depth * self.width;
        let numbers = &self.numbers[begin + from * self.width..begin + to * self.width];
        R::vectors::<S>(numbers).as_chunks().0
    }

    /// `c += a W`, for the first `columns` numbers of each row of `c`, which are `c_stride` apart, and the first `depth` of each
    /// row of `a`. Must be called inside the dispatch of `simd`.
    #[inline(always)]
    pub(crate) fn add_product<S: Simd>(
        &self,
        simd: S,
        (c, c_stride): (&mut [R], usize),
        (a, a_stride): (&[R], usize),
        rows: usize,
    ) {
        simd.vectorize(AddProduct { panels: self, c, c_stride, a, a_stride, rows });
    }

    /// `c = a W`, for the same rows and columns.
    #[inline(always)]
    pub(crate) fn set_product<S: Simd>(
        &self,
        simd: S,
        (c, c_stride): (&mut [R], usize),
        (a, a_stride): (&[R], usize),
        rows: usize,
    ) {
        self.product::<S, false>(simd, (c, c_stride), (a, a_stride), rows);
    }

    /// `c = a W`, or `c += a W` if `ADDS`.
    #[inline(always)]
    fn product<S: Simd, const ADDS: bool>(
        &self,
        simd: S,
        (c, c_stride): (&mut [R], usize),
        (a, a_stride): (&[R], usize),
        rows: usize,
    ) {
        let panels = self.columns.div_ceil(self.width);
        for from in (0..self.depth).step_by(DEPTH) {
            let to = self.depth.min(from + DEPTH);
            for p in 0..panels {
                let panel = self.panel::<S>(p, from, to);
                let first = p * self.width;
                let columns = self.width.min(self.columns - first);
                for r in (0..rows).step_by(ROWS) {
                    let c = (&mut c[r * c_stride + first..], c_stride);
                    let a = (&a[r * a_stride + from..], a_stride);
                    let adds = ADDS || from > 0;
                    match rows - r {
                        1 => tile::<R, S, 1>(simd, a, panel, c, columns, adds),
                        2 => tile::<R, S, 2>(simd, a, panel, c, columns, adds),
                        3 => tile::<R, S, 3>(simd, a, panel, c, columns, adds),
                        4 => tile::<R, S, 4>(simd, a, panel, c, columns, adds),
                        5 => tile::<R, S, 5>(simd, a, panel, c, columns, adds),
                        _ => tile::<R, S, ROWS>(simd, a, panel, c, columns, adds),
                    }
                }
            }
        }
    }

    /// `c += aᵀ W` for `a [depth, a_stride]`, of which the first `rows` columns and the first `depth` rows are used; `c` is
    /// `[rows, columns]`. Must be called inside the dispatch of `simd`.
    #[inline(always)]
    pub(crate) fn add_turned_product<S: Simd>(
        &self,
        simd: S,
        c: &mut [R],
        (a, a_stride): (&[R], usize),
        (rows, depth): (usize, usize),
    ) {
        for p in 0..self.columns.div_ceil(self.width) {
            let panel = self.panel::<S>(p, 0, depth);
            let first = p * self.width;
            let columns = self.width.min(self.columns - first);
            for r in (0..rows).step_by(ROWS) {
                let (c, a) = ((&mut c[r * self.columns + first..], self.columns), (&a[r..], a_stride));
                match rows - r {
                    1 => turned_tile::<R, S, 1>(simd, a, panel, c, columns),
                    2 => turned_tile::<R, S, 2>(simd, a, panel, c, columns),
                    3 => turned_tile::<R, S, 3>(simd, a, panel, c, columns),
                    4 => turned_tile::<R, S, 4>(simd, a, panel, c, columns),
                    5 => turned_tile::<R, S, 5>(simd, a, panel, c, columns),
                    _ => turned_tile::<R, S, ROWS>(simd, a, panel, c, columns),
                }
            }
        }
    }

    /// Cuts the columns into at most `most` parts of about the same size, each of whole panels.
    pub(crate) fn cut_columns(&self, most: usize) -> Vec<Range<usize>> {
        let size = self.columns.div_ceil(self.width).div_ceil(most.max(1)).max(1) * self.width;
        (0..self.columns).step_by(size).map(|from| from..self.columns.min(from + size)).collect()
    }

    /// `c += a W` for one row and the `columns` of a part of [`cut_columns`](Self::cut_columns); `c` holds only these. Four
    /// panels are processed together, so that there are enough independent sums.
    #[inline(always)]
    pub(crate) fn add_row<S: Simd>(&self, simd: S, c: &mut [R], a: &[R], columns: Range<usize>) {
        let panels = columns.start / self.width..columns.end.div_ceil(self.width);
        for (from, a) in (0..).step_by(DEPTH).zip(a.chunks(DEPTH)) {
            for (p, c) in panels.clone().step_by(4).zip(c.chunks_mut(4 * self.width)) {
                let at = |i: usize| self.panel::<S>((p + i).min(panels.end - 1), from, from + a.len());
                let zero = R::splat(simd, R::ZERO);
                let mut sums = [[zero; 2]; 4];
                for ((((x, w0), w1), w2), w3) in a.iter().zip(at(0)).zip(at(1)).zip(at(2)).zip(at(3)) {
                    let x = R::splat(simd, *x);
                    for (sums, w) in sums.iter_mut().zip([w0, w1, w2, w3]) {
                        *sums = [R::fused(simd, x, w[0], sums[0]), R::fused(simd, x, w[1], sums[1])];
                    }
                }
                for (c, sums) in c.chunks_mut(self.width).zip(sums) {
                    store::<R, S>(simd, c, sums, true);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "panels_tests.rs"]
mod tests;
