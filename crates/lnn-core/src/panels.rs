//! A small matrix, packed once and multiplied many times: the product inside a time loop.
//!
//! A general matrix product packs its operands at every call. The recurrent weights stay the same for a whole sequence, so
//! here they are packed once, in panels of columns whose numbers lie in the order in which the innermost loop reads them. A
//! panel is two vectors wide; with six rows there are twelve sums, as many as the registers of AVX2 hold beside the factors.

use crate::vector_math::Real;
use pulp::{Arch, Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::Range;

/// Rows of the left matrix that are worked on together.
const ROWS: usize = 6;
/// How many numbers of a row are multiplied before the next rows come: a panel's part of this depth stays in the nearest cache.
const DEPTH: usize = 256;

/// A matrix `[depth, columns]` in panels.
#[derive(Debug)]
pub(crate) struct Panels<R> {
    numbers: Vec<R>,
    /// Where the first panel begins: at a line of the cache.
    start: usize,
    depth: usize,
    columns: usize,
    /// Columns of a panel: two vectors of the running CPU.
    width: usize,
}

/// Asks how many numbers a vector of the running CPU holds.
struct Lanes<R>(PhantomData<R>);

impl<R: Real> WithSimd for Lanes<R> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        size_of::<R::Vector<S>>() / size_of::<R>()
    }
}

impl<R: Real> Panels<R> {
    /// A matrix of zeros, to be filled by [`row_mut`](Self::row_mut).
    pub(crate) fn zeros(depth: usize, columns: usize) -> Self {
        Self::staggered(depth, columns, 0)
    }

    /// The same, so many lines of the cache further on in its memory. Matrices that are filled together want to differ in that:
    /// large pieces of memory begin at a page, and the same place of many pages shares a few places of the cache.
    pub(crate) fn staggered(depth: usize, columns: usize, lines: usize) -> Self {
        let width = 2 * Arch::new().dispatch(Lanes::<R>(PhantomData));
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

    /// The rows `from` to `to` of panel p, two vectors each.
    #[inline(always)]
    fn panel<S: Simd>(&self, p: usize, from: usize, to: usize) -> &[[R::Vector<S>; 2]] {
        let begin = self.start + p * self.depth * self.width;
        let numbers = &self.numbers[begin + from * self.width..begin + to * self.width];
        R::vectors::<S>(numbers).as_chunks().0
    }

    /// `c += a W`, for the first `columns` numbers of each row of `c`, which are `c_stride` apart, and the first `depth` of each
    /// row of `a`. To be called where `simd` is dispatched.
    #[inline(always)]
    pub(crate) fn add_product<S: Simd>(
        &self,
        simd: S,
        (c, c_stride): (&mut [R], usize),
        (a, a_stride): (&[R], usize),
        rows: usize,
    ) {
        if rows == 1 {
            self.add_row(simd, &mut c[..self.columns], &a[..self.depth], 0..self.columns);
            return;
        }
        self.product::<S, true>(simd, (c, c_stride), (a, a_stride), rows);
    }

    /// `c = a W`, for the same of both.
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

    /// `c += aᵀ W` for `a [depth, a_stride]`, of which the first `rows` columns and the first `depth` rows count; `c` is `[rows,
    /// columns]`. To be called where `simd` is dispatched.
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

    /// Cuts the columns into at most `most` parts of about one size, each of whole panels.
    pub(crate) fn cut_columns(&self, most: usize) -> Vec<Range<usize>> {
        let size = self.columns.div_ceil(self.width).div_ceil(most.max(1)).max(1) * self.width;
        (0..self.columns).step_by(size).map(|from| from..self.columns.min(from + size)).collect()
    }

    /// The same for one row and the `columns` of a part, which begin and end as [`cut_columns`](Self::cut_columns) has them; `c`
    /// holds these alone. Four panels are taken at once, so that there are as many independent sums.
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

/// `c = a panel`, or `c += a panel`, for M rows and the first `columns` columns.
#[inline(always)]
fn tile<R: Real, S: Simd, const M: usize>(
    simd: S,
    (a, a_stride): (&[R], usize),
    panel: &[[R::Vector<S>; 2]],
    (c, c_stride): (&mut [R], usize),
    columns: usize,
    adds: bool,
) {
    let mut rows = [&a[..0]; M];
    for (m, row) in rows.iter_mut().enumerate() {
        *row = &a[m * a_stride..m * a_stride + panel.len()];
    }
    let zero = R::splat(simd, R::ZERO);
    let mut sums = [[zero; 2]; M];
    // Several at a time, so that the places of M rows are looked up less often.
    let (fours, rest) = panel.as_chunks::<4>();
    let none = [R::ZERO; 4];
    for (i, four) in fours.iter().enumerate() {
        let mut numbers = [&none; M];
        for (numbers, row) in numbers.iter_mut().zip(rows) {
            *numbers = &row.as_chunks().0[i];
        }
        for (k, w) in four.iter().enumerate() {
            for m in 0..M {
                let x = R::splat(simd, numbers[m][k]);
                sums[m] = [R::fused(simd, x, w[0], sums[m][0]), R::fused(simd, x, w[1], sums[m][1])];
            }
        }
    }
    for (k, w) in (panel.len() - rest.len()..).zip(rest) {
        for m in 0..M {
            let x = R::splat(simd, rows[m][k]);
            sums[m] = [R::fused(simd, x, w[0], sums[m][0]), R::fused(simd, x, w[1], sums[m][1])];
        }
    }
    for (m, sums) in sums.into_iter().enumerate() {
        store::<R, S>(simd, &mut c[m * c_stride..m * c_stride + columns], sums, adds);
    }
}

/// `c += aᵀ panel` for M columns of `a` and the first `columns` columns of the panel.
#[inline(always)]
fn turned_tile<R: Real, S: Simd, const M: usize>(
    simd: S,
    (a, a_stride): (&[R], usize),
    panel: &[[R::Vector<S>; 2]],
    (c, c_stride): (&mut [R], usize),
    columns: usize,
) {
    let zero = R::splat(simd, R::ZERO);
    let mut sums = [[zero; 2]; M];
    for (w, a) in panel.iter().zip(a.chunks(a_stride)) {
        for (sums, x) in sums.iter_mut().zip(&a[..M]) {
            let x = R::splat(simd, *x);
            *sums = [R::fused(simd, x, w[0], sums[0]), R::fused(simd, x, w[1], sums[1])];
        }
    }
    for (m, sums) in sums.into_iter().enumerate() {
        store::<R, S>(simd, &mut c[m * c_stride..m * c_stride + columns], sums, true);
    }
}

/// Writes two vectors to as many numbers, or to fewer at the right edge, or adds them.
#[inline(always)]
fn store<R: Real, S: Simd>(simd: S, c: &mut [R], sums: [R::Vector<S>; 2], adds: bool) {
    let lanes = size_of::<R::Vector<S>>() / size_of::<R>();
    if c.len() == 2 * lanes {
        for (c, sum) in R::vectors_mut::<S>(c).iter_mut().zip(sums) {
            *c = if adds { R::sum(simd, *c, sum) } else { sum };
        }
    } else {
        let mut numbers = [R::ZERO; 64];
        R::vectors_mut::<S>(&mut numbers)[..2].copy_from_slice(&sums);
        for (c, sum) in c.iter_mut().zip(numbers) {
            *c = if adds { *c + sum } else { sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Product<'a, R>(&'a Panels<R>, &'a mut [R], usize, &'a [R], usize, usize);

    impl<R: Real> WithSimd for Product<'_, R> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.add_product(simd, (self.1, self.2), (self.3, self.4), self.5);
        }
    }

    struct TurnedProduct<'a, R>(&'a Panels<R>, &'a mut [R], &'a [R], usize, [usize; 2]);

    impl<R: Real> WithSimd for TurnedProduct<'_, R> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let [rows, depth] = self.4;
            self.0.add_turned_product(simd, self.1, (self.2, self.3), (rows, depth));
        }
    }

    fn check<R: Real + Into<f64>>(tolerance: f64) {
        let number = |i: usize| R::from_f64(((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0);
        for rows in 1..=9 {
            for (depth, columns) in [(1, 1), (3, 5), (16, 16), (17, 33), (40, 64), (300, 20), (513, 81)] {
                let (a_stride, c_stride) = (depth + 3, columns + 2);
                let a: Vec<R> = (0..rows * a_stride).map(number).collect();
                let w: Vec<R> = (0..depth * columns).map(|i| number(i + 77)).collect();
                let before: Vec<R> = (0..rows * c_stride).map(|i| number(i + 5)).collect();
                let mut c = before.clone();
                let turned: Vec<R> =
                    (0..depth * columns).map(|i| w[i % depth * columns + i / depth]).collect();
                let panels = Panels::straight(&w, depth, columns);
                Arch::new().dispatch(Product(&panels, &mut c, c_stride, &a, a_stride, rows));
                let mut again = before.clone();
                let panels = Panels::transposed(&turned, columns, depth);
                Arch::new().dispatch(Product(&panels, &mut again, c_stride, &a, a_stride, rows));
                for (i, (&found, &before)) in c.iter().zip(&before).enumerate() {
                    let (r, j) = (i / c_stride, i % c_stride);
                    let product = |k: usize| a[r * a_stride + k].into() * w[k * columns + j].into();
                    let added = if j < columns { (0..depth).map(product).sum() } else { 0.0 };
                    let expected: f64 = before.into() + added;
                    assert!(
                        (found.into() - expected).abs() < tolerance,
                        "{rows} x {depth} x {columns} at {i}"
                    );
                    assert!(found == again[i]);
                }
                let right = Panels::straight(&before[..rows * c_stride], rows, c_stride);
                let mut expected = vec![0.0; depth * c_stride];
                for (i, sum) in expected.iter_mut().enumerate() {
                    let product = |r: usize| {
                        a[r * a_stride + i / c_stride].into() * before[r * c_stride + i % c_stride].into()
                    };
                    *sum = (0..rows).map(product).sum();
                }
                let mut turned = vec![R::ZERO; depth * c_stride];
                Arch::new().dispatch(TurnedProduct(&right, &mut turned, &a, a_stride, [depth, rows]));
                assert!(
                    turned.iter().zip(&expected).all(|(&found, sum)| (found.into() - sum).abs() < tolerance)
                );
            }
        }
    }

    #[test]
    fn the_parts_of_the_columns_follow_each_other_and_begin_with_a_panel() {
        for (columns, most) in [(1, 3), (33, 2), (64, 4), (1000, 2), (81, 7)] {
            let panels = Panels::<f32>::zeros(3, columns);
            let parts = panels.cut_columns(most);
            assert!(parts.len() <= most && parts[0].start == 0 && parts[parts.len() - 1].end == columns);
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(parts.iter().all(|part| part.start % panels.width == 0));
        }
    }

    #[test]
    fn a_product_is_the_sum_of_products_and_touches_nothing_beside() {
        check::<f64>(1e-12);
        check::<f32>(1e-3);
    }
}
