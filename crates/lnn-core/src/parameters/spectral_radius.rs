//! The spectral radius ρ(W) = max |λᵢ| over the eigenvalues λᵢ of W, and scaling to it.
//!
//! ρ determines how long a reservoir remembers: perturbations of the linearised state decay by (1 - a) + a·ρ per step.
//! Source: Jaeger, "The echo state approach to analysing and training recurrent neural networks" (2001).

use crate::error::Error;
use tch::{Kind, Tensor};

/// The largest modulus of an eigenvalue of `w [H, H]`. Eigenvalues are complex in general.
///
/// # Errors
/// [`Error::Shape`] if `w` is not square, [`Error::Torch`] if LAPACK does not converge (as for non-finite entries).
pub fn spectral_radius(w: &Tensor) -> Result<f64, Error> {
    let size = w.size();
    if size.len() != 2 || size[0] != size[1] || size[0] == 0 {
        return Err(Error::Shape {
            what: "a recurrent matrix".into(),
            expected: "[H, H]".into(),
            found: size,
        });
    }
    let eigenvalues = w.detach().to_kind(Kind::Double).f_linalg_eigvals()?;
    Ok(eigenvalues.f_abs()?.f_max()?.f_double_value(&[])?)
}

/// Scales `w [H, H]` to the spectral radius `radius`.
///
/// # Errors
/// As [`spectral_radius`]; [`Error::Value`] if `radius` is negative or not finite, or if all eigenvalues of `w` are 0.
pub fn scale_to_radius(w: &Tensor, radius: f64) -> Result<Tensor, Error> {
    if !(radius.is_finite() && radius >= 0.0) {
        let found = radius.to_string();
        return Err(Error::Value {
            name: "spectral_radius",
            expected: "a finite number of at least 0",
            found,
        });
    }
    let found = spectral_radius(w)?;
    if found < f64::MIN_POSITIVE {
        let (name, expected) = ("the spectral radius before scaling", "above 0");
        return Err(Error::Value { name, expected, found: found.to_string() });
    }
    Ok(w * (radius / found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{randn, seeded};
    use proptest::prelude::*;
    use tch::Device;

    #[test]
    fn a_rotation_has_complex_eigenvalues_of_modulus_one() {
        let rotation = Tensor::from_slice(&[0.0, -1.0, 1.0, 0.0]).view([2, 2]);
        assert!((spectral_radius(&rotation).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_scaled_is_an_error() {
        let zeros = Tensor::zeros([3, 3], (Kind::Double, Device::Cpu));
        assert!(scale_to_radius(&zeros, 1.0).unwrap_err().to_string().contains("above 0"));
        assert!(scale_to_radius(&Tensor::eye(3, (Kind::Double, Device::Cpu)), -1.0).is_err());
        assert!(scale_to_radius(&Tensor::eye(3, (Kind::Double, Device::Cpu)), f64::NAN).is_err());
        assert!(spectral_radius(&Tensor::zeros([3, 2], (Kind::Double, Device::Cpu))).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn scaling_reaches_the_radius_whatever_the_matrix(
            extent in 1_i64..20, radius in 0.01_f64..3.0, seed in 0_u64..1000,
        ) {
            let drawn = seeded(seed, || randn([extent, extent], (Kind::Double, Device::Cpu)));
            let scaled = scale_to_radius(&drawn, radius).unwrap();
            prop_assert!((spectral_radius(&scaled).unwrap() / radius - 1.0).abs() < 1e-9);
        }
    }
}
