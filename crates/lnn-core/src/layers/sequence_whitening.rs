//! A fixed linear map after which the features of a step are uncorrelated and have the same variance.
//!
//! ```text
//! C = E Λ Eᵀ      covariance of the steps of the training sequences, m their mean
//! y = E (Λ + ε)^(-1/2) Eᵀ (x - m)
//! ```
//! Rotating back by E keeps every feature in its place, so that a whitened patch still looks like the patch.
//!
//! Source: Bell and Sejnowski, "The independent components of natural scenes are edge filters" (1997), called ZCA there.

use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use tch::{Kind, Tensor};

/// Added to the variances, which are near 1 for standardised numbers: directions below a hundredth of that are noise.
const EPSILON: f64 = 1e-2;

/// The fixed map.
#[derive(Debug)]
pub struct SequenceWhitening {
    /// `[I, I]`, a buffer; symmetric.
    weight: Tensor,
    /// `[I]`, a buffer.
    mean: Tensor,
}

impl SequenceWhitening {
    /// A map of steps of `inputs` features, zero until it is [fitted](Self::fit).
    ///
    /// # Errors
    /// Those of [`Scope::buffer`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64) -> Result<Self, Error> {
        let zero = Init::Constant(0.0);
        Ok(Self {
            weight: scope.buffer("weight", &[inputs, inputs], &zero)?,
            mean: scope.buffer("mean", &[inputs], &zero)?,
        })
    }

    /// Computes the map from the mean and the covariance of sequences `[N, T, I]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws.
    pub fn fit(&self, sequences: &Tensor) -> Result<(), Error> {
        let inputs = self.mean.size()[0];
        let steps = sequences.f_reshape([-1, inputs])?;
        let mean = steps.f_mean_dim([0].as_slice(), false, Kind::Double)?;
        // Summed in parts: a copy of all steps in float64 would need twice the memory of the data.
        let mut covariance = Tensor::zeros([inputs, inputs], (Kind::Double, steps.device()));
        for part in steps.f_split(1 << 16, 0)? {
            let part = part.to_kind(Kind::Double) - &mean;
            covariance += part.tr().f_matmul(&part)?;
        }
        let (variances, directions) = (covariance / steps.size()[0] as f64).f_linalg_eigh("L")?;
        let weight = (&directions / (variances + EPSILON).sqrt()).f_matmul(&directions.tr())?;
        self.weight.shallow_clone().f_copy_(&weight)?;
        self.mean.shallow_clone().f_copy_(&mean)?;
        Ok(())
    }

    /// `x [.., I]` to `[.., I]`.
    ///
    /// # Panics
    /// If the last extent of `x` is not I, or its dtype or device is another than that of the map.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        (x - &self.mean).matmul(&self.weight)
    }

    /// The map in TorchScript.
    pub fn script(&self) -> Script {
        Script::new(
            "SequenceWhitening",
            "def forward(self, x: Tensor) -> Tensor:\n    return torch.matmul(x - self.mean, self.weight)\n",
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
    fn whitened_steps_have_mean_zero_and_are_uncorrelated_with_nearly_one_variance() {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let whitening = SequenceWhitening::new(&mut parameters.root(), 5).unwrap();
        let options = (Kind::Float, Device::Cpu);
        let (steps, mixing) = seeded(0, || (randn([300, 40, 5], options), randn([5, 5], options)));
        let steps = steps.matmul(&(mixing + Tensor::eye(5, options) * 3.0)) + 7.0;
        whitening.fit(&steps).unwrap();
        let y = whitening.forward(&steps).reshape([-1, 5]);
        assert!(y.mean_dim([0].as_slice(), false, Kind::Float).abs().max().double_value(&[]) < 1e-3);
        let covariance = y.tr().matmul(&y) / y.size()[0] as f64;
        let off = (covariance - Tensor::eye(5, options)).abs().max().double_value(&[]);
        assert!(off < 0.02, "{off}");
    }
}
