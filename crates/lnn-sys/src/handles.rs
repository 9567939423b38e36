//! The types of the C++ interface: handles, of which only the C++ knows the contents, and structures that both sides read.

use std::ffi::c_void;

/// `LnnGraph` in the C++: a CUDA graph.
#[repr(C)]
pub(crate) struct RawGraph {
    _opaque: [u8; 0],
}

/// `LnnStore` in the C++: a table of keys that processes share.
#[repr(C)]
pub(crate) struct RawStore {
    _opaque: [u8; 0],
}

/// `LnnGroup` in the C++: a group of processes.
#[repr(C)]
pub(crate) struct RawGroup {
    _opaque: [u8; 0],
}

/// `std::vector<at::Tensor>`.
#[repr(C)]
pub(crate) struct RawTensors {
    _opaque: [u8; 0],
}

/// `std::string`.
#[repr(C)]
pub(crate) struct RawText {
    _opaque: [u8; 0],
}

/// `torch::jit::Module`.
#[repr(C)]
pub(crate) struct RawModule {
    _opaque: [u8; 0],
}

/// `at::Generator`.
#[repr(C)]
pub(crate) struct RawGenerator {
    _opaque: [u8; 0],
}

/// `LnnPasses` in the C++: a function with a backward pass of its own.
#[repr(C)]
pub(crate) struct Passes {
    pub(crate) forward: unsafe extern "C" fn(
        *const c_void,
        *const RawTensors,
        *const bool,
        *mut RawTensors,
        *mut RawTensors,
        *mut RawText,
    ) -> bool,
    pub(crate) backward: unsafe extern "C" fn(
        *const c_void,
        *const RawTensors,
        *const RawTensors,
        *const bool,
        usize,
        *mut RawTensors,
        *mut RawText,
    ) -> bool,
    pub(crate) drop: unsafe extern "C" fn(*mut c_void),
}

/// `LnnLayout` in the C++: where the elements of a tensor are.
#[repr(C)]
pub(crate) struct Layout {
    /// The first element.
    pub(crate) data: *const c_void,
    /// Number of elements from there to the end of the storage.
    pub(crate) available: usize,
    /// Number of elements of the tensor.
    pub(crate) count: usize,
    /// Of a tensor of three dimensions, else zeros.
    pub(crate) sizes: [i64; 3],
    /// In elements; as for `sizes`.
    pub(crate) strides: [i64; 3],
    /// Number of in-place operations so far.
    pub(crate) version: u32,
    /// A number of `at::ScalarType`.
    pub(crate) dtype: i32,
    /// Whether the tensor is memory on the CPU; if not, nothing else is filled in.
    pub(crate) plain: bool,
    pub(crate) contiguous: bool,
}

impl Layout {
    /// That of no tensor, to be filled in.
    pub(crate) const NONE: Self = Self {
        data: std::ptr::null(),
        available: 0,
        count: 0,
        sizes: [0; 3],
        strides: [0; 3],
        version: 0,
        dtype: 0,
        plain: false,
        contiguous: false,
    };
}
