//! The precision of a training step.

use lnn_sys::{Error, autocast};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

/// The precision of the forward and backward pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Everything in float32.
    #[default]
    F32,
    /// Convolutions and matrix products in bfloat16, recurrences and everything else in float32.
    Bf16,
    /// Everything in float64: weights, training, evaluation and export.
    F64,
}

impl Precision {
    /// All precisions, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F64];

    /// Returns its name in a configuration and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F64 => "f64",
        }
    }

    /// Returns a short description of the dtypes that it uses.
    pub fn help(self) -> &'static str {
        match self {
            Self::F32 => "everything in float32",
            Self::Bf16 => {
                "convolutions and matrix products of training steps in bfloat16, everything else in float32"
            }
            Self::F64 => "everything in float64",
        }
    }

    /// Returns the dtype of weights, losses, optimiser state and evaluations.
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 | Self::Bf16 => Kind::Float,
            Self::F64 => Kind::Double,
        }
    }

    /// Runs the forward pass of a step on `device`; the backward pass must run outside `forward`.
    ///
    /// # Errors
    /// Those of [`autocast`].
    pub fn forward<T>(self, device: Device, pass: impl FnOnce() -> T) -> Result<T, Error> {
        match self {
            Self::F32 | Self::F64 => Ok(pass()),
            Self::Bf16 => autocast(device, Kind::BFloat16, pass),
        }
    }

    /// Returns a warning if this precision is slow on `device`.
    pub fn notice(self, device: Device) -> Option<String> {
        let slow = self == Self::Bf16 && device == Device::Cpu && !processor_has_bf16();
        slow.then(|| {
            "--precision bf16: this CPU has no bfloat16 instructions, so f32 is likely faster".to_owned()
        })
    }
}

/// Whether the processor has instructions for bfloat16 matrix products; `false` where that is not known.
fn processor_has_bf16() -> bool {
    // Processors with AMX have these instructions, too.
    #[cfg(target_arch = "x86_64")]
    let found = std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(target_arch = "aarch64")]
    let found = std::arch::is_aarch64_feature_detected!("bf16");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found = false;
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    #[test]
    fn products_of_a_forward_pass_have_the_precision_and_those_after_it_do_not() {
        let x = Tensor::ones([2, 2], (Kind::Float, Device::Cpu));
        let kind = |precision: Precision| precision.forward(Device::Cpu, || x.matmul(&x).kind()).unwrap();
        assert_eq!((kind(Precision::F32), kind(Precision::Bf16)), (Kind::Float, Kind::BFloat16));
        assert_eq!(x.matmul(&x).kind(), Kind::Float);
    }

    #[test]
    fn a_notice_is_for_bfloat16_on_a_processor_without_it() {
        assert_eq!(Precision::F32.notice(Device::Cpu), None);
        assert_eq!(Precision::Bf16.notice(Device::Cuda(0)), None);
        assert_eq!(Precision::Bf16.notice(Device::Cpu).is_none(), processor_has_bf16());
    }
}
