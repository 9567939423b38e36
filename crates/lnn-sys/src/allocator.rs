//! The treatment of freed memory by the C library.

use crate::ffi;

/// Makes the process keep freed memory instead of returning blocks above 128 KiB to the system at once. Returns `false` if the C
/// library has no such setting.
///
/// A training step allocates and frees the same large tensors again and again. By default each one is mapped anew, and the kernel
/// clears its pages one fault at a time, which can take longer than the arithmetic. The peak of the memory stays the same, but it is
/// not returned between steps. Call the function once, before the first tensor.
pub fn keep_freed_memory() -> bool {
    const LARGEST: std::ffi::c_int = 1 << 30;
    // SAFETY: `mallopt` takes plain numbers and may be called at any time.
    unsafe { ffi::lnn_keep_freed_memory(LARGEST) }
}
