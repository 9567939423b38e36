//! Batch normalisation: Ioffe and Szegedy (2015).
//!
//! ```text
//! y = γ (x - μ) / √(σ² + ε) + β
//! ```
//! In training μ and σ² are those of the batch, or within [`sharing_batches`](super::sharing_batches) those of all processes, and running means of them are kept as buffers for evaluation.

use crate::error::Error;
use crate::layers::activation::Activation;
use crate::layers::batch_norm::normalized_activation::{Normalized, fits, normalize};
use crate::layers::batch_norm::synchronized::{self, shared_batch};
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use lnn_sys::ScriptAttribute;
use tch::{Tensor, no_grad};

/// Weight of a new batch in the running mean and variance.
const MOMENTUM: f64 = 0.1;
/// Added to the variance.
const EPSILON: f64 = 1e-5;

/// Normalises each channel.
#[derive(Debug)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_variance: Tensor,
}

impl BatchNorm {
    /// Normalises `channels` channels, with γ = 1 and β = 0 at first.
    ///
    /// # Errors
    /// Those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, channels: i64) -> Result<Self, Error> {
        Ok(Self {
            weight: scope.trainable("weight", &[channels], &Init::Constant(1.0))?,
            bias: scope.trainable("bias", &[channels], &Init::Constant(0.0))?,
            running_mean: scope.buffer("running_mean", &[channels], &Init::Constant(0.0))?,
            running_variance: scope.buffer("running_variance", &[channels], &Init::Constant(1.0))?,
        })
    }

    /// `x [B, channels, ..]` to the same shape. With `training` it uses the statistics of the batch and updates the
    /// running ones.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws, as it does for another number of channels.
    pub fn forward(&self, x: &Tensor, training: bool) -> Result<Tensor, Error> {
        if let Some(batch) = shared_batch().filter(|_| training) {
            let weights = [&self.weight, &self.bias];
            let (y, statistics) = synchronized::normalize(batch, x, weights, EPSILON)?;
            self.follow([statistics.get(0), statistics.get(1)])?;
            return Ok(y);
        }
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        let (mean, variance) = (Some(&self.running_mean), Some(&self.running_variance));
        Ok(x.f_batch_norm(weight, bias, mean, variance, training, MOMENTUM, EPSILON, true)?)
    }

    /// [`forward`](Self::forward) of `x [B, channels, H, W]` followed by an activation, and with `pool` preceded by a max
    /// pooling of 2×2: `[B, channels, H, W]`, or half as high and wide.
    ///
    /// In training on the CPU, in f32, this is one operation in place of three.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws, as it does for other shapes.
    pub fn activated(
        &self,
        x: &Tensor,
        pool: bool,
        activation: Activation,
        training: bool,
    ) -> Result<Tensor, Error> {
        if training && shared_batch().is_none() && fits(x, &self.weight, pool) {
            let Normalized { y, mean, variance } =
                normalize(x, [&self.weight, &self.bias], EPSILON, pool, activation)?;
            self.follow([mean, variance])?;
            return Ok(y);
        }
        let pooled = if pool { x.f_max_pool2d(2, 2, 0, 1, false)? } else { x.shallow_clone() };
        Ok(activation.apply(&self.forward(&pooled, training)?))
    }

    /// Moves the running mean and variance towards those of a batch.
    fn follow(&self, [mean, variance]: [Tensor; 2]) -> Result<(), Error> {
        for (running, new) in [(&self.running_mean, mean), (&self.running_variance, variance)] {
            let _ = no_grad(|| running.shallow_clone().f_lerp_(&new, MOMENTUM))?;
        }
        Ok(())
    }

    /// The layer in TorchScript.
    pub fn script(&self) -> Script {
        Script::new("BatchNorm", SCRIPT)
            .attribute("momentum", ScriptAttribute::Float(MOMENTUM))
            .attribute("epsilon", ScriptAttribute::Float(EPSILON))
    }
}

/// The same in TorchScript; `training` is the module's own flag.
const SCRIPT: &str = "
def forward(self, x: Tensor) -> Tensor:
    return torch.batch_norm(
        x, self.weight, self.bias, self.running_mean, self.running_variance, self.training, self.momentum,
        self.epsilon, True)
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::store::Parameters;
    use crate::random::{randn, seeded};
    use tch::{Device, Kind};

    #[test]
    fn training_normalises_by_the_batch_and_evaluation_by_what_was_seen() {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let norm = BatchNorm::new(&mut parameters.root(), 3).unwrap();
        let x = seeded(1, || randn([64, 3, 8, 8], (Kind::Float, Device::Cpu))) * 4.0 + 2.0;
        for _ in 0..200 {
            let _ = norm.forward(&x, true).unwrap();
        }
        for training in [true, false] {
            let y = norm.forward(&x, training).unwrap();
            assert!(y.mean(Kind::Float).double_value(&[]).abs() < 1e-3);
            assert!((y.std(true).double_value(&[]) - 1.0).abs() < 1e-2);
        }
    }

    #[test]
    fn the_fused_form_gives_the_activation_and_the_running_statistics_of_the_plain_one() {
        let x = seeded(1, || randn([8, 3, 6, 6], (Kind::Float, Device::Cpu))) * 2.0 + 1.0;
        let layer = || {
            let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
            let norm = BatchNorm::new(&mut parameters.root(), 3).unwrap();
            (parameters, norm)
        };
        let ((fused, fused_norm), (plain, plain_norm)) = (layer(), layer());
        let y = fused_norm.activated(&x, true, Activation::Gelu, true).unwrap();
        let expected = plain_norm.forward(&x.max_pool2d(2, 2, 0, 1, false), true).unwrap().gelu("none");
        assert!(y.allclose(&expected, 1e-5, 1e-5, false));
        for ((name, fused), (_, plain)) in fused.snapshot().into_iter().zip(plain.snapshot()) {
            assert!(fused.allclose(&plain, 1e-5, 1e-6, false), "{name}");
        }
        let wrong = Tensor::zeros([8, 4, 6, 6], (Kind::Float, Device::Cpu));
        assert!(fused_norm.activated(&wrong, true, Activation::Gelu, true).is_err());
    }
}
