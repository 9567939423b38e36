//! Tensors of random numbers, drawn by the generator of the calling thread.
//!
//! They have the names, the arguments and the numbers of libtorch's functions. Functions whose names do not begin with `f_` panic if
//! libtorch throws, as those of tch do: if an extent is negative, the dtype has no such numbers, or there is no memory.

use super::seeds::with_generator;
use crate::error::Error;
use lnn_sys::{Distribution, fill};
use tch::{Device, Kind, TchError, Tensor};

/// Normal numbers with mean 0 and standard deviation 1, of the given shape, dtype and device.
///
/// # Panics
/// If libtorch throws.
pub fn randn(shape: impl AsRef<[i64]>, options: (Kind, Device)) -> Tensor {
    or_panic(f_randn(shape, options))
}

/// As [`randn`], with libtorch's exception as an error.
///
/// # Errors
/// [`Error::Torch`] or [`Error::Sys`] if libtorch throws.
pub fn f_randn(shape: impl AsRef<[i64]>, options: (Kind, Device)) -> Result<Tensor, Error> {
    drawn(Tensor::f_empty(shape.as_ref(), options), Distribution::Normal)
}

/// Normal numbers with mean 0 and standard deviation 1, of the shape, dtype and device of `x`.
///
/// # Panics
/// If libtorch throws.
pub fn randn_like(x: &Tensor) -> Tensor {
    or_panic(drawn(x.f_empty_like(), Distribution::Normal))
}

/// Uniform numbers in [0, 1), of the given shape, dtype and device.
///
/// # Panics
/// If libtorch throws.
pub fn rand(shape: impl AsRef<[i64]>, options: (Kind, Device)) -> Tensor {
    or_panic(f_rand(shape, options))
}

/// As [`rand()`], with libtorch's exception as an error.
///
/// # Errors
/// [`Error::Torch`] or [`Error::Sys`] if libtorch throws.
pub fn f_rand(shape: impl AsRef<[i64]>, options: (Kind, Device)) -> Result<Tensor, Error> {
    drawn(Tensor::f_empty(shape.as_ref(), options), Distribution::Uniform)
}

/// Uniform numbers in [0, 1), of the shape, dtype and device of `x`.
///
/// # Panics
/// If libtorch throws.
pub fn rand_like(x: &Tensor) -> Tensor {
    or_panic(drawn(x.f_empty_like(), Distribution::Uniform))
}

/// Integers in `0..high`, each with the same probability, of the given shape, dtype and device.
///
/// # Panics
/// If `high` is below 1, or libtorch throws.
pub fn randint(high: i64, shape: impl AsRef<[i64]>, options: (Kind, Device)) -> Tensor {
    or_panic(drawn(Tensor::f_empty(shape.as_ref(), options), Distribution::Integers { below: high }))
}

/// A random order of `0..n`, `[n]`.
///
/// # Panics
/// If libtorch throws.
pub fn randperm(n: i64, options: (Kind, Device)) -> Tensor {
    or_panic(drawn(Tensor::f_empty([n], options), Distribution::Permutation))
}

/// The tensor, with numbers of `distribution`.
pub(super) fn drawn(tensor: Result<Tensor, TchError>, distribution: Distribution) -> Result<Tensor, Error> {
    let mut tensor = tensor?;
    with_generator(tensor.device(), |generator| fill(&mut tensor, distribution, generator))?;
    Ok(tensor)
}

fn or_panic(drawn: Result<Tensor, Error>) -> Tensor {
    drawn.unwrap_or_else(|error| panic!("random numbers: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_drawn_is_an_error_or_a_panic_with_the_reason() {
        let error = f_randn([-1], (Kind::Float, Device::Cpu)).unwrap_err().to_string();
        assert!(error.contains("-1"), "{error}");
        assert!(f_rand([2], (Kind::Int64, Device::Cpu)).is_err());
        let panic = std::panic::catch_unwind(|| randint(0, [2], (Kind::Int64, Device::Cpu))).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().starts_with("random numbers: libtorch"));
    }
}
