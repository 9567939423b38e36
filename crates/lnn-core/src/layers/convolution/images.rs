//! Images as the loops of [`passes`](crate::layers::convolution::passes) read them: tiles with a border, and a vector of channels
//! for each pixel.

use crate::kernels::real::Real;
use crate::layers::convolution::transforms::{STEP, Tile};
use pulp::Simd;

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
pub(crate) struct Place {
    pub(crate) image: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl<R: Real> Images<'_, R> {
    /// Number of tiles of an image.
    pub(crate) fn tiles(&self) -> usize {
        self.height.div_ceil(STEP) * self.width.div_ceil(STEP)
    }

    pub(crate) fn place(&self, tile: usize) -> Place {
        let columns = self.width.div_ceil(STEP);
        let within = tile % self.tiles();
        Place { image: tile / self.tiles(), row: within / columns, column: within % columns }
    }

    /// The channels from `from` on at N×N pixels, the first of which lies `before` pixels above and left of the tile; zero
    /// outside the image.
    #[inline(always)]
    pub(crate) fn read<S: Simd, const N: usize>(
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

/// The first elements of a slice, zero behind its end.
#[inline(always)]
pub(crate) fn load<R: Real, S: Simd>(simd: S, numbers: &[R]) -> R::Vector<S> {
    if let Some(vector) = R::vectors::<S>(numbers).first() {
        return *vector;
    }
    let mut padded = [R::ZERO; 64];
    padded[..numbers.len()].copy_from_slice(numbers);
    R::vectors::<S>(&padded).first().copied().unwrap_or(R::splat(simd, R::ZERO))
}

/// Writes a vector to a slice, as far as the slice reaches.
#[inline(always)]
pub(crate) fn store<R: Real, S: Simd>(numbers: &mut [R], vector: R::Vector<S>) {
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

/// Number of elements of a vector.
pub(crate) const fn lanes<R: Real, S: Simd>() -> usize {
    size_of::<R::Vector<S>>() / size_of::<R>()
}
