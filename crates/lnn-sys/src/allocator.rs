//! What the C library does with freed memory.

use crate::ffi;

/// Makes the process keep freed memory, instead of returning blocks above 128 KiB to the system at once; `false` if the
/// C library has no such setting.
///
/// A training step frees and takes the same large tensors over and over. By default each is mapped anew, and the
/// kernel clears its pages one fault at a time, which can take longer than the arithmetic. The peak stays the same, only
/// it is not given back between steps. Call it once, before the first tensor.
pub fn keep_freed_memory() -> bool {
    const LARGEST: std::ffi::c_int = 1 << 30;
    // SAFETY: mallopt takes plain numbers and may be called at any time.
    unsafe { ffi::lnn_keep_freed_memory(LARGEST) }
}
