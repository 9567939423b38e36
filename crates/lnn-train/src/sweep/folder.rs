//! The folder of a sweep, which several workers on several machines may share.
//!
//! Every step is one file that appears whole or not at all, so that a worker may be killed at any moment: its lease runs out, and the
//! next worker goes on with the run where its last checkpoint is.

use super::lease::{Lease, create, json};
use super::plan::Plan;
use super::space::Values;
use super::trial::{Records, Trial};
use crate::config::RunConfig;
use crate::error::Error;
use crate::run_folder::{RunFolder, write_atomically};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// The file of the plan.
const PLAN: &str = "sweep.json";

/// The folder of a sweep.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    pub(super) plan: Plan,
    pub(super) records: Records,
}

impl SweepFolder {
    /// Opens the sweep in the folder at `path`; none if there is none.
    ///
    /// # Errors
    /// [`Error::Folder`] if its plan is damaged.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        let path = std::path::absolute(path).map_err(Error::io(path))?;
        let file = path.join(PLAN);
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
        let plan = serde_json::from_str(&text)
            .map_err(|error| Error::Folder(format!("{} is damaged: {error}", file.display())))?;
        let records = Records::new(path.join("records"));
        Ok(Some(Self { path, plan, records }))
    }

    /// Opens the sweep at `path`, or begins it. The number of trials may be another one than before; everything else must be equal.
    ///
    /// # Errors
    /// [`Error::Folder`] if the folder holds another sweep or other files, or cannot be written.
    pub fn open_or_create(path: &Path, plan: Plan) -> Result<Self, Error> {
        let shown = path.display();
        if let Some(mut sweep) = Self::open(path)? {
            let differences = sweep.plan.differences(&plan);
            if !differences.is_empty() {
                return Err(Error::Folder(format!(
                    "{shown} holds another sweep, there and here: {}; hint: another --out begins a new one, and without a file and without \
                     keys the sweep of the folder goes on",
                    differences.join("; ")
                )));
            }
            sweep.set_trials(plan.trials)?;
            return Ok(sweep);
        }
        if RunFolder::holds_run(path) {
            return Err(Error::Folder(format!("{shown} holds a run; hint: another --out")));
        }
        for folder in ["records", "trials"].map(|name| path.join(name)) {
            fs::create_dir_all(&folder).map_err(|error| Error::unwritable(&folder, &error))?;
        }
        // Another worker may have been faster, with another plan.
        create(&path.join(PLAN), &plan)?;
        Self::open_or_create(path, plan)
    }

    /// Changes the maximum number of trials.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a number that no sweep can have; [`Error::Io`] if it cannot be written.
    pub fn set_trials(&mut self, trials: u64) -> Result<(), Error> {
        if trials != self.plan.trials {
            let plan = Plan { trials, ..self.plan.clone() };
            plan.validate()?;
            write_atomically(&self.path.join(PLAN), &json(&plan))?;
            self.plan = plan;
        }
        Ok(())
    }

    /// Locks the sweep for this process, until the file is dropped. Returns none if the file system has no locks.
    ///
    /// # Errors
    /// [`Error::Folder`] if another process holds the lock.
    pub fn lock(&self) -> Result<Option<File>, Error> {
        let path = self.path.join(".lock");
        let file = File::create(&path).map_err(|error| Error::unwritable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Folder(format!(
                "another process runs the sweep in {}; hint: `lnn-cli sweep next` hands out its trials to other machines",
                self.path.display()
            ))),
            Err(TryLockError::Error(_)) => Ok(None),
        }
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the folder of the run of a trial.
    pub fn run_of(&self, number: u64) -> PathBuf {
        self.path.join("trials").join(format!("{number:04}"))
    }

    /// Returns the file for what the processes of a trial write on standard error.
    pub fn stderr_of(&self, number: u64) -> PathBuf {
        self.records.of_trial(number, "stderr")
    }

    /// Returns the file of the configuration of a trial.
    pub fn config_of(&self, number: u64) -> PathBuf {
        self.records.of_trial(number, "config.json")
    }

    /// Reads all trials, by number.
    ///
    /// # Errors
    /// [`Error::Folder`] if a record is missing or damaged.
    pub fn trials(&self) -> Result<Vec<Trial>, Error> {
        self.records.trials()
    }

    /// Gives back a trial that is not finished, so that any worker can take it.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be written.
    pub fn give_back(&self, trial: &Trial) -> Result<(), Error> {
        Lease::give_back(&self.records.lease(trial.number, trial.target))
    }

    /// Renews the lease of a trial that is being trained.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be written.
    pub fn renew(&self, trial: &Trial, lease: &mut Lease) -> Result<(), Error> {
        lease.renew(&self.records.lease(trial.number, trial.target))
    }

    /// Returns a file whose lock the process of a trial holds as long as it lives; none if one of an earlier process does.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be made.
    pub fn claim(&self, number: u64) -> Result<Option<File>, Error> {
        let path = self.records.of_trial(number, "claim");
        let file = File::create(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            // Without locks in the file system there is nothing to wait for.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
        }
    }

    /// Returns the configuration of the run of a trial with these values.
    pub(super) fn configuration(&self, values: &Values) -> Result<RunConfig, Error> {
        let mut config = self.plan.space.configure(&self.plan.base, values)?;
        if config.method.is_ridge() {
            config.epochs = 1;
        }
        Ok(config)
    }

    /// Returns a trial.
    ///
    /// # Errors
    /// [`Error::Configuration`] if there is no such trial.
    pub fn trial(&self, number: u64) -> Result<Trial, Error> {
        let mut trials = self.trials()?;
        let count = trials.len();
        match trials.iter().position(|trial| trial.number == number) {
            Some(place) => Ok(trials.swap_remove(place)),
            None => Err(Error::configuration(format!("expected a trial from 1 to {count}, found {number}"))),
        }
    }
}
