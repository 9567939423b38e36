//! Modules as the bytes of a `.pt` file, and the contents of a module that was read.

use super::module::ScriptModule;
use super::names::{c_string, identifier};
use crate::error::Error;
use crate::ffi;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;
use tch::Tensor;
use torch_sys::C_tensor;

/// A tensor of a module.
#[derive(Debug)]
pub struct ScriptTensor {
    /// Its name: those of the submodules and its own, joined by dots.
    pub name: String,
    /// The tensor, which shares its memory with the module.
    pub tensor: Tensor,
    /// Whether it is a parameter; otherwise it is a buffer.
    pub parameter: bool,
}

impl ScriptModule {
    /// The bytes of a `.pt` file with one extra file, `extra = (name, content)`.
    ///
    /// # Errors
    /// [`Error::Torch`] if the module cannot be written.
    pub fn save(&self, extra: (&str, &str)) -> Result<Vec<u8>, Error> {
        let name = c_string("name of the extra file", extra.0)?;
        let (mut bytes, mut length) = (null_mut(), 0);
        // SAFETY: `self` is alive, the name is NUL-terminated, the content has the length that is passed with it, and
        // both places are written before a success is reported.
        ffi::check(unsafe {
            ffi::lnn_script_save(
                self.handle.as_ptr(),
                name.as_ptr(),
                extra.1.as_ptr().cast(),
                extra.1.len(),
                &raw mut bytes,
                &raw mut length,
            )
        })?;
        // SAFETY: after a success the two describe a buffer that the caller owns.
        Ok(unsafe { take_bytes(bytes, length) }.unwrap_or_default())
    }

    /// Reads a module onto the CPU from the bytes of a `.pt` file, and the extra file `extra_name` if it exists and is not empty. The
    /// code of the module is compiled but not run.
    ///
    /// # Errors
    /// [`Error::Torch`] if the bytes are not a complete TorchScript archive.
    pub fn load(bytes: &[u8], extra_name: &str) -> Result<(Self, Option<Vec<u8>>), Error> {
        let name = c_string("name of the extra file", extra_name)?;
        let (mut handle, mut extra, mut length) = (null_mut(), null_mut(), 0);
        // SAFETY: the bytes have the length that is passed with them and outlive the call, the name is
        // NUL-terminated, and all three places are written before a success is reported.
        ffi::check(unsafe {
            ffi::lnn_script_load(
                bytes.as_ptr().cast(),
                bytes.len(),
                name.as_ptr(),
                &raw mut handle,
                &raw mut extra,
                &raw mut length,
            )
        })?;
        // SAFETY: after a success the two describe a buffer that the caller owns, or the pointer is null.
        let extra = unsafe { take_bytes(extra, length) };
        Ok((Self::own(handle)?, extra))
    }

    /// All tensors of the module and its submodules: first the parameters, then the buffers.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws.
    pub fn tensors(&self) -> Result<Vec<ScriptTensor>, Error> {
        let mut found: Vec<ScriptTensor> = Vec::new();
        // SAFETY: `self` is alive; the context is a live list that only `visit_tensor` touches, during this call.
        ffi::check(unsafe {
            ffi::lnn_script_tensors(self.handle.as_ptr(), (&raw mut found).cast(), visit_tensor)
        })?;
        Ok(found)
    }

    /// The attribute `name`, if the module has one and it is a text.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is no identifier.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let name = identifier(name)?;
        let (mut text, mut length) = (null_mut(), 0);
        // SAFETY: `self` is alive, the name is NUL-terminated, both places are written before a success is reported.
        ffi::check(unsafe {
            ffi::lnn_script_text(self.handle.as_ptr(), name.as_ptr(), &raw mut text, &raw mut length)
        })?;
        // SAFETY: after a success the two describe a buffer that the caller owns, or the pointer is null.
        let text = unsafe { take_bytes(text, length) };
        Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Appends one tensor to a list. The C++ calls it with the list as context.
extern "C" fn visit_tensor(
    context: *mut c_void,
    name: *const c_char,
    tensor: *mut C_tensor,
    parameter: bool,
) {
    // SAFETY: the context is the list of `tensors`, the name a NUL-terminated string that lives during the call, and
    // the tensor a new reference that this side owns.
    let (found, name, tensor) = unsafe {
        (&mut *context.cast::<Vec<ScriptTensor>>(), CStr::from_ptr(name), Tensor::from_ptr(tensor))
    };
    found.push(ScriptTensor { name: name.to_string_lossy().into_owned(), tensor, parameter });
}

/// Copies a buffer of the C++ and frees it; none for a null pointer.
///
/// # Safety
/// `bytes` is null, or a buffer of `length` bytes that the C++ has allocated and nobody else frees.
unsafe fn take_bytes(bytes: *mut c_char, length: usize) -> Option<Vec<u8>> {
    if bytes.is_null() {
        return None;
    }
    // SAFETY: as the contract says; the buffer is freed once, after the copy.
    unsafe {
        let copy = std::slice::from_raw_parts(bytes.cast::<u8>(), length).to_vec();
        ffi::lnn_free_bytes(bytes);
        Some(copy)
    }
}
