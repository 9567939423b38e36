//! A small matrix, packed once and multiplied many times: the product inside a time loop.
//!
//! A general matrix product packs its operands at every call. The recurrent weights stay the same for a whole sequence, so
//! here they are packed once, in panels of columns whose numbers lie in the order in which the innermost loop reads them.

use crate::vector_math::Real;

/// Columns of a panel.
const WIDTH: usize = 16;
/// Rows of the left matrix that are worked on together: their sums fill the registers.
const ROWS: usize = 4;
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
}

impl<R: Real> Panels<R> {
    /// The matrix whose entry at row k and column j is `entry(k, j)`.
    pub(crate) fn new(depth: usize, columns: usize, entry: impl Fn(usize, usize) -> R) -> Self {
        let line = 64 / size_of::<R>();
        let mut numbers = vec![R::ZERO; columns.div_ceil(WIDTH) * WIDTH * depth + line];
        let start = numbers.as_ptr().align_offset(64).min(line);
        for (p, panel) in numbers[start..].chunks_exact_mut(depth.max(1) * WIDTH).enumerate() {
            for (k, line) in panel.chunks_exact_mut(WIDTH).enumerate() {
                for (j, number) in line.iter_mut().enumerate().take(columns.saturating_sub(p * WIDTH)) {
                    *number = entry(k, p * WIDTH + j);
                }
            }
        }
        Self { numbers, start, depth, columns }
    }

    /// Wᵀ of `weights [columns, depth]`, row by row.
    pub(crate) fn transposed(weights: &[R], columns: usize, depth: usize) -> Self {
        Self::new(depth, columns, |k, j| weights[j * depth + k])
    }

    /// W itself, of `weights [depth, columns]`, row by row.
    pub(crate) fn straight(weights: &[R], depth: usize, columns: usize) -> Self {
        Self::new(depth, columns, |k, j| weights[k * columns + j])
    }

    fn panel(&self, p: usize, from: usize, to: usize) -> &[R] {
        let begin = self.start + p * self.depth * WIDTH;
        &self.numbers[begin + from * WIDTH..begin + to * WIDTH]
    }

    /// `c += a W`, for the first `columns` numbers of each row of `c`, which are `c_stride` apart, and the first `depth` of each
    /// row of `a`.
    #[inline(always)]
    pub(crate) fn add_product(&self, c: &mut [R], c_stride: usize, a: &[R], a_stride: usize, rows: usize) {
        let panels = self.columns.div_ceil(WIDTH);
        for from in (0..self.depth).step_by(DEPTH) {
            let to = self.depth.min(from + DEPTH);
            if rows == 1 {
                self.add_row(c, &a[from..to], from, to);
                continue;
            }
            for p in 0..panels {
                let panel = self.panel(p, from, to);
                let first = p * WIDTH;
                let columns = WIDTH.min(self.columns - first);
                let row = |r: usize| &a[r * a_stride + from..r * a_stride + to];
                for r in (0..rows).step_by(ROWS) {
                    let c = &mut c[r * c_stride + first..];
                    match rows - r {
                        1 => tile([row(r)], panel, c, c_stride, columns),
                        2 => tile([row(r), row(r + 1)], panel, c, c_stride, columns),
                        3 => tile([row(r), row(r + 1), row(r + 2)], panel, c, c_stride, columns),
                        _ => tile([row(r), row(r + 1), row(r + 2), row(r + 3)], panel, c, c_stride, columns),
                    }
                }
            }
        }
    }

    /// One row alone takes as many panels at once, so that there are as many independent sums.
    #[inline(always)]
    fn add_row(&self, c: &mut [R], a: &[R], from: usize, to: usize) {
        let panels = self.columns.div_ceil(WIDTH);
        for p in (0..panels).step_by(ROWS) {
            let last = panels - 1;
            let at = |i: usize| self.panel(last.min(p + i), from, to).as_chunks::<WIDTH>().0;
            let mut sums = [[R::ZERO; WIDTH]; ROWS];
            let four = at(0).iter().zip(at(1)).zip(at(2).iter().zip(at(3)));
            for (x, ((w0, w1), (w2, w3))) in a.iter().zip(four) {
                for (sums, w) in sums.iter_mut().zip([w0, w1, w2, w3]) {
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = x.mul_add(*w, *sum);
                    }
                }
            }
            for (c, sums) in c[..self.columns].chunks_mut(WIDTH).skip(p).zip(sums) {
                for (c, sum) in c.iter_mut().zip(sums) {
                    *c += sum;
                }
            }
        }
    }
}

/// `c += a panel` for M rows and the first `columns` columns.
#[inline(always)]
fn tile<R: Real, const M: usize>(a: [&[R]; M], panel: &[R], c: &mut [R], c_stride: usize, columns: usize) {
    let lines = panel.as_chunks::<WIDTH>().0;
    let a = a.map(|row| &row[..lines.len()]);
    let mut sums = [[R::ZERO; WIDTH]; M];
    for (k, line) in lines.iter().enumerate() {
        for m in 0..M {
            let x = a[m][k];
            for j in 0..WIDTH {
                sums[m][j] = x.mul_add(line[j], sums[m][j]);
            }
        }
    }
    for (m, sums) in sums.iter().enumerate() {
        let c = &mut c[m * c_stride..m * c_stride + columns];
        if let Ok(c) = <&mut [R; WIDTH]>::try_from(&mut *c) {
            for j in 0..WIDTH {
                c[j] += sums[j];
            }
        } else {
            for (c, sum) in c.iter_mut().zip(sums) {
                *c += *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                Panels::straight(&w, depth, columns).add_product(&mut c, c_stride, &a, a_stride, rows);
                let mut again = before.clone();
                Panels::transposed(&turned, columns, depth)
                    .add_product(&mut again, c_stride, &a, a_stride, rows);
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
            }
        }
    }

    #[test]
    fn a_product_is_the_sum_of_products_and_touches_nothing_beside() {
        check::<f64>(1e-12);
        check::<f32>(1e-3);
    }
}
