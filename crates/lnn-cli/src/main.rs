//! The binary: parses the arguments, runs the command, turns its failure into an exit code.

// The terminal belongs to this crate.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use clap::Parser;
use lnn_cli::commands::Arguments;
use std::process::ExitCode;

/// Allocates for libtorch as well: it takes the place of the C library's `malloc` in the whole process.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    lnn_cli::failure::report_panics_as_bugs();
    match Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}
