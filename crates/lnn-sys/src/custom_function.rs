//! Functions with a backward pass of their own, in Rust, run by libtorch's autograd engine.
//!
//! [`apply`] runs the forward pass and, if a gradient will be asked for, leaves the function in the graph; the engine
//! calls its backward pass. Errors and panics of either pass come out as errors of the call that ran it.

use crate::{Error, ffi};
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use tch::Tensor;

/// What a pass may fail with.
pub type PassError = Box<dyn std::error::Error + Send + Sync>;

/// What a forward pass gives.
#[derive(Debug)]
pub struct Forward {
    /// The results. They must be new tensors, not inputs or views of them.
    pub outputs: Vec<Tensor>,
    /// What the backward pass wants to see again: inputs, outputs, or others. Anything else that is kept in the function
    /// itself must not be an input or an output, or the graph would own itself.
    pub saved: Vec<Tensor>,
}

/// A function of tensors with a backward pass of its own.
///
/// It is `Send`, since the engine has a thread for each device, but is never called by two threads at once.
pub trait CustomFunction: Send + 'static {
    /// Computes the outputs; nothing is tracked. `needs` says which inputs will be asked for a gradient; if none will, nothing
    /// need be saved.
    ///
    /// # Errors
    /// Whatever the function fails with.
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError>;

    /// Gives a gradient for each input, `None` where there is none or where `needs` does not ask for it. The gradients of the
    /// outputs are `None` where the result does not depend on them.
    ///
    /// # Errors
    /// Whatever the function fails with.
    fn backward(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError>;
}

/// Runs `function` on `inputs`, under the gradient mode of the calling thread.
///
/// # Errors
/// [`Error::Torch`] with the message of the forward pass if that fails or panics. What the backward pass fails with comes out
/// of the call of `f_backward`. A second derivative is refused there, too.
pub fn apply<F: CustomFunction>(function: F, inputs: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
    let passes = Passes { forward: forward::<F>, backward: backward::<F>, drop: drop_function::<F> };
    let list = TensorList::new();
    for input in inputs {
        list.push(Some(input));
    }
    let outputs = TensorList::new();
    let function = Box::into_raw(Box::new(function)).cast();
    // SAFETY: `function` is a boxed F, for which `passes` was made, and the C++ drops it once; both lists are alive.
    ffi::check(unsafe { ffi::lnn_custom_function(function, passes, list.0, outputs.0) })?;
    Ok(outputs.tensors())
}

/// Whether operations on the calling thread are recorded for a backward pass, as they are outside of `no_grad`.
pub fn gradients_are_collected() -> bool {
    // SAFETY: reads a flag of the calling thread.
    unsafe { ffi::lnn_gradients_are_collected() }
}

/// A list of tensors on the C++ side.
#[repr(C)]
pub(crate) struct RawTensors {
    _private: [u8; 0],
}

/// An error's text on the C++ side.
#[repr(C)]
pub(crate) struct RawText {
    _private: [u8; 0],
}

/// The C interface of a function, `LnnPasses` in the C++.
#[repr(C)]
pub(crate) struct Passes {
    forward: unsafe extern "C" fn(
        *const c_void,
        *const RawTensors,
        *const bool,
        *mut RawTensors,
        *mut RawTensors,
        *mut RawText,
    ) -> bool,
    backward: unsafe extern "C" fn(
        *const c_void,
        *const RawTensors,
        *const RawTensors,
        *const bool,
        usize,
        *mut RawTensors,
        *mut RawText,
    ) -> bool,
    drop: unsafe extern "C" fn(*mut c_void),
}

/// A list of tensors that this side owns.
struct TensorList(*mut RawTensors);

impl TensorList {
    fn new() -> Self {
        // SAFETY: makes an empty list, which this value owns.
        Self(unsafe { ffi::lnn_tensors_new() })
    }

    fn push(&self, tensor: Option<&Tensor>) {
        // SAFETY: the list is alive and owned here.
        unsafe { push(self.0, tensor) };
    }

    fn tensors(&self) -> Vec<Tensor> {
        // SAFETY: the list is alive.
        unsafe { tensors(self.0) }
    }
}

impl Drop for TensorList {
    fn drop(&mut self) {
        // SAFETY: made by `lnn_tensors_new`, freed once.
        unsafe { ffi::lnn_tensors_free(self.0) }
    }
}

/// Appends a tensor, or an undefined one.
///
/// # Safety
/// `list` is alive and nobody else uses it now.
unsafe fn push(list: *mut RawTensors, tensor: Option<&Tensor>) {
    let pointer = tensor.map_or(std::ptr::null(), Tensor::as_ptr);
    // SAFETY: the pointer is null or to a live tensor, of which the list takes a reference of its own.
    unsafe { ffi::lnn_tensors_push(list, pointer) }
}

/// The tensors of a list, sharing their memory; undefined ones stay undefined.
///
/// # Safety
/// `list` is alive.
unsafe fn tensors(list: *const RawTensors) -> Vec<Tensor> {
    // SAFETY: the index is below the count, and the pointer is to a live tensor, of which a reference is taken.
    unsafe {
        let get = |i| Tensor::clone_from_ptr(ffi::lnn_tensors_get(list, i).cast_mut());
        (0..ffi::lnn_tensors_count(list)).map(get).collect()
    }
}

/// Runs a pass; what it fails with, or its panic, goes to `error`.
///
/// # Safety
/// `error` is alive.
unsafe fn guarded(error: *mut RawText, pass: impl FnOnce() -> Result<(), PassError>) -> bool {
    let text = match catch_unwind(AssertUnwindSafe(pass)) {
        Ok(Ok(())) => return true,
        Ok(Err(failure)) => failure.to_string(),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panicked: {}", said.unwrap_or("without a message"))
        }
    };
    // SAFETY: the text is copied.
    unsafe { ffi::lnn_write_error(error, text.as_ptr().cast::<c_char>(), text.len()) };
    false
}

unsafe extern "C" fn forward<F: CustomFunction>(
    function: *const c_void,
    inputs: *const RawTensors,
    needs: *const bool,
    outputs: *mut RawTensors,
    saved: *mut RawTensors,
    error: *mut RawText,
) -> bool {
    // SAFETY: the C++ hands over the F that `apply` gave it, live lists, and a flag for each input.
    unsafe {
        guarded(error, || {
            let inputs = tensors(inputs);
            let needs = slice::from_raw_parts(needs, inputs.len());
            let result = (*function.cast::<F>()).forward(&inputs, needs)?;
            for (list, found) in [(outputs, result.outputs), (saved, result.saved)] {
                for tensor in found {
                    push(list, Some(&tensor));
                }
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn backward<F: CustomFunction>(
    function: *const c_void,
    saved: *const RawTensors,
    gradients: *const RawTensors,
    needs: *const bool,
    count: usize,
    results: *mut RawTensors,
    error: *mut RawText,
) -> bool {
    // SAFETY: as in `forward`; `needs` has `count` flags.
    unsafe {
        guarded(error, || {
            let gradients: Vec<_> =
                tensors(gradients).into_iter().map(|tensor| tensor.defined().then_some(tensor)).collect();
            let needs = slice::from_raw_parts(needs, count);
            let found = (*function.cast::<F>()).backward(&tensors(saved), &gradients, needs)?;
            for gradient in found {
                push(results, gradient.as_ref());
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn drop_function<F>(function: *mut c_void) {
    // A panic in a drop must not cross the border; there is nobody to tell.
    // SAFETY: a boxed F, dropped once.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(function.cast::<F>()) })));
}
