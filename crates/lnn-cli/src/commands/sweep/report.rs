//! `lnn-cli sweep report`: takes back a trial from a worker, or shows how a sweep stands.

use super::shown::{Shown, line_of};
use crate::failure::Failure;
use crate::output::{print_line, print_text};
use clap::Args;
use lnn_train::sweep::{SweepFolder, write_leaderboard};
use std::path::PathBuf;

/// The arguments of `sweep report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The folder of the sweep
    folder: PathBuf,
    /// The trial to take back; without it, the leaderboard is printed
    trial: Option<u64>,
    /// The name of the lease under which it was trained: refused if the trial was handed out again meanwhile
    #[arg(long, value_name = "ID", requires = "trial")]
    lease: Option<String>,
    /// The trial has failed, for this reason; it is kept and not handed out again
    #[arg(long, value_name = "REASON", requires = "trial")]
    failed: Option<String>,
    /// The trial was saved before it had reached its rung: it is handed out again at once
    #[arg(long, requires = "trial", conflicts_with = "failed")]
    unfinished: bool,
    /// Print JSON Lines on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ReportArguments) -> Result<(), Failure> {
    let ReportArguments { folder, trial, lease, failed, unfinished, json } = arguments;
    let Some(sweep) = SweepFolder::open(folder)? else {
        return Err(Failure::request(format!("{} holds no sweep", folder.display())));
    };
    if let Some(number) = *trial {
        let lease = lease.as_deref();
        let trial = match failed {
            Some(reason) => sweep.fail(number, lease, reason)?,
            None if *unfinished => sweep.release(number, lease)?,
            None => sweep.report(number, lease)?,
        };
        write_leaderboard(&sweep)?;
        return match json {
            true => print_line(&Shown::trial(&trial, &sweep)),
            false => print_text(&line_of(&trial, &sweep)),
        };
    }
    let ranked = write_leaderboard(&sweep)?;
    for trial in &ranked {
        match json {
            true => print_line(&Shown::trial(trial, &sweep))?,
            false => print_text(&line_of(trial, &sweep))?,
        }
    }
    Ok(())
}
