//! The innermost loops of a product: a few rows times one panel, with all sums in registers.

use crate::kernels::real::Real;
use pulp::Simd;

/// `c = a panel`, or `c += a panel`, for M rows and the first `columns` columns.
#[inline(always)]
pub(crate) fn tile<R: Real, S: Simd, const M: usize>(
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
    // Four at a time, so that the addresses of M rows are computed less often.
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
pub(crate) fn turned_tile<R: Real, S: Simd, const M: usize>(
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

/// Writes two vectors to `c`, or fewer elements at the right edge; with `adds` it adds them.
#[inline(always)]
pub(crate) fn store<R: Real, S: Simd>(simd: S, c: &mut [R], sums: [R::Vector<S>; 2], adds: bool) {
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
