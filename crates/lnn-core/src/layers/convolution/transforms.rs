//! The transforms of the convolution F(4×4, 3×3): a tile of 6×6 numbers of the input and a kernel of 3×3 need 36 products
//! instead of 144 for a tile of 4×4 numbers of the output.
//!
//! ```text
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//! ```
//! Each vector holds one place of the tile, for several channels.
//!
//! Source: Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016), the interpolation points 0, ±1, ±2, ∞.

use crate::kernels::real::Real;
use pulp::Simd;

/// Extent of a tile of the output; neighbours do not overlap.
pub(crate) const STEP: usize = 4;
/// Extent of a tile of the input.
pub(crate) const WINDOW: usize = STEP + 2;
/// Number of products of a tile and a kernel.
pub(crate) const PRODUCTS: usize = WINDOW * WINDOW;

/// Numbers of a square tile, row by row, a vector each.
pub(crate) type Tile<R, S, const N: usize> = [[<R as Real>::Vector<S>; N]; N];

/// G ⊗ G `[36, 9]`, row by row: it transforms a kernel to its factors of the 36 products.
pub(crate) fn kernel_transform() -> Vec<f64> {
    const G: [[f64; 3]; WINDOW] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    let rows = G.iter().flat_map(|vertical| G.iter().map(move |horizontal| (vertical, horizontal)));
    rows.flat_map(|(v, h)| v.iter().flat_map(move |v| h.iter().map(move |h| v * h))).collect()
}

/// `Bᵀ d B`: a tile of the input.
#[inline(always)]
pub(crate) fn input<R: Real, S: Simd>(simd: S, tile: &Tile<R, S, WINDOW>) -> Tile<R, S, WINDOW> {
    both_ways::<R, S, Input, WINDOW, WINDOW>(simd, tile)
}

/// `Aᵀ m A`: the tile of the output, from the products.
#[inline(always)]
pub(crate) fn output<R: Real, S: Simd>(simd: S, products: &Tile<R, S, WINDOW>) -> Tile<R, S, STEP> {
    both_ways::<R, S, Output, WINDOW, STEP>(simd, products)
}

/// `A y Aᵀ`: the gradient of the products, from a tile of the output's.
#[inline(always)]
pub(crate) fn gradient<R: Real, S: Simd>(simd: S, tile: &Tile<R, S, STEP>) -> Tile<R, S, WINDOW> {
    both_ways::<R, S, Gradient, STEP, WINDOW>(simd, tile)
}

/// Transforms a line of N numbers to one of M. A trait and not a closure, which would be compiled without the vector instructions
/// of the function around it.
trait Line<const N: usize, const M: usize> {
    fn transform<R: Real, S: Simd>(simd: S, line: [R::Vector<S>; N]) -> [R::Vector<S>; M];
}

/// Applies a transform to the columns of a tile, then to its rows.
#[inline(always)]
fn both_ways<R: Real, S: Simd, L: Line<N, M>, const N: usize, const M: usize>(
    simd: S,
    tile: &Tile<R, S, N>,
) -> Tile<R, S, M> {
    let zero = R::splat(simd, R::ZERO);
    let mut turned = [[zero; N]; M];
    for x in 0..N {
        let mut column = [zero; N];
        for (number, row) in column.iter_mut().zip(tile) {
            *number = row[x];
        }
        for (row, number) in turned.iter_mut().zip(L::transform::<R, S>(simd, column)) {
            row[x] = number;
        }
    }
    let mut result = [[zero; M]; M];
    for (row, turned) in result.iter_mut().zip(turned) {
        *row = L::transform::<R, S>(simd, turned);
    }
    result
}

/// `factor a + b`.
#[inline(always)]
fn scaled<R: Real, S: Simd>(simd: S, factor: f64, a: R::Vector<S>, b: R::Vector<S>) -> R::Vector<S> {
    R::fused(simd, R::splat(simd, R::from_f64(factor)), a, b)
}

/// `Bᵀ d`.
struct Input;

impl Line<WINDOW, WINDOW> for Input {
    #[inline(always)]
    fn transform<R: Real, S: Simd>(simd: S, d: [R::Vector<S>; WINDOW]) -> [R::Vector<S>; WINDOW] {
        let (p, q) = (scaled::<R, S>(simd, -4.0, d[2], d[4]), scaled::<R, S>(simd, -4.0, d[1], d[3]));
        let (r, s) = (scaled::<R, S>(simd, -1.0, d[2], d[4]), scaled::<R, S>(simd, -1.0, d[1], d[3]));
        [
            scaled::<R, S>(simd, 4.0, d[0], scaled::<R, S>(simd, -5.0, d[2], d[4])),
            R::sum(simd, p, q),
            scaled::<R, S>(simd, -1.0, q, p),
            scaled::<R, S>(simd, 2.0, s, r),
            scaled::<R, S>(simd, -2.0, s, r),
            scaled::<R, S>(simd, 4.0, d[1], scaled::<R, S>(simd, -5.0, d[3], d[5])),
        ]
    }
}

/// `Aᵀ m`.
struct Output;

impl Line<WINDOW, STEP> for Output {
    #[inline(always)]
    fn transform<R: Real, S: Simd>(simd: S, m: [R::Vector<S>; WINDOW]) -> [R::Vector<S>; STEP] {
        let (near, far) = (R::sum(simd, m[1], m[2]), R::sum(simd, m[3], m[4]));
        let (left, right) = (scaled::<R, S>(simd, -1.0, m[2], m[1]), scaled::<R, S>(simd, -1.0, m[4], m[3]));
        [
            R::sum(simd, m[0], R::sum(simd, near, far)),
            scaled::<R, S>(simd, 2.0, right, left),
            scaled::<R, S>(simd, 4.0, far, near),
            R::sum(simd, scaled::<R, S>(simd, 8.0, right, left), m[5]),
        ]
    }
}

/// `A y`.
struct Gradient;

impl Line<STEP, WINDOW> for Gradient {
    #[inline(always)]
    fn transform<R: Real, S: Simd>(simd: S, y: [R::Vector<S>; STEP]) -> [R::Vector<S>; WINDOW] {
        let (even, odd) = (R::sum(simd, y[0], y[2]), R::sum(simd, y[1], y[3]));
        let (far_even, far_odd) =
            (scaled::<R, S>(simd, 4.0, y[2], y[0]), scaled::<R, S>(simd, 4.0, y[3], y[1]));
        [
            y[0],
            R::sum(simd, even, odd),
            scaled::<R, S>(simd, -1.0, odd, even),
            scaled::<R, S>(simd, 2.0, far_odd, far_even),
            scaled::<R, S>(simd, -2.0, far_odd, far_even),
            y[3],
        ]
    }
}
