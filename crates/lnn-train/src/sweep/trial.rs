//! The trials of a sweep, as the files in its folder `records` tell them: the state of a sweep is these files and nothing else.
//!
//! | file | what it says | written |
//! |---|---|---|
//! | `0003.json` | trial 3 has begun, with these values | once, by the worker that was first |
//! | `0003.config.json` | the configuration of its run | before that |
//! | `0003-1.json` | it was sent to rung 1 | once, by the worker that was first |
//! | `0003-1.lease.json` | a worker trains it up to rung 1 | see [`Lease`] |
//! | `0003-1.result.json` | it has reached rung 1, with these scores | whole, by renaming |
//! | `0003.failed.json` | it has failed, and why | whole, by renaming |
//! | `0003.stderr` | what its processes wrote on standard error | by `sweep run` |
//! | `0003.claim` | a lock that its process holds as long as it lives | by `sweep run` |

use super::halving::Standing;
use super::lease::Lease;
use super::space::Values;
use crate::error::Error;
use crate::policies::Scores;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The result of a trial at a rung.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RungResult {
    /// The epochs of the rung.
    pub rung_epochs: u64,
    /// The epochs that the run had finished; fewer than those of the rung if early stopping ended it.
    pub epochs: u64,
    /// The validation loss of the best of them.
    pub val_loss: f64,
    /// Its validation accuracy; none for regression.
    pub val_accuracy: Option<f64>,
    /// The best epoch, from 1.
    pub best_epoch: u64,
    /// The training time so far in seconds.
    pub seconds: f64,
}

impl RungResult {
    /// Returns the scores by which trials are compared.
    pub fn scores(&self) -> Scores {
        (self.val_loss, self.val_accuracy)
    }
}

/// A trial of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its number, from 1.
    pub number: u64,
    /// The values of its keys.
    pub values: Values,
    /// When it began, in seconds since 1970, if its values were chosen by whoever asked for it.
    pub given: Option<u64>,
    /// The rung that it was sent to.
    pub target: usize,
    /// Its results at the rungs that it has reached.
    pub results: Vec<RungResult>,
    /// Why it has failed.
    pub failure: Option<String>,
    /// Who trains it up to its rung.
    pub lease: Option<Lease>,
}

impl Trial {
    /// Returns how far it has come.
    pub fn standing(&self) -> Standing {
        let reached = self.results.iter().map(RungResult::scores).collect();
        Standing { reached, target: self.target, failed: self.failure.is_some() }
    }
}

/// The beginning of a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Beginning {
    pub(super) values: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) given: Option<u64>,
}

/// The end of a trial that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) reason: String,
}

/// The folder of the records.
#[derive(Debug, Clone)]
pub(super) struct Records {
    path: PathBuf,
}

impl Records {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file of a trial, such as `0003.failed.json` for `failed.json`.
    pub(super) fn of_trial(&self, number: u64, what: &str) -> PathBuf {
        self.path.join(format!("{number:04}.{what}"))
    }

    /// The file of a trial and a rung, such as `0003-1.result.json` for `result.json`.
    pub(super) fn of_rung(&self, number: u64, rung: usize, what: &str) -> PathBuf {
        self.path.join(format!("{number:04}-{rung}.{what}"))
    }

    /// Reads all trials, by number.
    ///
    /// # Errors
    /// [`Error::Folder`] if a record is missing or damaged.
    pub(super) fn trials(&self) -> Result<Vec<Trial>, Error> {
        let mut names = BTreeMap::<u64, Vec<(Option<usize>, String)>>::new();
        for entry in fs::read_dir(&self.path).map_err(Error::io(&self.path))? {
            let name = entry.map_err(Error::io(&self.path))?.file_name();
            if let Some((number, rung, what)) = name.to_str().and_then(parse) {
                names.entry(number).or_default().push((rung, what.to_owned()));
            }
        }
        let begun = |files: &[(Option<usize>, String)]| {
            files.iter().any(|(rung, what)| rung.is_none() && what == "json")
        };
        let mut trials = Vec::new();
        for (number, files) in names.iter().filter(|(_, files)| begun(files)) {
            if *number != trials.len() as u64 + 1 {
                let missing = self.of_trial(trials.len() as u64 + 1, "json");
                return Err(Error::Folder(format!(
                    "{} is missing; hint: the records of a sweep belong together, another --out begins a new one",
                    missing.display()
                )));
            }
            trials.extend(self.trial(*number, files)?);
        }
        Ok(trials)
    }

    /// Reads a trial from its files.
    fn trial(&self, number: u64, files: &[(Option<usize>, String)]) -> Result<Option<Trial>, Error> {
        let Some(Beginning { values, given }) = read(&self.of_trial(number, "json"))? else {
            return Ok(None);
        };
        let has = |rung: usize, kind: &str| files.iter().any(|(of, what)| *of == Some(rung) && what == kind);
        let mut results = Vec::new();
        while has(results.len(), "result.json") {
            let path = self.of_rung(number, results.len(), "result.json");
            results.extend(read::<RungResult>(&path)?);
        }
        let target =
            files.iter().filter(|(_, what)| what == "json").filter_map(|(rung, _)| *rung).max().unwrap_or(0);
        let failure = read::<Failed>(&self.of_trial(number, "failed.json"))?.map(|failed| failed.reason);
        let lease = if has(target, "lease.json") { read(&self.lease(number, target))? } else { None };
        Ok(Some(Trial { number, values, given, target, results, failure, lease }))
    }

    /// The file of the lease of a trial and a rung.
    pub(super) fn lease(&self, number: u64, rung: usize) -> PathBuf {
        self.of_rung(number, rung, "lease.json")
    }
}

/// Splits `0003-1.result.json` into the number, the rung and the rest.
fn parse(name: &str) -> Option<(u64, Option<usize>, &str)> {
    let (place, what) = name.split_once('.')?;
    match place.split_once('-') {
        None => Some((place.parse().ok()?, None, what)),
        Some((number, rung)) => Some((number.parse().ok()?, Some(rung.parse().ok()?), what)),
    }
}

/// Reads a record; none if there is no such file.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(Error::io(path))?,
    };
    let damaged = |error| Error::Folder(format!("{} is damaged: {error}", path.display()));
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}
