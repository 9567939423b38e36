//! The declarations of `cpp/lnn_sys.cpp`, and the one place where its messages become errors.

use crate::Error;
use std::ffi::{CStr, c_char, c_int};
use torch_sys::C_tensor;

unsafe extern "C" {
    fn lnn_free_message(text: *mut c_char);

    pub(crate) fn lnn_flush_denormals(enabled: bool, supported: *mut bool) -> *mut c_char;

    pub(crate) fn lnn_keep_freed_memory(bytes: c_int) -> bool;

    pub(crate) fn lnn_fused_adamw(
        parameters: *const *mut C_tensor,
        gradients: *const *mut C_tensor,
        first_moments: *const *mut C_tensor,
        second_moments: *const *mut C_tensor,
        count: usize,
        step: *mut C_tensor,
        learning_rate: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        epsilon: f64,
    ) -> *mut c_char;
}

/// Turns what a C++ entry returned into a `Result`, and frees the message.
pub(crate) fn check(message: *mut c_char) -> Result<(), Error> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a non-null pointer from our C++ is a NUL-terminated string on the C heap that is ours to free, once.
    let text = unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        lnn_free_message(message);
        text
    };
    Err(Error::Torch(text))
}
