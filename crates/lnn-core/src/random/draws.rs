//! Tensors of random numbers, drawn by the generator of the calling thread.
//!
//! They have the names, the arguments and the numbers of libtorch's functions. Functions whose names do not begin with `f_` panic if
//! libtorch throws, as those of tch do: if an extent is negative, the dtype has no such numbers, or there is no memory.

use super::seeds::{current_share, with_generator};
use super::share::Share;
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

/// The numbers of the `batch` samples of this process, along dimension `axis` of what `draw(samples)` draws for a number of samples.
///
/// Where several processes share a batch, each draws the numbers of the whole batch and takes those of its samples, therefore the samples
/// see the same numbers whatever the number of processes.
///
/// # Errors
/// Those of `draw`.
pub fn of_share<E: From<Error>>(
    batch: i64,
    axis: i64,
    draw: impl FnOnce(i64) -> Result<Tensor, E>,
) -> Result<Tensor, E> {
    match current_share().filter(|share| share.count == batch && share.total > batch) {
        Some(Share { first, count, total }) => {
            Ok(draw(total)?.f_narrow(axis, first, count).map_err(Error::from)?)
        }
        None => draw(batch),
    }
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
    use crate::random::{dropout, seeded, seeded_share};

    #[test]
    fn what_cannot_be_drawn_is_an_error_or_a_panic_with_the_reason() {
        let error = f_randn([-1], (Kind::Float, Device::Cpu)).unwrap_err().to_string();
        assert!(error.contains("-1"), "{error}");
        assert!(f_rand([2], (Kind::Int64, Device::Cpu)).is_err());
        let panic = std::panic::catch_unwind(|| randint(0, [2], (Kind::Int64, Device::Cpu))).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().starts_with("random numbers: libtorch"));
    }

    #[test]
    fn shares_of_a_batch_have_the_numbers_of_the_whole() {
        let options = (Kind::Double, Device::Cpu);
        let draw = |samples: i64| -> [Tensor; 3] {
            let by_column = of_share(samples, 1, |samples| Ok::<_, Error>(rand([5, samples], options)));
            let rows = dropout(&Tensor::ones([samples, 7], options), 0.5, true, 0).unwrap();
            let steps = dropout(&Tensor::ones([3, samples, 7], options), 0.5, true, 1).unwrap();
            [by_column.unwrap(), rows, steps]
        };
        let whole = seeded(3, || draw(10));
        let parts = [(0, 4), (4, 3), (7, 3)]
            .map(|(first, count)| seeded_share(3, Share { first, count, total: 10 }, || draw(count)));
        for (i, axis) in [1, 0, 1].into_iter().enumerate() {
            let joined = Tensor::cat(&parts.each_ref().map(|part| &part[i]), axis);
            assert_eq!(joined, whole[i]);
        }
    }
}
