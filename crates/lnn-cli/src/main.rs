//! The binary: parses the arguments, runs the command and converts its failure to an exit code.

use clap::Parser;
use lnn_cli::commands::Arguments;
use lnn_cli::output::say_error;
use std::process::ExitCode;

/// The allocator of the whole process: it replaces the `malloc` of the C library, also for libtorch.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: lnn_sys::Remembering<tikv_jemallocator::Jemalloc> =
    lnn_sys::Remembering(tikv_jemallocator::Jemalloc);

fn main() -> ExitCode {
    lnn_cli::failure::report_panics_as_bugs();
    lnn_sys::exit_when_memory_runs_out();
    match Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say_error(&format!("error: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
