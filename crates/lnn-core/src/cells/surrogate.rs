//! Spikes with a gradient: the step function in the forward pass, the slope of a smooth function in the backward pass.
//!
//! ```text
//! s = [u > 0]                ds/du := d(smooth)/du
//! ```
//! | surrogate | smooth | slope |
//! |---|---|---|
//! | fast sigmoid | u / (1 + k abs(u)) | 1 / (1 + k abs(u))² |
//! | arctan | arctan(k u) / k | 1 / (1 + k² u²) |
//! | straight through | u where abs(u) < 1 / (2k), else constant | 1 there, else 0 |
//!
//! All have the slope 1 at the threshold; k, the sharpness, is how fast it falls away from it.
//!
//! Source: Zenke and Ganguli, "SuperSpike" (2018); Fang et al., "Incorporating learnable membrane time constant" (2021);
//! Bengio, Léonard and Courville, "Estimating or propagating gradients through stochastic neurons" (2013).

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The smooth function whose slope a spike has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surrogate {
    /// u / (1 + k abs(u)).
    FastSigmoid,
    /// arctan(k u) / k.
    Arctan,
    /// The identity near the threshold.
    StraightThrough,
}

impl Surrogate {
    /// 1 where `u` is above 0 and 0 elsewhere, in the dtype of `u`, with the surrogate's gradient.
    pub fn spike(self, u: &Tensor, sharpness: f64) -> Tensor {
        let spikes = u.detach().gt(0.0).to_kind(u.kind());
        if !u.requires_grad() {
            return spikes;
        }
        let smooth = self.smooth(u, sharpness);
        // The difference is 0 and has the gradient of its first term.
        spikes + (&smooth - smooth.detach())
    }

    /// The smooth function itself.
    pub fn smooth(self, u: &Tensor, sharpness: f64) -> Tensor {
        match self {
            Self::FastSigmoid => u / (u.abs() * sharpness + 1.0),
            Self::Arctan => (u * sharpness).atan() / sharpness,
            Self::StraightThrough => u.clamp(-0.5 / sharpness, 0.5 / sharpness),
        }
    }

    /// [`spike`](Self::spike) in TorchScript, as a method of a part with the attribute `sharpness`.
    pub(crate) fn script(self) -> String {
        let smooth = match self {
            Self::FastSigmoid => "u / (torch.abs(u) * self.sharpness + 1.)",
            Self::Arctan => "torch.atan(u * self.sharpness) / self.sharpness",
            Self::StraightThrough => "torch.clamp(u, -0.5 / self.sharpness, 0.5 / self.sharpness)",
        };
        SCRIPT.replace("SMOOTH", smooth)
    }
}

/// `SMOOTH` stands for the smooth function.
const SCRIPT: &str = "
def spike(self, u: Tensor) -> Tensor:
    smooth = SMOOTH
    return (u > 0).to(u.dtype) + (smooth - smooth.detach())
";

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    const ALL: [Surrogate; 3] = [Surrogate::FastSigmoid, Surrogate::Arctan, Surrogate::StraightThrough];

    #[test]
    fn a_spike_is_strict_and_its_slope_is_the_written_one() {
        let u = [-2.0f64, -0.1, 0.0, 0.05, 1.5];
        for surrogate in ALL {
            let x = Tensor::from_slice(&u).set_requires_grad(true);
            let spikes = surrogate.spike(&x, 4.0);
            assert_eq!(Vec::<f64>::try_from(spikes.detach()).unwrap(), [0.0, 0.0, 0.0, 1.0, 1.0]);
            spikes.sum(Kind::Double).backward();
            let slope = |u: f64| match surrogate {
                Surrogate::FastSigmoid => (1.0 + 4.0 * u.abs()).powi(-2),
                Surrogate::Arctan => 1.0 / (1.0 + 16.0 * u * u),
                Surrogate::StraightThrough => f64::from(u.abs() < 0.125),
            };
            for (found, u) in Vec::<f64>::try_from(x.grad()).unwrap().into_iter().zip(u) {
                assert!((found - slope(u)).abs() < 1e-12, "{surrogate:?} at {u}: {found}");
            }
        }
    }

    #[test]
    fn without_gradients_spikes_cost_one_comparison_and_are_the_same() {
        let u = Tensor::linspace(-1.0, 1.0, 11, (Kind::Float, Device::Cpu));
        for surrogate in ALL {
            let plain = surrogate.spike(&u, 10.0);
            assert_eq!(plain, surrogate.spike(&u.copy().set_requires_grad(true), 10.0).detach());
        }
    }
}
