//! The files that show how a sweep stands: `leaderboard.csv`, `best.json` and the pictures.

use super::folder::SweepFolder;
use super::lease::json;
use super::plan::Plan;
use super::ranking::{rank, status, winner};
use super::space::Parameter;
use super::trial::Trial;
use crate::error::Error;
use crate::run_folder::write_atomically;
use serde_json::Value;

/// Writes the leaderboard, the configuration of the winner and the pictures into the folder of the sweep. Returns the trials in their order.
///
/// # Errors
/// [`Error`] if the folder cannot be read or written.
pub fn write_leaderboard(sweep: &SweepFolder) -> Result<Vec<Trial>, Error> {
    let mut trials = sweep.trials()?;
    rank(&mut trials, sweep.plan().base.selection);
    let file = |name: &str| sweep.path().join(name);
    write_atomically(&file("leaderboard.csv"), &table(sweep, &trials)?)?;
    if let Some(winner) = winner(&trials) {
        let config = sweep.configuration(&winner.values)?;
        write_atomically(&file("best.json"), &json(&config))?;
    }
    #[cfg(feature = "plots")]
    {
        let picture = |error: Box<dyn std::error::Error>| {
            Error::Unrecorded(format!("the pictures of the sweep: {error}"))
        };
        let parallel = super::pictures::parallel_coordinates(sweep.plan(), &trials).map_err(picture)?;
        write_atomically(&file("parallel.svg"), parallel.as_bytes())?;
        let importance = super::pictures::importance_bars(sweep.plan(), &trials).map_err(picture)?;
        write_atomically(&file("importance.svg"), importance.as_bytes())?;
    }
    Ok(trials)
}

/// The columns before those of the keys.
const COLUMNS: [&str; 9] =
    ["rank", "trial", "status", "rung", "epochs", "val_loss", "val_accuracy", "best_epoch", "seconds"];

/// Returns the leaderboard as CSV, one line for each trial.
fn table(sweep: &SweepFolder, ranked: &[Trial]) -> Result<Vec<u8>, Error> {
    let Plan { space, .. } = sweep.plan();
    let rungs = sweep.plan().rungs().len();
    let keys = space.parameters().iter().map(|Parameter { key, .. }| key.as_str());
    let mut table = csv::Writer::from_writer(Vec::new());
    let unwritten = |error: &dyn std::fmt::Display| Error::Unrecorded(format!("leaderboard.csv: {error}"));
    table
        .write_record(COLUMNS.into_iter().chain(keys).chain(["run", "reason"]))
        .map_err(|error| unwritten(&error))?;
    for (rank, trial) in (1..).zip(ranked) {
        let ranked = winner(std::slice::from_ref(trial)).is_some();
        let last = trial.results.last();
        let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells = [
            if ranked { rank.to_string() } else { String::new() },
            trial.number.to_string(),
            status(trial, rungs).to_owned(),
            trial.results.len().to_string(),
            last.map(|last| last.epochs.to_string()).unwrap_or_default(),
            number(last.map(|last| last.val_loss)),
            number(last.and_then(|last| last.val_accuracy)),
            last.map(|last| last.best_epoch.to_string()).unwrap_or_default(),
            number(last.map(|last| last.seconds)),
        ];
        let values = space.parameters().iter().map(|parameter| match trial.values.get(&parameter.key) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        });
        let run = sweep.run_of(trial.number);
        let run = run.strip_prefix(sweep.path()).unwrap_or(&run).display().to_string();
        let reason = trial.failure.clone().unwrap_or_default();
        table
            .write_record(cells.into_iter().chain(values).chain([run, reason]))
            .map_err(|error| unwritten(&error))?;
    }
    table.into_inner().map_err(|error| unwritten(&error))
}
