//! The loops of [`normalized_activation`](crate::normalized_activation) over some images, on one thread.
//!
//! Images are `[height, width, channels]` in memory. Sums over many pixels are taken in f32 over a few and in f64 over these.

use crate::vector_math::gaussian;
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;

/// Pixels that are summed in f32.
const PIXELS: usize = 64;

/// A function of one number, and its slope.
pub(crate) trait Function: Copy + Send + Sync {
    fn value(z: f32) -> f32;
    fn slope(z: f32) -> f32;
}

/// max(0, z), with the slope 0 at 0; NaN stays NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rectifier;

impl Function for Rectifier {
    #[inline(always)]
    fn value(z: f32) -> f32 {
        if z < 0.0 { 0.0 } else { z }
    }
    #[inline(always)]
    fn slope(z: f32) -> f32 {
        if z <= 0.0 { 0.0 } else { 1.0 }
    }
}

/// z Φ(z), with the distribution Φ of a standard normal number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn value(z: f32) -> f32 {
        z * gaussian(z)[0]
    }
    #[inline(always)]
    fn slope(z: f32) -> f32 {
        let [distribution, density] = gaussian(z);
        z.mul_add(density, distribution)
    }
}

/// Height, width and channels of an image before the pooling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extents {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Extents {
    /// Numbers of an image.
    pub(crate) fn numbers(self) -> usize {
        self.height * self.width * self.channels
    }

    /// After a pooling of 2×2; an odd last line or column is left out.
    pub(crate) fn pooled(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// The places of the four numbers of a pooled pixel, its first channel.
    #[inline(always)]
    fn window(self, row: usize, column: usize) -> [usize; 4] {
        let first = (2 * row * self.width + 2 * column) * self.channels;
        let below = first + self.width * self.channels;
        [first, first + self.channels, below, below + self.channels]
    }
}

/// The largest of each window, and which it is: the first of equals, or the last that is NaN, as libtorch has it.
pub(crate) struct PoolPart<'a> {
    pub(crate) extents: Extents,
    pub(crate) x: &'a [f32],
    pub(crate) pooled: &'a mut [f32],
    pub(crate) places: &'a mut [u8],
}

impl WithSimd for PoolPart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (extents, after, channels) = (self.extents, self.extents.pooled(), self.extents.channels);
        let images = self.x.chunks_exact(extents.numbers());
        let out =
            self.pooled.chunks_exact_mut(after.numbers()).zip(self.places.chunks_exact_mut(after.numbers()));
        for (image, (pooled, places)) in images.zip(out) {
            let pixels = pooled.chunks_exact_mut(channels).zip(places.chunks_exact_mut(channels));
            for (i, (pooled, places)) in pixels.enumerate() {
                let window = extents.window(i / after.width, i % after.width);
                let [a, b, c, d] = window.map(|from| &image[from..][..channels]);
                for (((((a, b), c), d), largest), place) in
                    a.iter().zip(b).zip(c).zip(d).zip(pooled).zip(places)
                {
                    let mut found = (*a, 0);
                    for (number, at) in [(*b, 1), (*c, 2), (*d, 3)] {
                        found = if number > found.0 || number.is_nan() { (number, at) } else { found };
                    }
                    (*largest, *place) = found;
                }
            }
        }
    }
}

/// The mean of each channel over `count` pixels, and the sum of the squared distances from it.
#[derive(Debug, Clone)]
pub(crate) struct ChannelMoments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl ChannelMoments {
    /// Of no pixels.
    pub(crate) fn none(channels: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    /// Of both: Chan, Golub and LeVeque (1979).
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

/// Counts the moments of pixels.
pub(crate) struct MomentsPart<'a> {
    pub(crate) x: &'a [f32],
    /// Out; of no pixels before.
    pub(crate) moments: &'a mut ChannelMoments,
}

impl WithSimd for MomentsPart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let channels = self.moments.mean.len();
        // Distances from the first pixel: not from zero, or the squares of channels far from it would hide their variances.
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

/// Moves sums in f32 to those in f64.
#[inline(always)]
fn flush(sums: &mut [f64], near: &mut [f32]) {
    for (sum, near) in sums.iter_mut().zip(near) {
        *sum += f64::from(*near);
        *near = 0.0;
    }
}

/// The normalisation of each channel: `z = scale (p - mean) + bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Normal<'a> {
    pub(crate) mean: &'a [f32],
    pub(crate) scale: &'a [f32],
    pub(crate) bias: &'a [f32],
}

/// `y = f(z)`.
pub(crate) struct ActivatePart<'a, F> {
    pub(crate) function: PhantomData<F>,
    pub(crate) normal: Normal<'a>,
    pub(crate) pooled: &'a [f32],
    pub(crate) y: &'a mut [f32],
}

impl<F: Function> WithSimd for ActivatePart<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Normal { mean, scale, bias } = self.normal;
        let pixels = self.pooled.chunks_exact(mean.len()).zip(self.y.chunks_exact_mut(mean.len()));
        for (pooled, y) in pixels {
            for ((((p, y), mean), scale), bias) in pooled.iter().zip(y).zip(mean).zip(scale).zip(bias) {
                *y = F::value((p - mean).mul_add(*scale, *bias));
            }
        }
    }
}

/// The gradient of z, and its sums over pixels.
pub(crate) struct SlopePart<'a, F> {
    pub(crate) function: PhantomData<F>,
    pub(crate) normal: Normal<'a>,
    pub(crate) pooled: &'a [f32],
    pub(crate) of_y: &'a [f32],
    /// Out.
    pub(crate) of_z: &'a mut [f32],
    /// Out, added to: the sum of the gradient, and of its products with `p - mean`.
    pub(crate) sums: [&'a mut [f64]; 2],
}

impl<F: Function> WithSimd for SlopePart<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Normal { mean, scale, bias } = self.normal;
        let channels = mean.len();
        let (mut near, mut near_products) = (vec![0.0_f32; channels], vec![0.0_f32; channels]);
        let [sums, products] = self.sums;
        let some = PIXELS * channels;
        let pieces = self.pooled.chunks(some).zip(self.of_y.chunks(some)).zip(self.of_z.chunks_mut(some));
        for ((pooled, of_y), of_z) in pieces {
            let pixels = pooled.chunks_exact(channels).zip(of_y.chunks_exact(channels));
            for ((pooled, of_y), of_z) in pixels.zip(of_z.chunks_exact_mut(channels)) {
                let normal = mean.iter().zip(scale).zip(bias);
                let near = near.iter_mut().zip(&mut near_products);
                for (((p, of_y), of_z), (((mean, scale), bias), (sum, product))) in
                    pooled.iter().zip(of_y).zip(of_z).zip(normal.zip(near))
                {
                    let distance = p - mean;
                    *of_z = of_y * F::slope(distance.mul_add(*scale, *bias));
                    *sum += *of_z;
                    *product = of_z.mul_add(distance, *product);
                }
            }
            flush(sums, &mut near);
            flush(products, &mut near_products);
        }
    }
}

/// From the gradient of z that of the pixels before the normalisation, in place: `scale of_z + by_distance (p - mean) + constant`.
pub(crate) struct CentrePart<'a> {
    pub(crate) mean: &'a [f32],
    pub(crate) scale: &'a [f32],
    pub(crate) by_distance: &'a [f32],
    pub(crate) constant: &'a [f32],
    pub(crate) pooled: &'a [f32],
    pub(crate) gradient: &'a mut [f32],
}

impl WithSimd for CentrePart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { mean, scale, by_distance, constant, pooled, gradient } = self;
        for (pooled, gradient) in pooled.chunks_exact(mean.len()).zip(gradient.chunks_exact_mut(mean.len())) {
            let channels = mean.iter().zip(scale).zip(by_distance).zip(constant);
            for ((p, gradient), (((mean, scale), by_distance), constant)) in
                pooled.iter().zip(gradient).zip(channels)
            {
                *gradient = scale.mul_add(*gradient, by_distance.mul_add(p - mean, *constant));
            }
        }
    }
}

/// The gradient before the pooling: that of a window goes to its largest number.
pub(crate) struct UnpoolPart<'a> {
    pub(crate) extents: Extents,
    pub(crate) gradient: &'a [f32],
    pub(crate) places: &'a [u8],
    /// Out.
    pub(crate) of_x: &'a mut [f32],
}

impl WithSimd for UnpoolPart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (extents, after, channels) = (self.extents, self.extents.pooled(), self.extents.channels);
        let images =
            self.gradient.chunks_exact(after.numbers()).zip(self.places.chunks_exact(after.numbers()));
        for ((gradient, places), of_x) in images.zip(self.of_x.chunks_exact_mut(extents.numbers())) {
            // What no window covers.
            let line = extents.width * channels;
            of_x[after.height * 2 * line..].fill(0.0);
            if after.width * 2 < extents.width {
                of_x.chunks_exact_mut(line).for_each(|line| line[after.width * 2 * channels..].fill(0.0));
            }
            let pixels = gradient.chunks_exact(channels).zip(places.chunks_exact(channels));
            for (i, (gradient, places)) in pixels.enumerate() {
                let window = extents.window(i / after.width, i % after.width);
                for (at, from) in (0_u8..).zip(window) {
                    let of_x = &mut of_x[from..][..channels];
                    for ((of_x, gradient), place) in of_x.iter_mut().zip(gradient).zip(places) {
                        *of_x = if *place == at { *gradient } else { 0.0 };
                    }
                }
            }
        }
    }
}
