//! `lnn-cli sweep next`: hands out a trial to a worker of any scheduler.

use super::child::{arguments, program};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{print_line, print_text};
use clap::Args;
use lnn_train::sweep::{Job, Next, SweepFile, SweepFolder, Values, Worker};
use serde_json::Value;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// How often a worker that waits asks again.
const ASK: Duration = Duration::from_secs(1);

/// The arguments of `sweep next`.
#[derive(Debug, Args)]
pub(crate) struct NextArguments {
    /// The folder of the sweep
    folder: PathBuf,
    /// The file of the sweep, which begins it if the folder holds none yet
    #[arg(long, value_name = "SWEEP.json")]
    sweep: Option<PathBuf>,
    /// Begin a trial with these values, one for each key of the space, instead of drawing them; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Minutes without a finished epoch after which the trial is handed out again
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    lease: u64,
    /// Wait until there is a trial to hand out, or the sweep is over
    #[arg(long)]
    wait: bool,
    /// Print one line of JSON instead of the number of the trial, the name of its lease and the command
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &NextArguments) -> Result<(), Failure> {
    Interrupt::install()?;
    let sweep = open(arguments)?;
    let worker = Worker { run: false, seconds: arguments.lease * 60 };
    if !arguments.set.is_empty() {
        return print(&sweep, &sweep.next_with(&values(&arguments.set)?, worker)?, arguments.json);
    }
    loop {
        match sweep.next(worker)? {
            Next::Job(job) => return print(&sweep, &job, arguments.json),
            Next::Over { .. } if arguments.json => return print_line(&serde_json::json!({ "type": "over" })),
            Next::Over { .. } => return Ok(()),
            Next::Wait if arguments.wait => sleep(ASK),
            Next::Wait => {
                return Err(Failure::StartAgain(anyhow::Error::msg(
                    "nothing to hand out until another worker has brought back its trial; hint: --wait",
                )));
            }
        }
    }
}

/// Opens the sweep, or begins it.
fn open(arguments: &NextArguments) -> Result<SweepFolder, Failure> {
    let shown = arguments.folder.display();
    let known = SweepFolder::open(&arguments.folder)?;
    match &arguments.sweep {
        Some(file) => {
            let file = SweepFile::read(file)?;
            let mut plan = file.plan(&[])?;
            if let Some(known) = known {
                plan.trials = known.plan().trials;
            }
            Ok(SweepFolder::open_or_create(&arguments.folder, plan)?)
        }
        None => known.ok_or_else(|| {
            Failure::request(format!("{shown} holds no sweep; hint: --sweep SWEEP.json begins it"))
        }),
    }
}

/// Reads the values of a trial; a value is JSON or else a text.
fn values(assignments: &[String]) -> Result<Values, Failure> {
    assignments
        .iter()
        .map(|assignment| {
            let (key, text) = assignment.split_once('=').ok_or_else(|| {
                Failure::request(format!("--set: expected key=value, found `{assignment}`"))
            })?;
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
            Ok((key.trim().to_owned(), value))
        })
        .collect()
}

fn print(sweep: &SweepFolder, job: &Job, json: bool) -> Result<(), Failure> {
    let words = std::iter::once(program()?.into_os_string()).chain(arguments(sweep, job));
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let (trial, lease) = (job.trial.number, &job.lease.id);
    if json {
        let job = serde_json::json!({
            "trial": trial, "rung": job.trial.target + 1, "epochs": job.epochs, "values": job.trial.values,
            "folder": job.folder, "lease": lease, "command": words,
        });
        return print_line(&serde_json::json!({ "type": "job", "data": job }));
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    print_text(&format!("{trial} {lease} {}", words.join(" ")))
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell_where_they_must_be() {
        assert_eq!(quoted("/a/b-1.json"), "/a/b-1.json");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
        assert_eq!(quoted("$HOME"), "'$HOME'");
        assert_eq!(quoted(""), "''");
    }
}
