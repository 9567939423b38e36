//! Mixed precision: within a call, convolutions and matrix products compute in a shorter dtype, all other operations as before.
//!
//! libtorch casts the operands of these operations. The state belongs to the calling thread. The backward pass uses the dtypes of the
//! forward pass and must itself run outside of the call.

use crate::error::Error;
use crate::ffi;
use std::ffi::c_int;
use tch::{Device, Kind};

/// Runs `work` with products on `device` computed in `kind`, and restores the former state, even if `work` panics.
///
/// Casts of weights are reused until the outermost call ends, so weights must not change within it. libtorch stores the casts for all
/// threads together: where two threads use autocast at the same time, the end of one drops the casts of the other, which are then
/// computed again.
///
/// # Errors
/// [`Error::Argument`] if `kind` is neither `BFloat16` nor `Half`, or `device` neither a CPU nor CUDA; [`Error::Torch`] if
/// libtorch throws. Then `work` did not run.
pub fn autocast<T>(device: Device, kind: Kind, work: impl FnOnce() -> T) -> Result<T, Error> {
    let dtype = match kind {
        Kind::Half => 5,
        Kind::BFloat16 => 15,
        other => {
            return Err(Error::Argument(format!("autocast: expected BFloat16 or Half, found {other:?}")));
        }
    };
    let Some(cuda) = on_cuda(device) else {
        return Err(Error::Argument(format!("autocast: expected a CPU or CUDA, found {device:?}")));
    };
    let _guard = Guard::begin(cuda, Some(dtype))?;
    Ok(work())
}

/// Runs `work` without autocast on `device`, and restores the former state, even if `work` panics. Outside of [`autocast`] it only
/// reads a flag.
///
/// # Errors
/// [`Error::Torch`] if libtorch throws; then `work` did not run.
pub fn without_autocast<T>(device: Device, work: impl FnOnce() -> T) -> Result<T, Error> {
    let _guard = match on_cuda(device) {
        Some(cuda) if enabled(cuda)? => Some(Guard::begin(cuda, None)?),
        // Autocast is never on for devices that `autocast` refuses.
        _ => None,
    };
    Ok(work())
}

/// Whether the calling thread is within [`autocast`] on `device`.
pub fn autocast_enabled(device: Device) -> bool {
    // Reading a flag of the thread does not throw.
    on_cuda(device).is_some_and(|cuda| enabled(cuda).unwrap_or(false))
}

fn on_cuda(device: Device) -> Option<bool> {
    match device {
        Device::Cpu => Some(false),
        Device::Cuda(_) => Some(true),
        _ => None,
    }
}

fn enabled(cuda: bool) -> Result<bool, Error> {
    let mut enabled = false;
    // SAFETY: the pointer is to a live bool, which is written before a success is reported.
    ffi::check(unsafe { ffi::lnn_autocast_enabled(cuda, &raw mut enabled) })?;
    Ok(enabled)
}

/// The former state, which is restored when this is dropped. It stays within one call, and therefore on its thread.
struct Guard {
    cuda: bool,
    was_enabled: bool,
    was_dtype: c_int,
}

impl Guard {
    /// Turns autocast on with `dtype`, or off with none.
    fn begin(cuda: bool, dtype: Option<c_int>) -> Result<Self, Error> {
        let mut guard = Self { cuda, was_enabled: false, was_dtype: 0 };
        // SAFETY: both pointers are to live values, which are written before a success is reported; the dtype is one of the two
        // above, or is not read.
        let message = unsafe {
            ffi::lnn_autocast_begin(
                cuda,
                dtype.is_some(),
                dtype.unwrap_or_default(),
                &raw mut guard.was_enabled,
                &raw mut guard.was_dtype,
            )
        };
        match ffi::check(message) {
            Ok(()) => Ok(guard),
            Err(error) => {
                // Nothing has begun, so there is nothing to end.
                std::mem::forget(guard);
                Err(error)
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: the arguments are plain values, as `begin` returned them.
        let ended = unsafe { ffi::lnn_autocast_end(self.cuda, self.was_enabled, self.was_dtype) };
        // A drop has no result, and setting two flags of the thread does not throw.
        let _ = ffi::check(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    const CPU: Device = Device::Cpu;

    /// The dtype of a product of float32 matrices.
    fn product() -> Kind {
        let x = Tensor::ones([2, 2], (Kind::Float, CPU));
        x.matmul(&x).kind()
    }

    #[test]
    fn products_have_the_shorter_dtype_within_a_call_and_sums_do_not() {
        let [x, y] = [1.0, 2.0].map(|value| Tensor::full([2, 2], value, (Kind::Float, CPU)));
        let sum = autocast(CPU, Kind::BFloat16, || {
            assert_eq!((product(), autocast_enabled(CPU)), (Kind::BFloat16, true));
            (x + y).kind()
        });
        assert_eq!((sum.unwrap(), product()), (Kind::Float, Kind::Float));
        assert!(!autocast_enabled(CPU));
    }

    #[test]
    fn calls_nest_and_each_restores_the_former_state() {
        autocast(CPU, Kind::BFloat16, || {
            let inner = without_autocast(CPU, || {
                assert_eq!(product(), Kind::Float);
                autocast(CPU, Kind::Half, product).unwrap()
            });
            assert_eq!((inner.unwrap(), product()), (Kind::Half, Kind::BFloat16));
        })
        .unwrap();
        assert_eq!(without_autocast(CPU, product).unwrap(), Kind::Float);
    }

    #[test]
    fn a_panic_within_restores_the_state() {
        let panic = std::panic::catch_unwind(|| autocast(CPU, Kind::BFloat16, || panic!("on purpose")));
        assert!(panic.is_err());
        assert_eq!(product(), Kind::Float);
    }

    #[test]
    fn casts_of_weights_end_with_the_outermost_call() {
        let weight = Tensor::ones([2, 2], (Kind::Float, CPU)).set_requires_grad(true);
        let x = Tensor::ones([1, 2], (Kind::Float, CPU));
        let read = || x.matmul(&weight).sum(Kind::Float).double_value(&[]);
        let double = || tch::no_grad(|| weight.shallow_clone().g_mul_scalar_(2.0));
        let seen = autocast(CPU, Kind::BFloat16, || {
            let before = without_autocast(CPU, || autocast(CPU, Kind::BFloat16, read).unwrap()).unwrap();
            let _ = double();
            // The end of an inner call keeps the cast, so the change has no effect here, as `autocast` says.
            (before, read())
        });
        assert_eq!((seen.unwrap(), autocast(CPU, Kind::BFloat16, read).unwrap()), ((4.0, 4.0), 8.0));
    }

    #[test]
    fn gradients_have_the_dtype_of_the_weights() {
        let weight = Tensor::full([2, 3], 0.1, (Kind::Float, CPU)).set_requires_grad(true);
        let x = Tensor::ones([4, 2], (Kind::Float, CPU));
        let y = autocast(CPU, Kind::BFloat16, || x.matmul(&weight)).unwrap();
        y.to_kind(Kind::Float).sum(Kind::Float).backward();
        assert_eq!(weight.grad(), Tensor::full([2, 3], 4.0, (Kind::Float, CPU)));
    }

    #[test]
    fn other_dtypes_and_devices_are_refused() {
        let refused = |device, kind| autocast(device, kind, || panic!("it ran")).unwrap_err().to_string();
        assert!(refused(CPU, Kind::Double).contains("expected BFloat16 or Half, found Double"));
        assert!(refused(Device::Mps, Kind::Half).contains("expected a CPU or CUDA, found Mps"));
    }
}
