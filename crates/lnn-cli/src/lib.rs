//! Everything behind `lnn-cli`: the commands, the terminal, exit codes and the measurement of speed.

// The terminal belongs to this crate.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod bench;
pub mod commands;
pub mod device;
pub mod failure;
pub mod interrupt;
mod kernel_status;
#[cfg(target_os = "linux")]
mod memory_limit;
pub mod names;
pub mod output;
