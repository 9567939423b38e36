//! Clipping of gradients by their global norm.
//!
//! ```text
//! g ← g min(1, limit / ‖g‖)      ‖g‖² = Σ over all parameters of Σ g²
//! ```
//! Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013).

use crate::error::Error;
use crate::parameters::store::Parameters;
use tch::{Kind, Tensor};

/// Scales the gradients of all trainable parameters so that their joint norm is at most `limit`, and returns the norm that they had, a
/// float64 scalar on their device. Nothing waits for the device. Where the norm is not finite the gradients stay as they are.
///
/// # Errors
/// [`Error::Torch`] if libtorch throws.
pub fn clip_global_norm(parameters: &Parameters, limit: f64) -> Result<Tensor, Error> {
    let gradients: Vec<Tensor> =
        parameters.trainable().iter().map(Tensor::grad).filter(Tensor::defined).collect();
    tch::no_grad(|| {
        let squares = gradients
            .iter()
            .map(|gradient| Ok(gradient.f_to_kind(Kind::Double)?.f_square()?.f_sum(Kind::Double)?));
        let squares = squares.collect::<Result<Vec<Tensor>, Error>>()?;
        let total = match squares.as_slice() {
            [] => Tensor::zeros([], (Kind::Double, parameters.device())),
            all => Tensor::f_stack(all, 0)?.f_sum(Kind::Double)?,
        };
        let norm = total.f_sqrt()?;
        let factor = norm.f_reciprocal()?.f_mul_scalar(limit)?.f_clamp_max(1.0)?;
        let factor =
            factor.f_nan_to_num(1.0, 1.0, 1.0)?.where_self(&norm.f_isfinite()?, &norm.f_ones_like()?);
        for mut gradient in gradients {
            let _ = gradient.f_mul_(&factor.f_to_kind(gradient.kind())?)?;
        }
        Ok(norm)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::init::Init;
    use tch::Device;

    #[test]
    fn the_joint_norm_becomes_the_limit_and_a_smaller_one_stays() {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let a = parameters.root().trainable("a", &[2], &Init::Constant(0.0)).unwrap();
        let b = parameters.root().trainable("b", &[1], &Init::Constant(0.0)).unwrap();
        let _ = parameters.root().trainable("without", &[1], &Init::Constant(0.0)).unwrap();
        let gradients = |scale: f64| {
            for (parameter, numbers) in [(&a, &[3.0f32, 0.0][..]), (&b, &[4.0][..])] {
                let mut parameter = parameter.shallow_clone();
                parameter.zero_grad();
                (&parameter * Tensor::from_slice(numbers) * scale).sum(Kind::Float).backward();
            }
        };
        let found =
            || [a.grad().double_value(&[0]), a.grad().double_value(&[1]), b.grad().double_value(&[0])];
        gradients(1.0);
        assert!((clip_global_norm(&parameters, 1.0).unwrap().double_value(&[]) - 5.0).abs() < 1e-6);
        for (found, expected) in found().into_iter().zip([0.6, 0.0, 0.8]) {
            assert!((found - expected).abs() < 1e-6);
        }
        gradients(0.1);
        let before = found().map(f64::to_bits);
        let _ = clip_global_norm(&parameters, 1.0).unwrap();
        assert_eq!(found().map(f64::to_bits), before);
        gradients(0.0);
        let _ = clip_global_norm(&parameters, 1.0).unwrap();
        assert_eq!(found().map(f64::to_bits), [0; 3]);
        gradients(f64::INFINITY);
        assert!(!clip_global_norm(&parameters, 1.0).unwrap().double_value(&[]).is_finite());
        assert!(found()[0].is_infinite());
    }
}
