//! The version of libtorch.

use crate::ffi;
use std::ffi::CStr;

/// The release of torch that this program is built with, as `2.11.0`.
pub fn torch_version() -> String {
    // SAFETY: the pointer is to a string literal.
    unsafe { CStr::from_ptr(ffi::lnn_torch_version()) }.to_string_lossy().into_owned()
}
