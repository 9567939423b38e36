//! The end of a sweep: its winner, which alone is tested, once.

use super::child::{Share, process};
use super::shown::{Shown, line_of};
use crate::failure::Failure;
use crate::output::{print_line, print_text, say};
use lnn_train::sweep::{SweepFolder, Trial, winner};
use lnn_train::{Evaluation, Event, write_atomically};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// The result of the test of a sweep, `test.json` in its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tested {
    /// The trial that was tested.
    trial: u64,
    /// The result.
    result: Evaluation,
}

/// The line that `eval --json` prints.
#[derive(Debug, Deserialize)]
struct Line {
    data: Evaluation,
}

/// Prints the winner of the `ranked` trials, and its test unless `test` is none: the result is recorded, and never made a second time.
///
/// # Errors
/// [`Failure::Run`] if no trial has reached a rung, or the test fails.
pub(super) fn announce(
    sweep: &SweepFolder,
    ranked: &[Trial],
    json: bool,
    test: Option<Share>,
) -> Result<(), Failure> {
    let Some(winner) = winner(ranked) else {
        let reason = ranked.iter().find_map(|trial| trial.failure.as_deref());
        let reason =
            reason.map_or("the time was too short".to_owned(), |reason| format!("one says: {reason}"));
        return Err(Failure::run(format!("no trial of {} has a result; {reason}", ranked.len())));
    };
    if json {
        print_line(&Shown::winner(winner, sweep))?;
    } else {
        print_text(&format!("{}; {}", line_of(winner, sweep), sweep.path().join("best.json").display()))?;
    }
    let Some(share) = test else { return Ok(()) };
    let path = sweep.path().join("test.json");
    let tested = match read(&path)? {
        Some(tested) if tested.trial == winner.number => tested,
        Some(Tested { trial, .. }) => {
            say(&format!(
                "warning: the winner is not tested, because the test was made for trial {trial}, which had won before; the more often a test \
                 part is used, the less its result means; hint: `lnn-cli eval {}` tests the new winner",
                sweep.run_of(winner.number).display()
            ));
            return Ok(());
        }
        None => {
            let tested =
                Tested { trial: winner.number, result: measure(&sweep.run_of(winner.number), share)? };
            let text = serde_json::to_string_pretty(&tested).expect("a result is plain data");
            write_atomically(&path, format!("{text}\n").as_bytes())?;
            tested
        }
    };
    match json {
        true => print_line(&Event::Test(tested.result)),
        false => print_text(&format!("test {}", tested.result.in_words())),
    }
}

/// Reads the result of the test; none if there was no test yet.
fn read(path: &Path) -> Result<Option<Tested>, Failure> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(lnn_train::Error::io(path))?,
    };
    let damaged = |error| Failure::request(format!("{} is damaged: {error}", path.display()));
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// Tests the best epoch of a run in a process of its own.
fn measure(run: &Path, share: Share) -> Result<Evaluation, Failure> {
    let failed = |reason: String| Failure::run(format!("the test of {}: {reason}", run.display()));
    let output = process()?
        .arg("eval")
        .arg(run)
        .args(["--json", "--threads", &share.threads.to_string(), "--device", &share.device.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("{}", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map(|line: Line| line.data).map_err(|error| failed(format!("{error}: {line}")))
}
