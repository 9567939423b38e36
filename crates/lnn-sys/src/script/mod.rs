//! TorchScript modules: built part by part, written to and read from the bytes of a `.pt` file.
//!
//! A trace would turn weights into constants and unroll time. A module that is built here has parameters, buffers, submodules, and
//! methods that are compiled from source, as a module that was written in Python.

mod archive;
mod module;
mod names;

pub use archive::ScriptTensor;
pub use module::{ScriptAttribute, ScriptModule};
