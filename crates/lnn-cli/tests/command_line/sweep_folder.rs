//! Small sweeps, and what lies in their folders.

use crate::program::Call;
use crate::trained_runs::shared_data;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The columns of a leaderboard that do not depend on the pace of the machine.
const TIMELESS: [&str; 9] =
    ["rank", "trial", "status", "rung", "epochs", "val_loss", "val_accuracy", "best_epoch", "reason"];

/// A sweep of a small `lnn` over two keys, in trials of 9 epochs.
pub(crate) fn plan() -> Value {
    json!({
        "model": "lnn",
        "data": shared_data(),
        "config": {
            "epochs": 9, "batch_size": 10, "validation_fraction": 0.1, "model": {"reservoir": {"units": 16}},
        },
        "space": {
            "optimizer.learning_rate": {"kind": "float", "from": 1e-4, "to": 0.1, "scale": "log"},
            "label_smoothing": {"kind": "float", "from": 0.0, "to": 0.2},
        },
        "trials": 3,
    })
}

/// The same by successive halving over the rungs 1, 3 and 9.
pub(crate) fn halving() -> Value {
    let mut plan = plan();
    plan["search"] = json!({"kind": "halving"});
    plan["trials"] = 9.into();
    plan
}

/// Writes a plan beside the folder of its sweep, and returns the file.
pub(crate) fn write(plan: &Value, out: &Path) -> PathBuf {
    let file = out.with_extension("json");
    fs::write(&file, plan.to_string()).expect("the file can be written");
    file
}

/// `sweep run` of a plan, on one thread.
pub(crate) fn run(plan: &Value, out: &Path) -> Call {
    Call::new("sweep").arg("run").arg(write(plan, out)).flag("out", out).flag("threads", "1")
}

/// The lines of the leaderboard: the cells by column.
pub(crate) fn leaderboard(out: &Path) -> Vec<Value> {
    let mut table = csv::Reader::from_path(out.join("leaderboard.csv")).expect("the sweep has a leaderboard");
    let columns = table.headers().expect("it has a header").clone();
    table
        .records()
        .map(|record| {
            let record = record.expect("a line is whole");
            columns.iter().zip(&record).map(|(column, cell)| (column.to_owned(), Value::from(cell))).collect()
        })
        .collect()
}

/// The leaderboard without what depends on the pace of the machine.
pub(crate) fn timeless(out: &Path) -> Vec<Value> {
    let keys = ["optimizer.learning_rate", "label_smoothing"];
    leaderboard(out)
        .into_iter()
        .map(|line| {
            TIMELESS.into_iter().chain(keys).map(|column| (column.to_owned(), line[column].clone())).collect()
        })
        .collect()
}

/// The number in a cell, as JSON has it.
pub(crate) fn number(line: &Value, column: &str) -> Value {
    let cell = line[column].as_str().unwrap_or_else(|| panic!("{column} in {line}"));
    serde_json::from_str(cell).unwrap_or_else(|_| panic!("{column} in {line}"))
}

/// The folder of the run of a trial.
pub(crate) fn trial(out: &Path, number: u64) -> PathBuf {
    out.join("trials").join(format!("{number:04}"))
}

/// A JSON file in the folder of a sweep.
pub(crate) fn read(out: &Path, name: &str) -> Value {
    let path = out.join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("the file is JSON")
}

/// Sends a signal to the process that trains a trial.
pub(crate) fn signal_trial(out: &Path, number: u64, signal: &str) {
    let id = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    // It has the file of the claim as its stdin.
    let claim = id(&out.join(format!("records/{number:04}.claim")));
    let processes = fs::read_dir("/proc").expect("there are processes").flatten();
    let process = processes
        .filter(|entry| claim.is_some() && id(&entry.path().join("fd/0")) == claim)
        .find_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let process = process.expect("the trial has a process").to_string();
    assert!(Command::new("kill").args(["-s", signal, &process]).status().expect("kill exists").success());
}
