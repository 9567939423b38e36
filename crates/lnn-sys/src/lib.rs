//! The parts of libtorch that `tch` lacks, behind safe Rust.
//!
//! All `unsafe` of the workspace and all of its C++ live in this crate. It knows tensors, but no model: the safe
//! functions check what the C++ takes for granted, and each C++ entry turns exceptions into [`Error`]s.

mod allocator;
mod autocast;
mod cuda_graph;
mod custom_function;
mod denormals;
mod error;
mod ffi;
mod fused_adamw;
mod memory;
mod parallel;
mod script_module;

pub use allocator::keep_freed_memory;
pub use autocast::{autocast, autocast_enabled, without_autocast};
pub use cuda_graph::CudaGraph;
pub use custom_function::{CustomFunction, Forward, PassError, apply, gradients_are_collected};
pub use denormals::flush_denormals;
pub use error::Error;
pub use fused_adamw::{AdamWStep, fused_adamw};
pub use memory::{Element, Rows, numbers, numbers_mut};
pub use parallel::{parallel_each, shares, threads};
pub use script_module::{ScriptAttribute, ScriptModule, ScriptTensor, torch_version};
