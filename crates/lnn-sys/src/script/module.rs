//! The module and its parts.

use super::names::{c_string, identifier, identifiers};
use crate::error::Error;
use crate::ffi;
use crate::handles::RawModule;
use std::ptr::{NonNull, null_mut};
use tch::Tensor;

/// An attribute of a module that is not a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScriptAttribute {
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// A `float`.
    Float(f64),
}

/// A TorchScript module, or a submodule of one.
#[derive(Debug)]
pub struct ScriptModule {
    pub(super) handle: NonNull<RawModule>,
}

impl ScriptModule {
    /// A module of the class `class`, as `__torch__.lnn.Reservoir`, which has nothing but the flag `training`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `class` does not consist of identifiers joined by dots.
    pub fn new(class: &str) -> Result<Self, Error> {
        let class = identifiers("class name", class)?;
        let mut handle = null_mut();
        // SAFETY: the name is NUL-terminated, and the handle is written before a success is reported.
        ffi::check(unsafe { ffi::lnn_script_new(class.as_ptr(), &raw mut handle) })?;
        Self::own(handle)
    }

    /// Adds an empty submodule and returns it. Its methods must be defined before those that call them.
    ///
    /// # Errors
    /// [`Error::Argument`] if a name is no identifier, [`Error::Torch`] if `name` is already used.
    pub fn child(&mut self, name: &str, class: &str) -> Result<Self, Error> {
        let (name, class) = (identifier(name)?, identifiers("class name", class)?);
        let mut handle = null_mut();
        // SAFETY: `self` is alive, the names are NUL-terminated, the handle is written before a success is reported.
        ffi::check(unsafe {
            ffi::lnn_script_child(self.handle.as_ptr(), name.as_ptr(), class.as_ptr(), &raw mut handle)
        })?;
        Self::own(handle)
    }

    /// Adds a copy of `tensor` as a parameter, which `parameters()` of Python lists.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is no identifier, [`Error::Torch`] if it is already used or the dtype has no gradient.
    pub fn register_parameter(
        &mut self,
        name: &str,
        tensor: &Tensor,
        requires_grad: bool,
    ) -> Result<(), Error> {
        let copy = tensor.f_detach_copy().and_then(|copy| copy.f_set_requires_grad(requires_grad));
        self.register_tensor(name, &copy.map_err(|error| Error::Torch(error.to_string()))?, true)
    }

    /// Adds a copy of `tensor` as a buffer, which is saved and moved with the module but not trained.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is no identifier, [`Error::Torch`] if it is already used.
    pub fn register_buffer(&mut self, name: &str, tensor: &Tensor) -> Result<(), Error> {
        let copy = tensor.f_detach_copy().map_err(|error| Error::Torch(error.to_string()))?;
        self.register_tensor(name, &copy, false)
    }

    fn register_tensor(&mut self, name: &str, tensor: &Tensor, parameter: bool) -> Result<(), Error> {
        let name = identifier(name)?;
        // SAFETY: `self` and the tensor are alive, the name is NUL-terminated; the module takes a reference of its own.
        ffi::check(unsafe {
            ffi::lnn_script_register_tensor(self.handle.as_ptr(), name.as_ptr(), tensor.as_ptr(), parameter)
        })
    }

    /// Adds a Boolean or a number as an attribute.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is no identifier, [`Error::Torch`] if it is already used.
    pub fn register_attribute(&mut self, name: &str, value: ScriptAttribute) -> Result<(), Error> {
        let (module, name) = (self.handle.as_ptr(), identifier(name)?);
        // SAFETY: `self` is alive and the name is NUL-terminated; the values are plain numbers.
        ffi::check(unsafe {
            match value {
                ScriptAttribute::Bool(value) => ffi::lnn_script_register_bool(module, name.as_ptr(), value),
                ScriptAttribute::Int(value) => ffi::lnn_script_register_int(module, name.as_ptr(), value),
                ScriptAttribute::Float(value) => ffi::lnn_script_register_float(module, name.as_ptr(), value),
            }
        })
    }

    /// Adds a text as an attribute. Python keeps it when it saves the module again, unlike an extra file.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is no identifier, [`Error::Torch`] if it is already used.
    pub fn register_text(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let name = identifier(name)?;
        // SAFETY: `self` is alive, the name is NUL-terminated, and the text has the length that is passed with it.
        ffi::check(unsafe {
            ffi::lnn_script_register_text(
                self.handle.as_ptr(),
                name.as_ptr(),
                text.as_ptr().cast(),
                text.len(),
            )
        })
    }

    /// Compiles methods: `def`s with the first argument `self`, which can use the attributes and submodules that exist by then. After
    /// an error the module must not be used any more.
    ///
    /// # Errors
    /// [`Error::Argument`] if the source contains a NUL character, [`Error::Torch`] with the compiler's message.
    pub fn define(&mut self, source: &str) -> Result<(), Error> {
        let source = c_string("source", source)?;
        // SAFETY: `self` is alive and the source is NUL-terminated; the compiler's exceptions are caught.
        ffi::check(unsafe { ffi::lnn_script_define(self.handle.as_ptr(), source.as_ptr()) })
    }

    /// Takes ownership of a handle that the C++ has returned.
    pub(super) fn own(handle: *mut RawModule) -> Result<Self, Error> {
        let handle = NonNull::new(handle).ok_or_else(|| Error::Torch("no module was returned".into()))?;
        Ok(Self { handle })
    }
}

impl Drop for ScriptModule {
    fn drop(&mut self) {
        // SAFETY: the handle belongs to this value alone and is freed here, once; the module behind it is shared by reference count.
        unsafe { ffi::lnn_script_free(self.handle.as_ptr()) }
    }
}
