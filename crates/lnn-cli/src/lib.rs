//! The library of `lnn-cli`: the commands, terminal output, exit codes and benchmarks.

pub mod bench;
pub mod commands;
pub mod device;
pub mod failure;
pub mod interrupt;
mod launch;
#[cfg(target_os = "linux")]
mod memory_limit;
pub mod names;
pub mod output;
