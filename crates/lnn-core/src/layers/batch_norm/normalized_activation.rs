//! The layers behind a convolution as one operation: an optional pooling, batch normalisation and an activation.
//!
//! ```text
//! p = largest of 2×2 in x      z = γ (p - μ) / √(σ² + ε) + β      y = f(z)
//! ```
//! With δ = dL/dz over n pixels, and p̂ = (p - μ) / √(σ² + ε):
//!
//! ```text
//! dL/dβ = Σ δ      dL/dγ = Σ δ p̂      dL/dp = γ / √(σ² + ε) (δ - dL/dβ / n - p̂ dL/dγ / n)
//! ```
//! Each of libtorch's operations reads and writes memory once or more and keeps an intermediate; this one keeps only p.

use crate::error::Error;
use crate::layers::activation::Activation;
use crate::layers::batch_norm::channel_moments::{ChannelMoments, MomentsPart};
use crate::layers::batch_norm::normalized_passes::{
    ActivatePart, CentrePart, Function, Gelu, Normal, Rectifier, SlopePart,
};
use crate::layers::batch_norm::pooling_passes::{Extents, PoolPart, UnpoolPart};
use crate::layers::image_parts::{channels_behind, on_threads, pieces, pieces_mut};
use lnn_sys::{CustomFunction, Forward, PassError, apply, autocast_enabled, numbers};
use std::marker::PhantomData;
use tch::{Device, Kind, Tensor};

/// Whether [`normalize`] supports `x [B, C, H, W]` with γ `[C]`.
pub(crate) fn fits(x: &Tensor, weight: &Tensor, pool: bool) -> bool {
    let [batch, channels, height, width] = x.size()[..] else { return false };
    let pixels = if pool { batch * (height / 2) * (width / 2) } else { batch * height * width };
    // A variance needs two pixels; for fewer libtorch has an error.
    weight.size() == [channels]
        && channels > 0
        && pixels > 1
        && [x, weight].iter().all(|tensor| tensor.kind() == Kind::Float)
        && x.device() == Device::Cpu
        && !autocast_enabled(Device::Cpu)
}

/// The result of [`normalize`].
pub(crate) struct Normalized {
    /// `[B, C, H, W]`, or half as high and wide; channels last in memory.
    pub(crate) y: Tensor,
    /// `[C]`, of the batch.
    pub(crate) mean: Tensor,
    /// `[C]`, of the batch, unbiased: over n - 1.
    pub(crate) variance: Tensor,
}

/// Normalises `x [B, C, H, W]`, pooled or as it is, by its own mean and variance, with γ and β `[C]`, and applies an activation.
///
/// # Errors
/// [`Error::Torch`] if libtorch throws.
pub(crate) fn normalize(
    x: &Tensor,
    [weight, bias]: [&Tensor; 2],
    epsilon: f64,
    pool: bool,
    activation: Activation,
) -> Result<Normalized, Error> {
    let [_, channels, height, width] =
        x.size4().map(|(b, c, h, w)| [b, c, h, w].map(|extent| extent as usize))?;
    let extents = Extents { height, width, channels };
    let inputs = [x, weight, bias];
    let outputs = match activation {
        Activation::Rectifier => {
            apply(Normalization::<Rectifier> { extents, pool, epsilon, function: PhantomData }, &inputs)
        }
        Activation::Gelu => {
            apply(Normalization::<Gelu> { extents, pool, epsilon, function: PhantomData }, &inputs)
        }
    };
    let mut outputs = outputs?;
    let (statistics, y) = (outputs.remove(1).detach(), outputs.remove(0));
    Ok(Normalized { y, mean: statistics.get(0), variance: statistics.get(1) })
}

/// The operation. Its inputs are x, γ and β; it returns y, and the mean and variance of the batch as `[2, C]`.
#[derive(Debug)]
struct Normalization<F> {
    /// Of x.
    extents: Extents,
    pool: bool,
    epsilon: f64,
    function: PhantomData<F>,
}

impl<F: Function + 'static> CustomFunction for Normalization<F> {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let x = channels_behind(&inputs[0])?;
        let (batch, channels) = (x.size()[0] as usize, self.extents.channels as i64);
        let (p, places) =
            if self.pool { self.pooled(&x)? } else { (x, Tensor::f_empty(0, (Kind::Uint8, Device::Cpu))?) };
        let moments = self.moments(&p)?;
        let (mean, variance) = moments.statistics(0.0);
        let deviations: Vec<_> = variance.iter().map(|variance| (variance + self.epsilon).sqrt()).collect();
        let normal = Tensor::f_from_slice(&[mean, &deviations].concat())?.f_view([2, channels])?;
        let normal = normal.f_to_kind(Kind::Float)?;
        let (weight, bias) = (inputs[1].f_contiguous()?, inputs[2].f_contiguous()?);
        let scale = weight.f_div(&normal.get(1))?;
        let mut y = Tensor::f_empty(p.size(), (Kind::Float, Device::Cpu))?;
        {
            let (means, scale, bias) = (numbers(&normal)?, numbers(&scale)?, numbers(&bias)?);
            let normal = Normal { mean: &means[..self.extents.channels], scale: &scale, bias: &bias };
            let pooled = numbers(&p)?;
            let items = pieces(&pooled, batch).into_iter().zip(pieces_mut(&mut y)?);
            on_threads(items.map(|(pooled, y)| ActivatePart { function: self.function, normal, pooled, y }));
        }
        let (mean, variance) = moments.statistics(1.0);
        let statistics = Tensor::f_from_slice(&[mean, &variance].concat())?.f_view([2, channels])?;
        let outputs = vec![y.f_permute([0, 3, 1, 2])?, statistics.f_to_kind(Kind::Float)?];
        let saved = if needs.contains(&true) { vec![p, places, normal, weight, bias] } else { Vec::new() };
        Ok(Forward { outputs, saved })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let Some(of_y) = &gradients[0] else { return Ok(needs.iter().map(|_| None).collect()) };
        let [p, places, normal, weight, bias] = saved else {
            return Err("expected five saved tensors".into());
        };
        let of_y = channels_behind(of_y)?;
        let channels = self.extents.channels;
        let scale = weight.f_div(&normal.get(1))?;
        let batch = p.size()[0] as usize;
        let (means, scales, biases) = (numbers(normal)?, numbers(&scale)?, numbers(bias)?);
        let of_channels = Normal { mean: &means[..channels], scale: &scales, bias: &biases };
        let (pooled, slopes) = (numbers(p)?, numbers(&of_y)?);
        let mut of_p = Tensor::f_empty(p.size(), (Kind::Float, Device::Cpu))?;
        let parts = pieces_mut(&mut of_p)?;
        let mut sums = vec![vec![0.0_f64; 2 * channels]; parts.len()];
        let of_parts =
            pieces(&pooled, batch).into_iter().zip(pieces(&slopes, batch)).zip(parts).zip(&mut sums);
        let items = of_parts.map(|(((pooled, of_y), of_z), sums)| {
            let sums = sums.split_at_mut(channels).into();
            SlopePart { function: self.function, normal: of_channels, pooled, of_y, of_z, sums }
        });
        on_threads(items);
        let count = (p.numel() / channels) as f64;
        let sums = Tensor::f_from_slice(&sums.concat())?.f_view([-1, 2, channels as i64])?;
        let sums = sums.f_sum_dim_intlist(0_i64, false, Kind::Double)?;
        let deviation = normal.get(1).f_to_kind(Kind::Double)?;
        let (of_bias, of_weight) = (sums.get(0), sums.get(1).f_div(&deviation)?);
        let of_x = if needs[0] {
            let single = |factor: Tensor| (factor * &scale / -count).f_to_kind(Kind::Float);
            let (by_distance, constant) =
                (single(&of_weight / &deviation)?, single(of_bias.shallow_clone())?);
            let (by_distance, constant) = (numbers(&by_distance)?, numbers(&constant)?);
            let Normal { mean, scale, .. } = of_channels;
            let items = pieces(&pooled, batch).into_iter().zip(pieces_mut(&mut of_p)?);
            on_threads(items.map(|(pooled, gradient)| CentrePart {
                mean,
                scale,
                by_distance: &by_distance,
                constant: &constant,
                pooled,
                gradient,
            }));
            let of_x = if self.pool { self.unpooled(&of_p, places)? } else { of_p };
            Some(of_x.f_permute([0, 3, 1, 2])?)
        } else {
            None
        };
        let single =
            |gradient: &Tensor, needed: bool| needed.then(|| gradient.f_to_kind(Kind::Float)).transpose();
        Ok(vec![of_x, single(&of_weight, needs[1])?, single(&of_bias, needs[2])?])
    }
}

impl<F> Normalization<F> {
    /// The maximum of each window of `x [B, H, W, C]`, and its place in the window.
    fn pooled(&self, x: &Tensor) -> Result<(Tensor, Tensor), PassError> {
        let Extents { height, width, channels } = self.extents.pooled();
        let shape = [x.size()[0], height as i64, width as i64, channels as i64];
        let mut pooled = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
        let mut places = Tensor::f_empty(shape, (Kind::Uint8, Device::Cpu))?;
        let x = (numbers(x)?, x.size()[0] as usize);
        let items = pieces(&x.0, x.1).into_iter().zip(pieces_mut(&mut pooled)?).zip(pieces_mut(&mut places)?);
        let items = items.map(|((x, pooled), places)| PoolPart { extents: self.extents, x, pooled, places });
        on_threads(items);
        Ok((pooled, places))
    }

    /// The gradient `[B, H, W, C]` of x from that of the maxima.
    fn unpooled(&self, of_p: &Tensor, places: &Tensor) -> Result<Tensor, PassError> {
        let Extents { height, width, channels } = self.extents;
        let shape = [of_p.size()[0], height as i64, width as i64, channels as i64];
        let mut of_x = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
        let batch = of_p.size()[0] as usize;
        let (of_p, places) = (numbers(of_p)?, numbers(places)?);
        let items = pieces(&of_p, batch).into_iter().zip(pieces(&places, batch)).zip(pieces_mut(&mut of_x)?);
        let items = items.map(|((gradient, places), of_x)| UnpoolPart {
            extents: self.extents,
            gradient,
            places,
            of_x,
        });
        on_threads(items);
        Ok(of_x)
    }

    /// The moments of each channel of `p [B, H, W, C]`.
    fn moments(&self, p: &Tensor) -> Result<ChannelMoments, PassError> {
        let numbers = numbers(p)?;
        let pieces = pieces(&numbers, p.size()[0] as usize);
        let none = ChannelMoments::none(self.extents.channels);
        let mut found = vec![none.clone(); pieces.len()];
        let items = pieces.into_iter().zip(&mut found).map(|(x, moments)| MomentsPart { x, moments });
        on_threads(items);
        Ok(found.iter().fold(none, ChannelMoments::join))
    }
}

#[cfg(test)]
#[path = "normalized_activation_tests.rs"]
mod tests;
