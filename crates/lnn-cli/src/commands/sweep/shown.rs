//! What the commands of a sweep print: trials in words and as JSON.

use lnn_train::in_digits;
use lnn_train::sweep::{SweepFolder, Trial, Values, status};
use serde::Serialize;
use std::path::PathBuf;

/// A line of `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
pub(super) enum Shown {
    /// A sweep begins or goes on.
    Sweep {
        /// Its folder.
        folder: PathBuf,
        /// The trials that have begun.
        begun: usize,
        /// The maximum number of trials.
        trials: u64,
        /// The epochs of each rung.
        rungs: Vec<u64>,
        /// The keys of the space.
        keys: Vec<String>,
    },
    /// A trial has reached a rung or failed.
    Trial(ShownTrial),
    /// The winner.
    Winner(ShownTrial),
}

/// A trial as it stands.
#[derive(Debug, Serialize)]
pub(super) struct ShownTrial {
    trial: u64,
    status: &'static str,
    values: Values,
    /// The rungs that it has reached.
    rungs: usize,
    epochs: Option<u64>,
    val_loss: Option<f64>,
    val_accuracy: Option<f64>,
    best_epoch: Option<u64>,
    folder: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ShownTrial {
    fn of(trial: &Trial, sweep: &SweepFolder) -> Self {
        let last = trial.results.last();
        Self {
            trial: trial.number,
            status: status(trial, sweep.plan().rungs().len()),
            values: trial.values.clone(),
            rungs: trial.results.len(),
            epochs: last.map(|last| last.epochs),
            val_loss: last.map(|last| last.val_loss),
            val_accuracy: last.and_then(|last| last.val_accuracy),
            best_epoch: last.map(|last| last.best_epoch),
            folder: sweep.run_of(trial.number),
            reason: trial.failure.clone(),
        }
    }
}

impl Shown {
    pub(super) fn sweep(sweep: &SweepFolder, begun: usize) -> Self {
        let plan = sweep.plan();
        let keys = plan.space.parameters().iter().map(|parameter| parameter.key.clone()).collect();
        Self::Sweep { folder: sweep.path().to_owned(), begun, trials: plan.trials, rungs: plan.rungs(), keys }
    }

    pub(super) fn trial(trial: &Trial, sweep: &SweepFolder) -> Self {
        Self::Trial(ShownTrial::of(trial, sweep))
    }

    pub(super) fn winner(trial: &Trial, sweep: &SweepFolder) -> Self {
        Self::Winner(ShownTrial::of(trial, sweep))
    }

    /// Formats a sweep for people; trials have [`line_of`].
    pub(super) fn in_words(&self) -> String {
        let Self::Sweep { folder, begun, trials, rungs, keys } = self else { return String::new() };
        let rungs: Vec<String> = rungs.iter().map(u64::to_string).collect();
        let goes_on = if *begun > 0 { format!(", {begun} of them begun") } else { String::new() };
        format!(
            "sweep of {} over {} in trials of {} epochs, at most {trials}{goes_on}; {}",
            keys.len(),
            keys.join(", "),
            rungs.join(", "),
            folder.display()
        )
    }
}

/// Formats a trial for people, as `trial 3, rung 2 of 4: val_loss 0.1234 after 9 epochs; model.units 32`.
pub(super) fn line_of(trial: &Trial, sweep: &SweepFolder) -> String {
    let values: Vec<String> = trial.values.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let head = format!("trial {}", trial.number);
    if let Some(reason) = &trial.failure {
        return format!("{head} failed: {reason}; {}", values.join(", "));
    }
    let rungs = sweep.plan().rungs().len();
    let head = if rungs > 1 { format!("{head}, rung {} of {rungs}", trial.results.len()) } else { head };
    let Some(last) = trial.results.last() else { return format!("{head}: no result yet") };
    let accuracy =
        last.val_accuracy.map(|accuracy| format!("val_accuracy {accuracy:.4}, ")).unwrap_or_default();
    format!(
        "{head}: {accuracy}val_loss {} after {} epochs; {}",
        in_digits(last.val_loss),
        last.epochs,
        values.join(", ")
    )
}
