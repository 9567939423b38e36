//! The command line: one file per command, with the arguments of the command.

mod bench;
mod compute;
mod data;
mod eval;
mod eval_backtest;
mod export;
mod forecast;
mod import;
mod inspect;
mod inspect_exported;
mod inspect_network;
mod predict;
mod predict_table;
mod stream;
mod sweep;
mod train;
mod train_again;

use crate::failure::Failure;
use clap::{Parser, Subcommand};

/// Trains, evaluates and inspects liquid neural networks.
#[derive(Debug, Parser)]
#[command(name = "lnn-cli", version = lnn_train::VERSION, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// The commands. A new command is a file in this folder and an entry here.
#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model and report its test accuracy
    Train(Box<train::TrainArguments>),
    /// Train many configurations of a space, and find the best by validation
    #[command(subcommand)]
    Sweep(sweep::SweepCommand),
    /// Measure a trained model on the test samples
    Eval(eval::EvalArguments),
    /// Write the predictions of a trained model for given images or sequences
    Predict(predict::PredictArguments),
    /// Go on from the end of a series, with predictions fed back
    Forecast(forecast::ForecastArguments),
    /// Read rows from standard input and write the prediction after each, with a readout that may go on learning
    Stream(stream::StreamArguments),
    /// Write a trained model as a file for Python
    Export(export::ExportArguments),
    /// Write a checkpoint from a module that was exported, and perhaps fine-tuned in Python
    Import(import::ImportArguments),
    /// Show the content of a run, a checkpoint or an exported module
    Inspect(inspect::InspectArguments),
    /// Time training steps and single steps on this machine
    Bench(bench::BenchArguments),
    /// List, fetch or verify data sets
    #[command(subcommand)]
    Data(data::DataCommand),
}

impl Arguments {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`], which determines the exit code.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Train(arguments) => train::run(&arguments),
            Command::Sweep(command) => sweep::run(&command),
            Command::Eval(arguments) => eval::run(&arguments),
            Command::Predict(arguments) => predict::run(&arguments),
            Command::Forecast(arguments) => forecast::run(&arguments),
            Command::Stream(arguments) => stream::run(&arguments),
            Command::Export(arguments) => export::run(&arguments),
            Command::Import(arguments) => import::run(&arguments),
            Command::Inspect(arguments) => inspect::run(&arguments),
            Command::Bench(arguments) => bench::run(&arguments),
            Command::Data(command) => data::run(&command),
        }
    }
}
