//! Where the elements of a tensor are, and whether they have been changed since.

use super::element::Element;
use crate::error::Error;
use crate::ffi;
use crate::handles::Layout;
use std::ffi::c_void;
use tch::Tensor;

/// The layout of a tensor of dtype `T` on the CPU.
///
/// # Errors
/// [`Error::Argument`] if it is undefined, not memory on the CPU, or of another dtype.
pub(super) fn layout<T: Element>(tensor: &Tensor) -> Result<Layout, Error> {
    let mut layout = Layout::NONE;
    // SAFETY: the tensor is alive, and the layout is written once before the call returns.
    ffi::check(unsafe { ffi::lnn_layout(tensor.as_ptr(), &raw mut layout) })?;
    // tch lists the dtypes in the order of libtorch's numbers.
    if layout.plain && layout.dtype == T::KIND as i32 {
        return Ok(layout);
    }
    if !tensor.defined() {
        return Err(Error::Argument("expected a tensor, found an undefined one".into()));
    }
    let (expected, found, device) = (T::KIND, tensor.kind(), tensor.device());
    Err(Error::Argument(format!(
        "expected a dense tensor of {expected:?} on the CPU, found {found:?} on {device:?}"
    )))
}

/// Panics when it is dropped if libtorch has changed or moved the elements of a tensor meanwhile.
#[derive(Debug)]
pub(super) struct Unchanged<'a> {
    tensor: &'a Tensor,
    data: *const c_void,
    version: u32,
}

impl<'a> Unchanged<'a> {
    pub(super) fn since(layout: &Layout, tensor: &'a Tensor) -> Self {
        Self { tensor, data: layout.data, version: layout.version }
    }
}

impl Drop for Unchanged<'_> {
    fn drop(&mut self) {
        // SAFETY: the tensor is alive; the pointer is compared and not read.
        let unchanged = unsafe { ffi::lnn_is_unchanged(self.tensor.as_ptr(), self.data, self.version) };
        assert!(
            unchanged || std::thread::panicking(),
            "a tensor {:?} was changed while its elements were borrowed",
            self.tensor.size()
        );
    }
}
