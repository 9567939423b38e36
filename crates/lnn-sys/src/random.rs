//! Random numbers of libtorch from a generator that the caller owns.
//!
//! libtorch's own functions draw from the default generator, which all threads of the process share. A [`Generator`] with the same
//! seed draws the same numbers, and belongs to its owner alone.

use crate::error::Error;
use crate::ffi;
use crate::handles::RawGenerator;
use std::ptr::{NonNull, null, null_mut};
use tch::Tensor;

/// A random number generator for tensors on the CPU: the Mersenne Twister of libtorch's default CPU generator.
#[derive(Debug)]
pub struct Generator {
    handle: NonNull<RawGenerator>,
}

impl Generator {
    /// A generator in the state in which `tch::manual_seed(seed)` leaves the default one.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws.
    pub fn new(seed: u64) -> Result<Self, Error> {
        let mut handle = null_mut();
        // SAFETY: the pointer is to a live handle, which is written before a success is reported.
        ffi::check(unsafe { ffi::lnn_generator_new(seed, &raw mut handle) })?;
        let handle = NonNull::new(handle).ok_or_else(|| Error::Torch("no generator was returned".into()))?;
        Ok(Self { handle })
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // SAFETY: the handle belongs to this value alone and is freed here, once.
        unsafe { ffi::lnn_generator_free(self.handle.as_ptr()) }
    }
}

/// The distribution of the elements of a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// Normal with mean 0 and standard deviation 1; the tensor is of a floating-point dtype.
    Normal,
    /// Uniform in [0, 1); the tensor is of a floating-point dtype.
    Uniform,
    /// Integers in `0..below`, each with the same probability.
    Integers {
        /// The bound, at least 1.
        below: i64,
    },
    /// 1 with `probability`, else 0.
    Bernoulli {
        /// The probability of 1, in [0, 1].
        probability: f64,
    },
    /// A random order of `0..n`, where the tensor has the shape `[n]`.
    Permutation,
}

/// Replaces the elements of `tensor` by numbers drawn from `generator`, or from the default generator of its device without one.
///
/// The numbers are those of `randn`, `rand`, `randint`, `bernoulli_` and `randperm` in libtorch.
///
/// # Errors
/// [`Error::Torch`] if the distribution does not fit the tensor's dtype or shape, the generator does not fit its device, or the
/// tensor requires a gradient.
pub fn fill(
    tensor: &mut Tensor,
    distribution: Distribution,
    generator: Option<&mut Generator>,
) -> Result<(), Error> {
    let generator = generator.map_or(null(), |generator| generator.handle.as_ptr().cast_const());
    let tensor = tensor.as_mut_ptr();
    // SAFETY: the tensor is alive and borrowed exclusively; the generator is null or alive and borrowed exclusively. The C++ checks
    // dtype, device and shape and reports what does not fit.
    ffi::check(unsafe {
        match distribution {
            Distribution::Normal => ffi::lnn_fill_normal(tensor, generator),
            Distribution::Uniform => ffi::lnn_fill_uniform(tensor, generator),
            Distribution::Integers { below } => ffi::lnn_fill_integers(tensor, below, generator),
            Distribution::Bernoulli { probability } => {
                ffi::lnn_fill_bernoulli(tensor, probability, generator)
            }
            Distribution::Permutation => ffi::lnn_fill_permutation(tensor, generator),
        }
    })
}

/// Seeds the default generator of CUDA device `index`, as `tch::manual_seed` does, and no other generator.
///
/// # Errors
/// [`Error::Torch`] if there is no such device.
pub fn seed_cuda(index: usize, seed: u64) -> Result<(), Error> {
    let device = i8::try_from(index)
        .map_err(|_| Error::Argument(format!("expected the index of a CUDA device, found {index}")))?;
    // SAFETY: takes plain numbers; the C++ reports a device that does not exist.
    ffi::check(unsafe { ffi::lnn_seed_cuda(device.into(), seed) })
}
