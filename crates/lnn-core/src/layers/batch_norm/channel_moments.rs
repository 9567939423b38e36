//! Mean and variance of each channel over many pixels, computed in parts that are merged.
//!
//! Sums run in f32 over a few pixels, and in f64 over these sums.

use pulp::{Simd, WithSimd};

/// Number of pixels that are summed in f32.
pub(crate) const PIXELS: usize = 64;

/// The mean of each channel over `count` pixels, and the sum of the squared distances from it.
#[derive(Debug, Clone)]
pub(crate) struct ChannelMoments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl ChannelMoments {
    /// The moments of no pixels.
    pub(crate) fn none(channels: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    /// The moments of the pixels of both, merged as in Chan et al. (1979).
    pub(crate) fn join(mut self, other: &Self) -> Self {
        let count = self.count + other.count;
        if count > 0.0 {
            let channels =
                self.mean.iter_mut().zip(&mut self.squares).zip(other.mean.iter().zip(&other.squares));
            for ((mean, squares), (other_mean, other_squares)) in channels {
                let distance = other_mean - *mean;
                *mean += distance * other.count / count;
                *squares += other_squares + distance * distance * self.count * other.count / count;
            }
        }
        Self { count, ..self }
    }

    /// The means, and the variances with `freedom` pixels less in the denominator.
    pub(crate) fn statistics(&self, freedom: f64) -> (&[f64], Vec<f64>) {
        (&self.mean, self.squares.iter().map(|squares| squares / (self.count - freedom)).collect())
    }
}

/// Computes the moments of some pixels.
pub(crate) struct MomentsPart<'a> {
    pub(crate) x: &'a [f32],
    /// Out; the moments of no pixels at first.
    pub(crate) moments: &'a mut ChannelMoments,
}

impl WithSimd for MomentsPart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let channels = self.moments.mean.len();
        // Distances from the first pixel, not from zero: the variance of a channel with a large mean would be lost in its
        // squares.
        let Some(first) = self.x.get(..channels) else { return };
        let (mut sums, mut squares) = (vec![0.0_f32; channels], vec![0.0_f32; channels]);
        for pixels in self.x.chunks(PIXELS * channels) {
            for pixel in pixels.chunks_exact(channels) {
                for (((sum, square), x), first) in sums.iter_mut().zip(&mut squares).zip(pixel).zip(first) {
                    let distance = x - first;
                    *sum += distance;
                    *square = distance.mul_add(distance, *square);
                }
            }
            flush(&mut self.moments.mean, &mut sums);
            flush(&mut self.moments.squares, &mut squares);
        }
        let count = (self.x.len() / channels) as f64;
        let moments = self.moments.mean.iter_mut().zip(&mut self.moments.squares).zip(first);
        for ((mean, squares), first) in moments {
            let distance = *mean / count;
            *squares = (*squares - distance * distance * count).max(0.0);
            *mean = f64::from(*first) + distance;
        }
        self.moments.count = count;
    }
}

/// Adds sums in f32 to those in f64, and clears them.
#[inline(always)]
pub(crate) fn flush(sums: &mut [f64], near: &mut [f32]) {
    for (sum, near) in sums.iter_mut().zip(near) {
        *sum += f64::from(*near);
        *near = 0.0;
    }
}
