//! The parts of libtorch that `tch` lacks, behind safe Rust.
//!
//! This crate contains all `unsafe` code and all C++ of the workspace. It works on tensors and knows no model. Its functions check
//! what the C++ takes for granted, and each C++ entry converts exceptions to [`Error`]s.

mod allocator;
mod autocast;
mod collective;
mod cuda_graph;
mod custom_function;
mod denormals;
mod error;
mod ffi;
mod fused_adamw;
mod handles;
mod memory;
mod out_of_memory;
mod parallel;
mod random;
mod script;
mod version;

pub use allocator::keep_freed_memory;
pub use autocast::{autocast, autocast_enabled, without_autocast};
pub use collective::{GroupDevice, Place, ProcessGroup, Store, StoreAddress};
pub use cuda_graph::CudaGraph;
pub use custom_function::{CustomFunction, Forward, PassError, apply, gradients_are_collected};
pub use denormals::flush_denormals;
pub use error::Error;
pub use fused_adamw::{AdamWStep, fused_adamw};
pub use memory::{Element, Numbers, RowNumbers, Rows, Stamp, numbers, numbers_mut, row_numbers};
pub use out_of_memory::{Remembering, exit_when_memory_runs_out};
pub use parallel::{parallel_each, shares, threads};
pub use random::{Distribution, Generator, fill, seed_cuda};
pub use script::{ScriptAttribute, ScriptModule, ScriptTensor};
pub use version::torch_version;
