//! What follows a convolution, as one operation: perhaps a pooling, then batch normalisation and an activation.
//!
//! ```text
//! p = largest of 2×2 in x      z = γ (p - μ) / √(σ² + ε) + β      y = f(z)
//! ```
//! With δ = dL/dz over n pixels, and p̂ = (p - μ) / √(σ² + ε):
//!
//! ```text
//! dL/dβ = Σ δ      dL/dγ = Σ δ p̂      dL/dp = γ / √(σ² + ε) (δ - dL/dβ / n - p̂ dL/dγ / n)
//! ```
//! libtorch's operations go through memory once or more each and keep an intermediate each; this keeps p alone.

use crate::channel_moments::{ChannelMoments, MomentsPart};
use crate::image_parts::{channels_behind, on_threads, pieces, pieces_mut};
use crate::normalized_passes::{ActivatePart, CentrePart, Function, Gelu, Normal, Rectifier, SlopePart};
use crate::pooling_passes::{Extents, PoolPart, UnpoolPart};
use crate::{Activation, Error};
use lnn_sys::{CustomFunction, Forward, PassError, apply, autocast_enabled, numbers};
use std::marker::PhantomData;
use tch::{Device, Kind, Tensor};

/// Whether [`normalize`] takes `x [B, C, H, W]` with γ `[C]`.
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

/// What [`normalize`] gives.
pub(crate) struct Normalized {
    /// `[B, C, H, W]`, or half as high and wide; channels last in memory.
    pub(crate) y: Tensor,
    /// `[C]`, of the batch.
    pub(crate) mean: Tensor,
    /// `[C]`, of the batch, without bias: over n - 1.
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

/// The operation. Its inputs are x, γ and β; it gives y, and the mean and variance of the batch as `[2, C]`.
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
        let channels = self.extents.channels as i64;
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
        let of_channels = Normal {
            mean: &numbers(&normal)?[..self.extents.channels],
            scale: numbers(&scale)?,
            bias: numbers(&bias)?,
        };
        let items = pieces(&p)?.into_iter().zip(pieces_mut(&mut y)?);
        let items =
            items.map(|(pooled, y)| ActivatePart { function: self.function, normal: of_channels, pooled, y });
        on_threads(items);
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
        let of_channels =
            Normal { mean: &numbers(normal)?[..channels], scale: numbers(&scale)?, bias: numbers(bias)? };
        let mut of_p = Tensor::f_empty(p.size(), (Kind::Float, Device::Cpu))?;
        let parts = pieces_mut(&mut of_p)?;
        let mut sums = vec![vec![0.0_f64; 2 * channels]; parts.len()];
        let of_parts = pieces(p)?.into_iter().zip(pieces(&of_y)?).zip(parts).zip(&mut sums);
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
            let items = pieces(p)?.into_iter().zip(pieces_mut(&mut of_p)?);
            on_threads(items.map(|(pooled, gradient)| CentrePart {
                mean,
                scale,
                by_distance,
                constant,
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
    /// The largest of each window of `x [B, H, W, C]`, and which they are.
    fn pooled(&self, x: &Tensor) -> Result<(Tensor, Tensor), PassError> {
        let Extents { height, width, channels } = self.extents.pooled();
        let shape = [x.size()[0], height as i64, width as i64, channels as i64];
        let mut pooled = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
        let mut places = Tensor::f_empty(shape, (Kind::Uint8, Device::Cpu))?;
        let items = pieces(x)?.into_iter().zip(pieces_mut(&mut pooled)?).zip(pieces_mut(&mut places)?);
        let items = items.map(|((x, pooled), places)| PoolPart { extents: self.extents, x, pooled, places });
        on_threads(items);
        Ok((pooled, places))
    }

    /// The gradient `[B, H, W, C]` of x from that of the largest.
    fn unpooled(&self, of_p: &Tensor, places: &Tensor) -> Result<Tensor, PassError> {
        let Extents { height, width, channels } = self.extents;
        let shape = [of_p.size()[0], height as i64, width as i64, channels as i64];
        let mut of_x = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
        let items = pieces(of_p)?.into_iter().zip(pieces(places)?).zip(pieces_mut(&mut of_x)?);
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
        let pieces = pieces(p)?;
        let none = ChannelMoments::none(self.extents.channels);
        let mut found = vec![none.clone(); pieces.len()];
        let items = pieces.into_iter().zip(&mut found).map(|(x, moments)| MomentsPart { x, moments });
        on_threads(items);
        Ok(found.iter().fold(none, ChannelMoments::join))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y and the gradients of x, γ and β for a loss that weighs each number of y.
    fn run(leaves: [&Tensor; 3], forward: impl Fn([&Tensor; 3]) -> Tensor) -> Vec<Tensor> {
        let leaves = leaves.map(|leaf| leaf.detach().copy().set_requires_grad(true));
        let y = forward([&leaves[0], &leaves[1], &leaves[2]]);
        let slope = Tensor::arange(y.numel() as i64, (Kind::Double, Device::Cpu)).cos().view_as(&y);
        (&y * slope.to_kind(y.kind())).sum(y.kind()).backward();
        [y.detach()].into_iter().chain(leaves.iter().map(Tensor::grad)).collect()
    }

    fn leaves([batch, channels, height, width]: [i64; 4], mean: f64) -> [Tensor; 3] {
        tch::manual_seed(5);
        let options = (Kind::Float, Device::Cpu);
        let x = Tensor::randn([batch, height, width, channels], options).permute([0, 3, 1, 2]);
        let weight = Tensor::rand([channels], options) + 0.5;
        [
            x * (Tensor::rand([channels, 1, 1], options) * 2.0 + 0.5) + mean,
            weight,
            Tensor::randn([channels], options),
        ]
    }

    fn plain([x, weight, bias]: [&Tensor; 3], pool: bool, activation: Activation) -> Tensor {
        let x = if pool { x.max_pool2d(2, 2, 0, 1, false) } else { x.shallow_clone() };
        let none = None::<&Tensor>;
        activation.apply(&x.batch_norm(Some(weight), Some(bias), none, none, true, 0.1, 1e-5, false))
    }

    #[test]
    fn values_and_gradients_are_those_of_the_three_operations() {
        for shape in [[1, 1, 2, 3], [2, 3, 4, 4], [5, 8, 7, 9], [3, 33, 5, 6], [9, 64, 15, 15]] {
            for (pool, activation) in [
                (false, Activation::Rectifier),
                (true, Activation::Rectifier),
                (false, Activation::Gelu),
                (true, Activation::Gelu),
            ] {
                let leaves = leaves(shape, 0.3);
                let leaves = [&leaves[0], &leaves[1], &leaves[2]];
                if !fits(leaves[0], leaves[1], pool) {
                    continue;
                }
                let fast = run(leaves, |[x, weight, bias]| {
                    normalize(x, [weight, bias], 1e-5, pool, activation).unwrap().y
                });
                let exact = leaves.map(|leaf| leaf.to_kind(Kind::Double));
                let exact = run([&exact[0], &exact[1], &exact[2]], |leaves| plain(leaves, pool, activation));
                for (i, (fast, exact)) in fast.iter().zip(&exact).enumerate() {
                    assert_eq!(fast.size(), exact.size());
                    let worst = (fast - exact).abs().max().double_value(&[]);
                    let scale = exact.abs().max().double_value(&[]);
                    assert!(worst < 1e-5 * scale.max(1.0), "{shape:?} {pool} {activation:?}, {i}: {worst:e}");
                }
            }
        }
    }

    #[test]
    fn statistics_are_exact_far_from_zero() {
        let [x, weight, bias] = leaves([7, 5, 12, 11], 1000.0);
        let found = normalize(&x, [&weight, &bias], 1e-5, false, Activation::Rectifier).unwrap();
        let exact = x.to_kind(Kind::Double).transpose(0, 1).flatten(1, -1);
        let off = |found: &Tensor, exact: &Tensor| ((found - exact) / exact).abs().max().double_value(&[]);
        assert!(off(&found.mean, &exact.mean_dim(1, false, Kind::Double)) < 1e-7);
        assert!(off(&found.variance, &exact.var_dim(1, true, false)) < 1e-5);
    }

    #[test]
    fn the_first_of_equals_gets_the_gradient_and_what_is_not_a_number_stays_so() {
        let equal = [
            Tensor::ones([2, 4, 5, 5], (Kind::Float, Device::Cpu)),
            Tensor::ones([4], (Kind::Float, Device::Cpu)),
        ];
        let leaves = [&equal[0], &equal[1], &equal[1]];
        let fast = run(leaves, |[x, w, b]| normalize(x, [w, b], 1e-5, true, Activation::Gelu).unwrap().y);
        let slow = run(leaves, |leaves| plain(leaves, true, Activation::Gelu));
        assert!(fast.iter().zip(&slow).all(|(fast, slow)| fast.allclose(slow, 1e-5, 1e-4, false)));
        let broken = &equal[0] * f64::NAN;
        for activation in [Activation::Gelu, Activation::Rectifier] {
            let y = normalize(&broken, [&equal[1], &equal[1]], 1e-5, true, activation).unwrap().y;
            assert!(bool::try_from(y.isnan().all()).unwrap());
        }
    }

    #[test]
    fn what_has_no_variance_or_another_dtype_goes_libtorchs_way() {
        let fits = |shape: &[i64], kind, pool| {
            let zeros = |shape: &[i64]| Tensor::zeros(shape, (kind, Device::Cpu));
            fits(&zeros(shape), &zeros(&[3]), pool)
        };
        assert!(fits(&[2, 3, 1, 1], Kind::Float, false));
        assert!(!fits(&[2, 3, 1, 1], Kind::Float, true));
        assert!(!fits(&[1, 3, 1, 1], Kind::Float, false));
        assert!(!fits(&[2, 3, 4, 4], Kind::Double, false));
        assert!(!fits(&[2, 4, 4, 4], Kind::Float, false));
        assert!(!fits(&[2, 3, 4], Kind::Float, false));
    }
}
