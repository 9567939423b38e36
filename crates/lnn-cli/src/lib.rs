//! Everything behind `lnn-cli`: data sets, the trainer, its observers and the commands.
//!
//! Data flows one way: data set → batch → model → trainer → events → observers, and snapshot → checkpoint → eval,
//! predict, inspect. The trainer never prints; the mathematics is in `lnn-core` and `lnn-models`.

// The terminal belongs to this crate.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
pub mod bench;
pub mod commands;
pub mod config;
pub mod data;
pub mod device;
pub mod failure;
pub mod interrupt;
mod kernel_status;
#[cfg(target_os = "linux")]
mod memory_limit;
pub mod observers;
pub mod precision;
mod presets;
pub mod run_folder;
pub mod settings;
pub mod training;
pub mod writable;
