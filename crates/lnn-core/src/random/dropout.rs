//! Dropout, drawn by the generator of the calling thread.
//!
//! y = x n / (1 - p) with n = 1 with probability 1 - p, else 0, for each element. Source: Srivastava et al., "Dropout" (2014), in the
//! inverted form of all current libraries, which needs no factor in evaluation.

use super::draws::{drawn, of_share};
use super::seeds::seed_device;
use crate::error::Error;
use lnn_sys::Distribution;
use tch::{Device, Tensor};

/// `x`, whose samples lie along dimension `axis`, with elements set to zero with probability `p` and the others divided by 1 - p; in evaluation `x` itself. Numbers and
/// gradients are those of libtorch's `dropout`.
///
/// # Errors
/// [`Error::Torch`] if `p` is not in [0, 1], [`Error::Sys`] if libtorch throws while drawing.
pub fn dropout(x: &Tensor, p: f64, training: bool, axis: usize) -> Result<Tensor, Error> {
    if x.device() == Device::Cpu && training && p > 0.0 && p < 1.0 && x.numel() > 0 {
        let mut size = x.size();
        let kept = of_share(size[axis], axis as i64, |samples| {
            let tensor = if samples == size[axis] {
                x.f_empty_like()
            } else {
                size[axis] = samples;
                x.f_new_empty(&size, (x.kind(), x.device()))
            };
            drawn(tensor, Distribution::Bernoulli { probability: 1.0 - p })
        });
        let mut kept = kept?;
        return Ok(x.f_mul(&kept.f_div_scalar_(1.0 - p)?)?);
    }
    // Nothing is drawn, or libtorch's kernel for CUDA draws from the default generator of the device.
    seed_device(x.device())?;
    Ok(x.f_dropout(p, training)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded;
    use tch::Kind;

    #[test]
    fn a_part_of_the_elements_is_dropped_and_the_mean_stays() {
        let x = Tensor::ones([100_000], (Kind::Float, Device::Cpu));
        let dropped = seeded(0, || dropout(&x, 0.25, true, 0)).unwrap();
        let zeros = dropped.eq(0.0).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((zeros - 0.25).abs() < 0.01, "{zeros}");
        assert!((dropped.mean(Kind::Float).double_value(&[]) - 1.0).abs() < 0.01);
    }

    #[test]
    fn an_empty_batch_stays_empty_and_a_wrong_probability_is_an_error() {
        let empty = Tensor::zeros([0, 3], (Kind::Float, Device::Cpu));
        assert_eq!(dropout(&empty, 0.5, true, 0).unwrap().size(), [0, 3]);
        assert!(dropout(&empty, 1.5, true, 0).unwrap_err().to_string().contains("between 0 and 1"));
        let x = Tensor::zeros([3], (Kind::Float, Device::Cpu));
        assert!(dropout(&x, f64::NAN, true, 0).is_err());
    }
}
