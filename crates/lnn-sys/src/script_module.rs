//! TorchScript modules: built part by part, written to and read from the bytes of a `.pt` file.
//!
//! A trace would turn weights into constants and unroll time. A module built here has real parameters, buffers and
//! submodules, and methods that are compiled from source, as one that was written in Python.

use crate::{Error, ffi};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{NonNull, null_mut};
use tch::Tensor;
use torch_sys::C_tensor;

/// The release of torch that this program is built on, as `2.11.0`.
pub fn torch_version() -> String {
    // SAFETY: the pointer is to a string literal.
    unsafe { CStr::from_ptr(ffi::lnn_torch_version()) }.to_string_lossy().into_owned()
}

/// What libtorch knows as a `torch::jit::Module`.
#[repr(C)]
pub(crate) struct RawModule {
    _opaque: [u8; 0],
}

/// A number of a module that is no tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScriptAttribute {
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// A `float`.
    Float(f64),
}

/// A tensor of a module.
#[derive(Debug)]
pub struct ScriptTensor {
    /// Its name, the parts joined by dots.
    pub name: String,
    /// The tensor, sharing memory with the module.
    pub tensor: Tensor,
    /// Whether it is a parameter; else it is a buffer.
    pub parameter: bool,
}

/// A TorchScript module, or a part of one.
#[derive(Debug)]
pub struct ScriptModule {
    handle: NonNull<RawModule>,
}

impl ScriptModule {
    /// A module of the class `class`, written with dots as `__torch__.lnn.Reservoir`, that has only the flag `training`.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is none.
    pub fn new(class: &str) -> Result<Self, Error> {
        let class = identifiers("class name", class)?;
        let mut handle = null_mut();
        // SAFETY: the name is NUL-terminated, and the handle is written before a success is reported.
        ffi::check(unsafe { ffi::lnn_script_new(class.as_ptr(), &raw mut handle) })?;
        Self::own(handle)
    }

    /// Adds an empty submodule and gives it back to be filled. Its methods must be defined before those that call them.
    ///
    /// # Errors
    /// [`Error::Argument`] if a name is none, [`Error::Torch`] if it is taken.
    pub fn child(&mut self, name: &str, class: &str) -> Result<Self, Error> {
        let (name, class) = (identifier(name)?, identifiers("class name", class)?);
        let mut handle = null_mut();
        // SAFETY: `self` is alive, the names are NUL-terminated, the handle is written before a success is reported.
        ffi::check(unsafe {
            ffi::lnn_script_child(self.handle.as_ptr(), name.as_ptr(), class.as_ptr(), &raw mut handle)
        })?;
        Self::own(handle)
    }

    /// Adds a copy of `tensor` as a parameter, which Python's optimisers find.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is none, [`Error::Torch`] if it is taken or the dtype has no gradient.
    pub fn register_parameter(
        &mut self,
        name: &str,
        tensor: &Tensor,
        requires_grad: bool,
    ) -> Result<(), Error> {
        let copy = tensor.f_detach_copy().and_then(|copy| copy.f_set_requires_grad(requires_grad));
        self.register_tensor(name, &copy.map_err(|error| Error::Torch(error.to_string()))?, true)
    }

    /// Adds a copy of `tensor` as a buffer: saved and moved with the module, not trained.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is none, [`Error::Torch`] if it is taken.
    pub fn register_buffer(&mut self, name: &str, tensor: &Tensor) -> Result<(), Error> {
        let copy = tensor.f_detach_copy().map_err(|error| Error::Torch(error.to_string()))?;
        self.register_tensor(name, &copy, false)
    }

    fn register_tensor(&mut self, name: &str, tensor: &Tensor, parameter: bool) -> Result<(), Error> {
        let name = identifier(name)?;
        // SAFETY: `self` and the tensor are alive, the name is NUL-terminated; the module takes its own reference.
        ffi::check(unsafe {
            ffi::lnn_script_register_tensor(self.handle.as_ptr(), name.as_ptr(), tensor.as_ptr(), parameter)
        })
    }

    /// Adds a number that is no tensor.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is none, [`Error::Torch`] if it is taken.
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

    /// Adds a text, which unlike an extra file survives a module's being saved again.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is none, [`Error::Torch`] if it is taken.
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

    /// Compiles methods, `def`s with a first argument `self`. They see the attributes and submodules that are there.
    /// After an error the module is of no further use.
    ///
    /// # Errors
    /// [`Error::Argument`] if the source holds a NUL, [`Error::Torch`] with the compiler's message.
    pub fn define(&mut self, source: &str) -> Result<(), Error> {
        let source = c_string("source", source)?;
        // SAFETY: `self` is alive and the source is NUL-terminated; the compiler's exceptions are caught.
        ffi::check(unsafe { ffi::lnn_script_define(self.handle.as_ptr(), source.as_ptr()) })
    }

    /// The bytes of a `.pt` file, with one extra file, `extra = (name, content)`.
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
        // SAFETY: after a success the two describe a buffer that is ours.
        Ok(unsafe { take_bytes(bytes, length) }.unwrap_or_default())
    }

    /// Reads the bytes of a `.pt` file onto the CPU, and the extra file `extra_name` if it is there and not empty.
    /// The file's code is compiled, but not run.
    ///
    /// # Errors
    /// [`Error::Torch`] if the bytes are no whole TorchScript archive.
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
        // SAFETY: after a success the two describe a buffer that is ours, or the pointer is null.
        let extra = unsafe { take_bytes(extra, length) };
        Ok((Self::own(handle)?, extra))
    }

    /// All tensors of the module and its submodules: the parameters, then the buffers.
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

    /// The text attribute `name`, if the module has one.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is none.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let name = identifier(name)?;
        let (mut text, mut length) = (null_mut(), 0);
        // SAFETY: `self` is alive, the name is NUL-terminated, both places are written before a success is reported.
        ffi::check(unsafe {
            ffi::lnn_script_text(self.handle.as_ptr(), name.as_ptr(), &raw mut text, &raw mut length)
        })?;
        // SAFETY: after a success the two describe a buffer that is ours, or the pointer is null.
        let text = unsafe { take_bytes(text, length) };
        Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn own(handle: *mut RawModule) -> Result<Self, Error> {
        let handle = NonNull::new(handle).ok_or_else(|| Error::Torch("libtorch gave no module".into()))?;
        Ok(Self { handle })
    }
}

impl Drop for ScriptModule {
    fn drop(&mut self) {
        // SAFETY: the handle is ours alone and is freed here, once; parts of it are shared by reference counts.
        unsafe { ffi::lnn_script_free(self.handle.as_ptr()) }
    }
}

/// Takes note of one tensor. Called by the C++ with the list as context.
extern "C" fn visit_tensor(
    context: *mut c_void,
    name: *const c_char,
    tensor: *mut C_tensor,
    parameter: bool,
) {
    // SAFETY: the context is the list of `tensors`, the name a NUL-terminated string that lives during the call, and
    // the tensor a fresh reference that is ours.
    let (found, name, tensor) = unsafe {
        (&mut *context.cast::<Vec<ScriptTensor>>(), CStr::from_ptr(name), Tensor::from_ptr(tensor))
    };
    found.push(ScriptTensor { name: name.to_string_lossy().into_owned(), tensor, parameter });
}

/// Copies a buffer of the C++ and frees it; nothing if there is none.
///
/// # Safety
/// `bytes` is null, or a buffer of `length` bytes that the C++ handed over.
unsafe fn take_bytes(bytes: *mut c_char, length: usize) -> Option<Vec<u8>> {
    if bytes.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; the buffer is freed once, after the copy.
    unsafe {
        let copy = std::slice::from_raw_parts(bytes.cast::<u8>(), length).to_vec();
        ffi::lnn_free_bytes(bytes);
        Some(copy)
    }
}

/// One identifier of Python.
fn identifier(name: &str) -> Result<CString, Error> {
    let fits = |(i, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit());
    if name.is_empty() || !name.chars().enumerate().all(fits) {
        return Err(Error::Argument(format!(
            "expected a name of letters, digits and underscores, found `{name}`"
        )));
    }
    c_string("name", name)
}

/// Identifiers joined by dots.
fn identifiers(what: &str, path: &str) -> Result<CString, Error> {
    path.split('.').try_for_each(|part| identifier(part).map(drop))?;
    c_string(what, path)
}

fn c_string(what: &str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Argument(format!("the {what} must not hold a NUL character")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{CModule, Device, IValue, Kind};

    const LINE: &str = "
def forward(self, x: Tensor) -> Tensor:
    return x * self.weight * self.scale + self.offset
";
    const SUM: &str = "
def forward(self, x: Tensor, times: Optional[int] = None) -> Tensor:
    for _ in range(1 if times is None else times):
        x = self.line.forward(x)
    return x
";

    fn example() -> ScriptModule {
        let mut root = ScriptModule::new("__torch__.example.Sum").unwrap();
        let mut line = root.child("line", "__torch__.example.Line").unwrap();
        let value = |value: f64| Tensor::full([2], value, (Kind::Float, Device::Cpu));
        line.register_parameter("weight", &value(3.0), true).unwrap();
        line.register_buffer("offset", &value(1.0)).unwrap();
        line.register_attribute("scale", ScriptAttribute::Float(2.0)).unwrap();
        line.define(LINE).unwrap();
        root.register_text("about", "an example, größer").unwrap();
        root.define(SUM).unwrap();
        root
    }

    #[test]
    fn a_module_runs_after_it_was_saved_and_loaded_with_optional_arguments_and_loops() {
        let bytes = example().save(("about.json", "{}")).unwrap();
        let module = CModule::load_data(&mut bytes.as_slice()).unwrap();
        let x = Tensor::from_slice(&[1.0f32, 2.0]);
        let once = module.forward_ts(&[&x]).unwrap();
        assert_eq!(Vec::<f32>::try_from(&once).unwrap(), [7.0, 13.0]);
        let IValue::Tensor(twice) = module.forward_is(&[IValue::Tensor(x), IValue::Int(2)]).unwrap() else {
            panic!("expected a tensor")
        };
        assert_eq!(Vec::<f32>::try_from(&twice).unwrap(), [43.0, 79.0]);
    }

    #[test]
    fn tensors_come_back_under_their_names_with_their_roles_and_so_do_texts() {
        let bytes = example().save(("about.json", "{\"a\": 1}")).unwrap();
        let (module, extra) = ScriptModule::load(&bytes, "about.json").unwrap();
        assert_eq!(extra.as_deref(), Some(b"{\"a\": 1}".as_slice()));
        assert_eq!(ScriptModule::load(&bytes, "other.json").unwrap().1, None);
        assert_eq!(module.text("about").unwrap().as_deref(), Some("an example, größer"));
        assert_eq!(module.text("nothing").unwrap(), None);
        let tensors = module.tensors().unwrap();
        let roles: Vec<_> = tensors.iter().map(|t| (t.name.as_str(), t.parameter)).collect();
        assert_eq!(roles, [("line.weight", true), ("line.offset", false)]);
        assert!(tensors[0].tensor.requires_grad() && !tensors[1].tensor.requires_grad());
    }

    #[test]
    fn two_parts_may_have_the_same_class_name() {
        let mut root = ScriptModule::new("__torch__.example.Pair").unwrap();
        for name in ["first", "second"] {
            let mut part = root.child(name, "__torch__.example.Part").unwrap();
            part.register_buffer(name, &Tensor::from(1.0f32)).unwrap();
            part.define(&format!("def forward(self, x: Tensor) -> Tensor:\n    return x + self.{name}\n"))
                .unwrap();
        }
        root.define("def forward(self, x: Tensor) -> Tensor:\n    return self.first.forward(self.second.forward(x))\n")
            .unwrap();
        let module = CModule::load_data(&mut root.save(("x", "")).unwrap().as_slice()).unwrap();
        assert_eq!(module.forward_ts(&[Tensor::from(1.0f32)]).unwrap(), Tensor::from(3.0f32));
    }

    #[test]
    fn what_is_wrong_is_an_error_and_never_a_crash() {
        let text = |result: Result<(), Error>| result.unwrap_err().to_string();
        let mut root = example();
        let bytes = root.save(("x", "")).unwrap();
        for broken in [&b""[..], b"PK\x03\x04", &bytes[..bytes.len() / 2]] {
            assert!(matches!(ScriptModule::load(broken, "x"), Err(Error::Torch(_))));
        }
        assert!(text(root.register_buffer("a.b", &Tensor::from(1.0))).contains("`a.b`"));
        assert!(text(root.register_text("about", "again")).contains("`about` already"));
        assert!(text(root.define("def f(self):\n    return self.nothing\n")).contains("nothing"));
        assert!(text(root.define("def f(self)")).contains("libtorch"));
        assert!(text(root.define("\0")).contains("NUL"));
        assert!(text(root.register_parameter("n", &Tensor::from(1i64), true)).contains("floating point"));
        assert!(text(ScriptModule::new("").map(drop)).contains("found ``"));
        assert!(root.child("line", "Line").unwrap_err().to_string().contains("`line` already"));
    }
}
