//! Functions with a backward pass in Rust, which libtorch's autograd engine calls.
//!
//! [`apply`] runs the forward pass and, if an input requires a gradient, adds the function to the graph, from which the engine calls
//! the backward pass. Errors and panics of a pass become errors of the call that ran it.

use crate::error::Error;
use crate::ffi;
use crate::handles::{Passes, RawTensors, RawText};
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use tch::Tensor;

/// The error of a pass.
pub type PassError = Box<dyn std::error::Error + Send + Sync>;

/// The results of a forward pass.
#[derive(Debug)]
pub struct Forward {
    /// The outputs. They must be new tensors, not inputs or views of inputs.
    pub outputs: Vec<Tensor>,
    /// The tensors that the backward pass receives: inputs, outputs or others. The function itself must not store inputs or outputs,
    /// since the graph would then own itself and never be freed.
    pub saved: Vec<Tensor>,
}

/// A function of tensors with a backward pass of its own.
///
/// It is `Send`, since the engine has a thread for each device. It need not be `Sync`: no two threads call it at the same time.
pub trait CustomFunction: Send + 'static {
    /// Computes the outputs, without a graph. `needs` is true for the inputs whose gradients will be needed; if all are false,
    /// nothing need be saved.
    ///
    /// # Errors
    /// Those of the function.
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError>;

    /// Returns one gradient per input, `None` where there is none or `needs` is false. The gradient of an output is `None` where the
    /// loss does not depend on it.
    ///
    /// # Errors
    /// Those of the function.
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
/// [`Error::Torch`] with the message of the forward pass if that fails or panics. `f_backward` returns the errors of the backward
/// pass, and an error where a second derivative is asked for.
pub fn apply<F: CustomFunction>(function: F, inputs: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
    let passes = Passes { forward: forward::<F>, backward: backward::<F>, drop: drop_function::<F> };
    let list = TensorList::new();
    for input in inputs {
        list.push(Some(input));
    }
    let outputs = TensorList::new();
    let function = Box::into_raw(Box::new(function)).cast();
    // SAFETY: `function` is a boxed F, to which `passes` casts it back, and the C++ drops it once; both lists are alive.
    ffi::check(unsafe { ffi::lnn_custom_function(function, passes, list.0, outputs.0) })?;
    Ok(outputs.tensors())
}

/// Whether operations on the calling thread are added to the graph of a backward pass, as they are outside of `no_grad`.
pub fn gradients_are_collected() -> bool {
    // SAFETY: reads a flag of the calling thread.
    unsafe { ffi::lnn_gradients_are_collected() }
}

/// A list of tensors that this side owns.
struct TensorList(*mut RawTensors);

impl TensorList {
    fn new() -> Self {
        // SAFETY: returns an empty list, which this value owns.
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
        // SAFETY: the list is from `lnn_tensors_new`, and is freed once.
        unsafe { ffi::lnn_tensors_free(self.0) }
    }
}

/// Appends a tensor, or an undefined one.
///
/// # Safety
/// `list` is alive and nothing else uses it at the same time.
unsafe fn push(list: *mut RawTensors, tensor: Option<&Tensor>) {
    let pointer = tensor.map_or(std::ptr::null(), Tensor::as_ptr);
    // SAFETY: the list is as the contract says; the pointer is null or to a live tensor, of which the list takes a reference.
    unsafe { ffi::lnn_tensors_push(list, pointer) }
}

/// New handles of the tensors of a list; undefined ones stay undefined.
///
/// # Safety
/// `list` is alive.
unsafe fn tensors(list: *const RawTensors) -> Vec<Tensor> {
    // SAFETY: the list is as the contract says; the index is below the count, and a reference is taken of the tensor.
    unsafe {
        let get = |i| Tensor::clone_from_ptr(ffi::lnn_tensors_get(list, i).cast_mut());
        (0..ffi::lnn_tensors_count(list)).map(get).collect()
    }
}

/// Runs a pass, and writes its error or panic to `error`; whether there was none.
///
/// # Safety
/// `error` is alive.
unsafe fn guarded(error: *mut RawText, pass: impl FnOnce() -> Result<(), PassError>) -> bool {
    let text = match catch_unwind(AssertUnwindSafe(pass)) {
        Ok(Ok(())) => return true,
        Ok(Err(failure)) => failure.to_string(),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panicked: {}", message.unwrap_or("without a message"))
        }
    };
    // SAFETY: `error` is alive, as the contract says; the C++ copies the text.
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
    // SAFETY: the C++ passes the F that it received from `apply`, live lists, and one flag per input.
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
    // SAFETY: as in `forward`; `needs` points to `count` flags.
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
    // A panic must not reach the C++, and a drop has no result to report it with.
    // SAFETY: the pointer is to the boxed F of `apply`, which is dropped once.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(function.cast::<F>()) })));
}
