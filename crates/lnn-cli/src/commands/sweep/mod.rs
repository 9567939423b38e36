//! `lnn-cli sweep`: many runs over a space of configurations, here or on many machines.

mod child;
mod next;
mod plan;
mod report;
mod run;
mod shown;
mod winner;

use crate::failure::Failure;
use clap::Subcommand;

/// The commands of a sweep.
#[derive(Debug, Subcommand)]
pub(crate) enum SweepCommand {
    /// Search a space of configurations with processes of this machine, and test the winner
    Run(Box<run::RunArguments>),
    /// Hand out a trial of a sweep in a folder that machines share: print the command that trains it
    Next(next::NextArguments),
    /// Take back a trial that was handed out and trained, or show how a sweep stands
    Report(report::ReportArguments),
}

pub(super) fn run(command: &SweepCommand) -> Result<(), Failure> {
    match command {
        SweepCommand::Run(arguments) => run::run(arguments),
        SweepCommand::Next(arguments) => next::run(arguments),
        SweepCommand::Report(arguments) => report::run(arguments),
    }
}
