//! One file a command.

mod bench;
mod data;
mod eval;
mod export;
mod fetching;
mod import;
mod inspect;
mod inspect_exported;
mod predict;
mod ridge_readout;
mod run_data;
mod starting_weights;
mod train;

use crate::args::{Arguments, Command, ComputeArguments};
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use tch::Device;

/// Runs what the arguments ask for.
///
/// # Errors
/// [`Failure`], which knows its exit code.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Data(command) => data::run(&command),
    }
}

/// Readies libtorch for this process. A thread inherits how denormals are dealt with, so that is settled before libtorch starts any.
fn prepare(compute: &ComputeArguments) -> Result<Device, Failure> {
    if let Some(threads) = compute.threads {
        tch::set_num_threads(threads);
    }
    lnn_sys::flush_denormals(true).map_err(Failure::run)?;
    let device = compute.device.resolve()?;
    // The driver of a CUDA device takes addresses as it likes.
    #[cfg(target_os = "linux")]
    if device == Device::Cpu {
        crate::memory_limit::limit_to_machine();
    }
    Ok(device)
}

/// A bar on standard error that counts images; silent when that is not a terminal.
fn progress_bar(what: &'static str, images: u64) -> ProgressBar {
    let style = "{msg} {bar:30} {pos}/{len} images, {eta} left";
    ProgressBar::new(images)
        .with_style(ProgressStyle::with_template(style).expect("the template is valid"))
        .with_message(what)
}
