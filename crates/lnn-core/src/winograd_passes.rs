//! The loops of [`winograd`](crate::winograd) over the tiles of some images, on one thread.
//!
//! Tiles are taken a few at a time, so that their transforms stay in the cache between the passes over them.

use crate::panels::Panels;
use crate::vector_math::Real;
use crate::winograd_transforms::{PRODUCTS, STEP, Tile, WINDOW, gradient, input, output};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Tiles that go through a convolution together.
const TILES: usize = 36;
/// Tiles that go through the gradient of the kernels together: more, because its sums are larger than the tiles.
const TILES_OF_WEIGHTS: usize = 96;
/// Channels of the output that are computed before the next ones.
pub(crate) const BLOCK: usize = 64;

/// Images `[N, height, width, channels]` in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Images<'a, R> {
    pub(crate) numbers: &'a [R],
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

/// Where a tile lies: its image, and its place among the tiles of the image.
#[derive(Debug, Clone, Copy)]
struct Place {
    image: usize,
    row: usize,
    column: usize,
}

impl<R: Real> Images<'_, R> {
    /// Tiles of an image.
    fn tiles(&self) -> usize {
        self.height.div_ceil(STEP) * self.width.div_ceil(STEP)
    }

    fn place(&self, tile: usize) -> Place {
        let columns = self.width.div_ceil(STEP);
        let within = tile % self.tiles();
        Place { image: tile / self.tiles(), row: within / columns, column: within % columns }
    }

    /// The numbers from channel `from` on at N×N pixels, of which the first lies `before` above and left of the tile; zero
    /// outside of the image.
    #[inline(always)]
    fn read<S: Simd, const N: usize>(
        &self,
        simd: S,
        place: Place,
        before: usize,
        from: usize,
    ) -> Tile<R, S, N> {
        let zero = R::splat(simd, R::ZERO);
        let mut tile = [[zero; N]; N];
        for (i, row) in tile.iter_mut().enumerate() {
            let y = (place.row * STEP + i).wrapping_sub(before);
            if y >= self.height {
                continue;
            }
            let line = (place.image * self.height + y) * self.width;
            for (j, vector) in row.iter_mut().enumerate() {
                let x = (place.column * STEP + j).wrapping_sub(before);
                if x < self.width {
                    let pixel = (line + x) * self.channels;
                    *vector = load::<R, S>(simd, &self.numbers[pixel + from..pixel + self.channels]);
                }
            }
        }
        tile
    }
}

/// The first numbers of a slice, zero where it ends.
#[inline(always)]
fn load<R: Real, S: Simd>(simd: S, numbers: &[R]) -> R::Vector<S> {
    if let Some(vector) = R::vectors::<S>(numbers).first() {
        return *vector;
    }
    let mut padded = [R::ZERO; 64];
    padded[..numbers.len()].copy_from_slice(numbers);
    R::vectors::<S>(&padded).first().copied().unwrap_or(R::splat(simd, R::ZERO))
}

/// Writes a vector to a slice, as much as it holds.
#[inline(always)]
fn store<R: Real, S: Simd>(numbers: &mut [R], vector: R::Vector<S>) {
    if let Some(place) = R::vectors_mut::<S>(numbers).first_mut() {
        *place = vector;
        return;
    }
    let mut padded = [R::ZERO; 64];
    if let Some(place) = R::vectors_mut::<S>(&mut padded).first_mut() {
        *place = vector;
    }
    let count = numbers.len();
    numbers.copy_from_slice(&padded[..count]);
}

/// The distance between the matrices `[rows, columns]` of the 36 products. A line of the cache more than they need: at a power of
/// two all 36 numbers of a tile would want the same few places of the cache.
const fn distance<R>(rows: usize, columns: usize) -> usize {
    rows * columns + 64 / size_of::<R>()
}

const fn lanes<R: Real, S: Simd>() -> usize {
    size_of::<R::Vector<S>>() / size_of::<R>()
}

/// The transforms of the tiles `tiles`, for each of the 36 products a matrix of rows of `stride`, `distance` apart.
#[inline(always)]
fn transform_input<R: Real, S: Simd>(
    simd: S,
    x: &Images<'_, R>,
    tiles: Range<usize>,
    transformed: &mut [R],
    (distance, stride): (usize, usize),
) {
    for (t, tile) in tiles.enumerate() {
        let place = x.place(tile);
        for from in (0..x.channels).step_by(lanes::<R, S>()) {
            let products = input::<R, S>(simd, &x.read(simd, place, 1, from));
            for (k, product) in products.as_flattened().iter().enumerate() {
                let at = k * distance + t * stride + from;
                store::<R, S>(&mut transformed[at..at + lanes::<R, S>()], *product);
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
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = lanes::<R, S>();
        let x = self.x;
        let stride = x.channels.next_multiple_of(lanes);
        let distances = [distance::<R>(TILES, stride), distance::<R>(TILES, BLOCK)];
        let [mut transformed, mut products] = distances.map(|distance| vec![R::ZERO; PRODUCTS * distance]);
        let last = self.images.end * x.tiles();
        for first in (self.images.start * x.tiles()..last).step_by(TILES) {
            let tiles = first..last.min(first + TILES);
            transform_input(simd, &x, tiles.clone(), &mut transformed, (distances[0], stride));
            for (block, kernels) in self.kernels.iter().enumerate() {
                let channels = block * BLOCK..self.outputs.min((block + 1) * BLOCK);
                for (k, kernel) in kernels.iter().enumerate() {
                    let products = &mut products[k * distances[1]..][..tiles.len() * BLOCK];
                    let transformed = &transformed[k * distances[0]..];
                    kernel.set_product(simd, (products, BLOCK), (transformed, stride), tiles.len());
                }
                for (t, tile) in tiles.clone().enumerate() {
                    let place = x.place(tile);
                    for from in channels.clone().step_by(lanes) {
                        let zero = R::splat(simd, R::ZERO);
                        let mut numbers = [[zero; WINDOW]; WINDOW];
                        for (k, number) in numbers.as_flattened_mut().iter_mut().enumerate() {
                            let at = k * distances[1] + t * BLOCK + from - channels.start;
                            *number = load::<R, S>(simd, &products[at..at + lanes]);
                        }
                        let bias = match self.bias {
                            Some(bias) => load::<R, S>(simd, &bias[from..]),
                            None => zero,
                        };
                        let result = output::<R, S>(simd, &numbers);
                        let image = place.image - self.images.start;
                        for (i, row) in result.iter().enumerate().take(x.height - place.row * STEP) {
                            let line = (image * x.height + place.row * STEP + i) * x.width;
                            for (j, number) in row.iter().enumerate().take(x.width - place.column * STEP) {
                                let pixel = (line + place.column * STEP + j) * self.outputs;
                                let y = &mut self.y[pixel + from..pixel + self.outputs];
                                let count = y.len().min(lanes);
                                store::<R, S>(&mut y[..count], R::sum(simd, *number, bias));
                            }
                        }
                    }
                }
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
        let lanes = lanes::<R, S>();
        let (x, of_y) = (self.x, self.of_y);
        let stride = x.channels.next_multiple_of(lanes);
        let last = self.images.end * x.tiles();
        let tiles = self.images.start * x.tiles()..last;
        let capacity = TILES_OF_WEIGHTS.min(tiles.len());
        let distance = distance::<R>(capacity, stride);
        let mut transformed = vec![R::ZERO; PRODUCTS * distance];
        let mut gradients: Vec<_> = (0..PRODUCTS).map(|_| Panels::zeros(capacity, of_y.channels)).collect();
        for first in tiles.step_by(capacity.max(1)) {
            let tiles = first..last.min(first + capacity);
            transform_input(simd, &x, tiles.clone(), &mut transformed, (distance, stride));
            for (t, tile) in tiles.clone().enumerate() {
                let place = of_y.place(tile);
                for from in (0..of_y.channels).step_by(lanes) {
                    let tile = gradient::<R, S>(simd, &of_y.read(simd, place, 0, from));
                    for (panels, vector) in gradients.iter_mut().zip(tile.as_flattened()) {
                        store::<R, S>(&mut panels.row_mut(t, from)[..lanes], *vector);
                    }
                }
            }
            let matrices = transformed.chunks_exact(distance).zip(&gradients);
            let sums = self.sums.chunks_exact_mut(x.channels * of_y.channels);
            for ((transformed, gradients), sums) in matrices.zip(sums) {
                gradients.add_turned_product(simd, sums, (transformed, stride), (x.channels, tiles.len()));
            }
        }
    }
}
