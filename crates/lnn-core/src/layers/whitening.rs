//! A fixed convolution that whitens small patches of images.
//!
//! ```text
//! C = E Λ Eᵀ      covariance of the k×k patches of the training images
//! V = (Λ + ε)^(-1/2) Eᵀ,      y = [V x; -V x]
//! ```
//! Each output channel has the same variance, and with the two signs a rectifier behind it loses no information.
//!
//! Source: Coates, Ng and Lee (2011) on whitened patches as first features; as the frozen first layer of a fast CIFAR-10
//! network by Page, "How to train your ResNet" (2019), and Jordan (2024).

use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use tch::{Kind, Tensor};

/// Added to the variances, so that directions with little variance are not amplified.
const EPSILON: f64 = 5e-4;

/// The fixed convolution.
#[derive(Debug)]
pub struct Whitening {
    /// `[2·C·k², C, k, k]`, a buffer.
    weight: Tensor,
}

impl Whitening {
    /// A convolution that whitens `kernel`×`kernel` patches of `channels` channels, zero until it is [fitted](Self::fit).
    ///
    /// # Errors
    /// [`Error::Value`] if a size is below 1; those of [`Scope::buffer`].
    pub fn new(scope: &mut Scope<'_>, channels: i64, kernel: i64) -> Result<Self, Error> {
        Error::refuse_empty(&[("channels", channels), ("kernel", kernel)])?;
        let outputs = 2 * channels * kernel * kernel;
        let weight = scope.buffer("weight", &[outputs, channels, kernel, kernel], &Init::Constant(0.0))?;
        Ok(Self { weight })
    }

    /// Number of output channels.
    pub fn outputs(&self) -> i64 {
        self.weight.size()[0]
    }

    /// Computes the kernels from the covariance of standardised images `[N, C, H, W]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws.
    pub fn fit(&self, images: &Tensor) -> Result<(), Error> {
        let [outputs, channels, kernel, _] = self.weight.size()[..] else { unreachable!("four extents") };
        let patches = images.to_kind(Kind::Double).f_unfold(2, kernel, 1)?.f_unfold(3, kernel, 1)?;
        let patches = patches.permute([0, 2, 3, 1, 4, 5]).f_reshape([-1, channels * kernel * kernel])?;
        let covariance = patches.tr().f_matmul(&patches)? / patches.size()[0] as f64;
        let (variances, directions) = covariance.f_linalg_eigh("L")?;
        let whitening = (directions / (variances + EPSILON).sqrt()).tr();
        let both = Tensor::f_cat(&[&whitening, &-&whitening], 0)?.view([outputs, channels, kernel, kernel]);
        self.weight.shallow_clone().f_copy_(&both)?;
        Ok(())
    }

    /// `x [B, C, H, W]` to `[B, 2·C·k², H - k + 1, W - k + 1]`.
    ///
    /// # Panics
    /// If the shape, dtype or device of `x` does not fit the layer.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.conv2d::<Tensor>(&self.weight, None, 1, 0, 1, 1)
    }

    /// The layer in TorchScript.
    pub fn script(&self) -> Script {
        Script::new(
            "Whitening",
            "def forward(self, x: Tensor) -> Tensor:\n    return torch.conv2d(x, self.weight)\n",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::store::Parameters;
    use crate::random::{randn, seeded};
    use tch::Device;

    #[test]
    fn whitened_patches_are_uncorrelated_with_variance_one() {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let whitening = Whitening::new(&mut parameters.root(), 3, 2).unwrap();
        let images = seeded(0, || randn([200, 3, 9, 9], (Kind::Float, Device::Cpu)));
        // Correlated neighbours and channels.
        let images = &images + images.roll([1], [3]) * 0.8 + images.roll([1], [1]) * 0.5;
        whitening.fit(&images).unwrap();
        let y = whitening.forward(&images);
        assert_eq!(y.size(), [200, 24, 8, 8]);
        let half = y.narrow(1, 0, 12).permute([1, 0, 2, 3]).flatten(1, -1);
        let covariance = half.matmul(&half.tr()) / half.size()[1] as f64;
        let off = (covariance - Tensor::eye(12, (Kind::Float, Device::Cpu))).abs().max().double_value(&[]);
        assert!(off < 0.02, "{off}");
        assert_eq!(y.narrow(1, 12, 12), -y.narrow(1, 0, 12));
    }
}
