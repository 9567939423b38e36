//! Denormal numbers: tiny floats, which x86 processors compute with in microcode, a hundred times slower than with others.

use crate::error::Error;
use crate::ffi;

/// Makes the calling thread and all threads of its pool round denormal numbers to zero, or with `enabled = false` keep them. Returns
/// `false` if the processor cannot.
///
/// Gradients through many time steps decay into denormals, with which every multiplication is slow. The setting belongs to a thread:
/// call the function on each thread that trains, before it starts, and not within [`parallel_each`](crate::parallel_each).
///
/// # Errors
/// [`Error::Torch`] if libtorch throws.
pub fn flush_denormals(enabled: bool) -> Result<bool, Error> {
    let mut supported = false;
    // SAFETY: the pointer is to a live bool, which is written before a success is reported.
    ffi::check(unsafe { ffi::lnn_flush_denormals(enabled, &raw mut supported) })?;
    Ok(supported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    /// How many of 2²⁰ denormal numbers, computed on all threads of the pool, are not rounded to zero.
    fn survivors() -> i64 {
        let smallest = Tensor::full([1 << 20], f64::from(f32::MIN_POSITIVE), (Kind::Float, tch::Device::Cpu));
        // Reading the bits as integers keeps the comparison itself from flushing them.
        (smallest * 0.5).view_dtype(Kind::Int).ne(0).sum(Kind::Int64).int64_value(&[])
    }

    #[test]
    fn denormals_are_flushed_on_every_thread_of_the_pool() {
        // On a thread of its own, since the setting must not reach other tests.
        std::thread::spawn(|| {
            assert_eq!(survivors(), 1 << 20, "a fresh thread keeps denormals");
            assert!(flush_denormals(true).unwrap());
            assert_eq!(survivors(), 0, "no thread keeps them after the call");
            flush_denormals(false).unwrap();
            assert_eq!(survivors(), 1 << 20);
        })
        .join()
        .unwrap();
    }
}
