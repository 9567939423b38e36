//! Batch normalisation: Ioffe and Szegedy (2015).
//!
//! ```text
//! y = γ (x - μ) / √(σ² + ε) + β
//! ```
//! In training μ and σ² are those of the batch, and running means of them are kept as buffers for evaluation.

use crate::{Error, Init, Scope, Script};
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// Share of a new batch in the running mean and variance.
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
    /// Normalises `channels` channels, with γ = 1 and β = 0 to begin with.
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

    /// `x [B, channels, ..]` to the same shape. `training` takes the statistics of the batch and updates the
    /// running ones.
    pub fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        let (mean, variance) = (Some(&self.running_mean), Some(&self.running_variance));
        x.batch_norm(weight, bias, mean, variance, training, MOMENTUM, EPSILON, true)
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
    use crate::Parameters;
    use tch::{Device, Kind};

    #[test]
    fn training_normalises_by_the_batch_and_evaluation_by_what_was_seen() {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let norm = BatchNorm::new(&mut parameters.root(), 3).unwrap();
        let x = Tensor::randn([64, 3, 8, 8], (Kind::Float, Device::Cpu)) * 4.0 + 2.0;
        for _ in 0..200 {
            let _ = norm.forward(&x, true);
        }
        for training in [true, false] {
            let y = norm.forward(&x, training);
            assert!(y.mean(Kind::Float).double_value(&[]).abs() < 1e-3);
            assert!((y.std(true).double_value(&[]) - 1.0).abs() < 1e-2);
        }
    }
}
