//! The loops of [`normalized_activation`](crate::layers::batch_norm::normalized_activation) over some images, on one thread.
//!
//! Images are `[height, width, channels]` in memory.

use crate::kernels::functions::gaussian;
use crate::layers::batch_norm::channel_moments::{PIXELS, flush};
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;

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

/// From the gradient of z that of the pixels before the normalisation, in place: `scale of_z + by_distance (p - mean) +
/// constant`.
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
