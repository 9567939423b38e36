//! The loops of [`winograd`](crate::layers::convolution::winograd) over the tiles of some images, on one thread.
//!
//! A few tiles are processed at a time, so that their transforms stay in the cache between the passes over them.

use crate::kernels::panels::Panels;
use crate::kernels::real::Real;
use crate::layers::convolution::images::{Images, Place, lanes, load, store};
use crate::layers::convolution::transforms::{PRODUCTS, STEP, Tile, WINDOW, gradient, input, output};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Number of tiles that go through a convolution together.
const TILES: usize = 36;
/// Number of tiles that go through the gradient of the kernels together: more, because its sums are larger than the tiles.
const TILES_OF_WEIGHTS: usize = 96;
/// Number of channels of the output that are computed together.
pub(crate) const BLOCK: usize = 64;

/// 36 matrices in one allocation, one for each product, with a row for each tile.
struct Matrices<R> {
    numbers: Vec<R>,
    stride: usize,
    distance: usize,
}

impl<R: Real> Matrices<R> {
    /// Matrices of `tiles` rows and `columns` columns. A cache line lies between two matrices: at a distance of a power of two
    /// all 36 numbers of a tile would map to the same few sets of the cache.
    fn new(tiles: usize, columns: usize) -> Self {
        let distance = tiles * columns + 64 / size_of::<R>();
        Self { numbers: vec![R::ZERO; PRODUCTS * distance], stride: columns, distance }
    }

    /// Matrix `k` with the distance of its rows.
    fn matrix(&self, k: usize) -> (&[R], usize) {
        (&self.numbers[k * self.distance..(k + 1) * self.distance], self.stride)
    }

    fn matrix_mut(&mut self, k: usize) -> (&mut [R], usize) {
        (&mut self.numbers[k * self.distance..(k + 1) * self.distance], self.stride)
    }

    /// The products of a tile, from column `from` on.
    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, tile: usize, from: usize) -> Tile<R, S, WINDOW> {
        let mut numbers = [[R::splat(simd, R::ZERO); WINDOW]; WINDOW];
        for (k, number) in numbers.as_flattened_mut().iter_mut().enumerate() {
            let at = k * self.distance + tile * self.stride + from;
            *number = load::<R, S>(simd, &self.numbers[at..at + lanes::<R, S>()]);
        }
        numbers
    }

    /// Writes the transforms of some tiles of images.
    #[inline(always)]
    fn transform<S: Simd>(&mut self, simd: S, x: &Images<'_, R>, tiles: Range<usize>) {
        for (t, tile) in tiles.enumerate() {
            let place = x.place(tile);
            for from in (0..x.channels).step_by(lanes::<R, S>()) {
                let products = input::<R, S>(simd, &x.read(simd, place, 1, from));
                for (k, product) in products.as_flattened().iter().enumerate() {
                    let at = k * self.distance + t * self.stride + from;
                    store::<R, S>(&mut self.numbers[at..at + lanes::<R, S>()], *product);
                }
            }
        }
    }
}

/// The convolution of some images.
pub(crate) struct ConvolvePart<'a, R> {
    /// All images.
    pub(crate) x: Images<'a, R>,
    /// Those of this part.
    pub(crate) images: Range<usize>,
    /// For each [`BLOCK`] of output channels 36 matrices `[inputs, block]`.
    pub(crate) kernels: &'a [Vec<Panels<R>>],
    pub(crate) bias: Option<&'a [R]>,
    pub(crate) outputs: usize,
    /// Out: the part's images.
    pub(crate) y: &'a mut [R],
}

impl<R: Real> WithSimd for ConvolvePart<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let x = self.x;
        let mut transformed = Matrices::new(TILES, x.channels.next_multiple_of(lanes::<R, S>()));
        let mut products = Matrices::new(TILES, BLOCK);
        let last = self.images.end * x.tiles();
        for first in (self.images.start * x.tiles()..last).step_by(TILES) {
            let tiles = first..last.min(first + TILES);
            transformed.transform(simd, &x, tiles.clone());
            for (block, kernels) in self.kernels.iter().enumerate() {
                for (k, kernel) in kernels.iter().enumerate() {
                    kernel.set_product(simd, products.matrix_mut(k), transformed.matrix(k), tiles.len());
                }
                let channels = block * BLOCK..self.outputs.min((block + 1) * BLOCK);
                for (t, tile) in tiles.clone().enumerate() {
                    for from in channels.clone().step_by(lanes::<R, S>()) {
                        let numbers = products.tile::<S>(simd, t, from - channels.start);
                        self.write(simd, x.place(tile), from, &output::<R, S>(simd, &numbers));
                    }
                }
            }
        }
    }
}

impl<R: Real> ConvolvePart<'_, R> {
    /// Writes a tile of the output from channel `from` on, as far as it lies in the image, and adds the bias.
    #[inline(always)]
    fn write<S: Simd>(&mut self, simd: S, place: Place, from: usize, tile: &Tile<R, S, STEP>) {
        let Images { height, width, .. } = self.x;
        let bias = match self.bias {
            Some(bias) => load::<R, S>(simd, &bias[from..]),
            None => R::splat(simd, R::ZERO),
        };
        let (first_row, first_column) = (place.row * STEP, place.column * STEP);
        for (i, row) in tile.iter().enumerate().take(height - first_row) {
            let line = ((place.image - self.images.start) * height + first_row + i) * width;
            for (j, number) in row.iter().enumerate().take(width - first_column) {
                let pixel = (line + first_column + j) * self.outputs;
                let y = &mut self.y[pixel + from..pixel + self.outputs];
                let count = y.len().min(lanes::<R, S>());
                store::<R, S>(&mut y[..count], R::sum(simd, *number, bias));
            }
        }
    }
}

/// The gradient of the kernels over some images.
pub(crate) struct WeightPart<'a, R> {
    /// All images.
    pub(crate) x: Images<'a, R>,
    /// The gradient of the output, all images.
    pub(crate) of_y: Images<'a, R>,
    /// Those of this part.
    pub(crate) images: Range<usize>,
    /// Added to: 36 matrices `[inputs, outputs]`.
    pub(crate) sums: &'a mut [R],
}

impl<R: Real> WithSimd for WeightPart<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (x, of_y) = (self.x, self.of_y);
        let tiles = self.images.start * x.tiles()..self.images.end * x.tiles();
        let (capacity, last) = (TILES_OF_WEIGHTS.min(tiles.len()), tiles.end);
        let mut transformed = Matrices::new(capacity, x.channels.next_multiple_of(lanes::<R, S>()));
        let staggered = |product| Panels::staggered(capacity, of_y.channels, product);
        let mut gradients: Vec<_> = (0..PRODUCTS).map(staggered).collect();
        for first in tiles.step_by(capacity.max(1)) {
            let tiles = first..last.min(first + capacity);
            transformed.transform(simd, &x, tiles.clone());
            for (t, tile) in tiles.clone().enumerate() {
                for from in (0..of_y.channels).step_by(lanes::<R, S>()) {
                    let tile = gradient::<R, S>(simd, &of_y.read(simd, of_y.place(tile), 0, from));
                    for (panels, vector) in gradients.iter_mut().zip(tile.as_flattened()) {
                        store::<R, S>(&mut panels.row_mut(t, from)[..lanes::<R, S>()], *vector);
                    }
                }
            }
            let sums = self.sums.chunks_exact_mut(x.channels * of_y.channels);
            for (k, (sums, gradients)) in sums.zip(&gradients).enumerate() {
                gradients.add_turned_product(simd, sums, transformed.matrix(k), (x.channels, tiles.len()));
            }
        }
    }
}
