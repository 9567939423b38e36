//! Denormal numbers: tiny floats that x86 processes in microcode, a hundred times slower than others.

use crate::{Error, ffi};

/// Makes the calling thread and all threads of its pool round denormal numbers to zero; `false` if the processor
/// cannot.
///
/// Gradients through many time steps decay into denormals, and every multiplication then crawls. The setting
/// belongs to a thread: call it on each thread that trains, before the work.
///
/// # Errors
/// [`Error::Torch`] if libtorch throws.
pub fn flush_denormals(enabled: bool) -> Result<bool, Error> {
    let mut supported = false;
    // SAFETY: the pointer is to a live bool, which the C++ writes once before it returns.
    ffi::check(unsafe { ffi::lnn_flush_denormals(enabled, &raw mut supported) })?;
    Ok(supported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    /// Half the smallest normal number, made on every thread of the pool: the sum of its bits tells who flushed.
    fn survivors() -> i64 {
        let smallest = Tensor::full([1 << 20], f64::from(f32::MIN_POSITIVE), (Kind::Float, tch::Device::Cpu));
        // Reading the bits as integers keeps the comparison itself from flushing them.
        (smallest * 0.5).view_dtype(Kind::Int).ne(0).sum(Kind::Int64).int64_value(&[])
    }

    #[test]
    fn denormals_are_flushed_on_every_thread_of_the_pool() {
        // A thread of its own: the setting must not leak into other tests.
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
