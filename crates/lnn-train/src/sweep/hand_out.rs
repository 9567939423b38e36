//! Handing out trials: what a worker gets that asks for one.

use super::folder::SweepFolder;
use super::halving::{Decision, Standing, decide};
use super::lease::{Lease, create, json, now};
use super::space::Values;
use super::trial::{Beginning, Trial};
use crate::error::Error;
use crate::run_folder::write_atomically;
use std::path::PathBuf;

/// How often values are drawn anew that an earlier trial has had, before the space counts as exhausted.
const ATTEMPTS: u64 = 1000;

/// The seconds for which a trial with given values waits for the worker that gave them.
const GRACE: u64 = 60;

/// Who asks for trials.
#[derive(Debug, Clone, Copy)]
pub struct Worker {
    /// Whether it is `sweep run`, which renews its leases.
    pub run: bool,
    /// The seconds after which its leases run out.
    pub seconds: u64,
}

/// A trial to be trained up to a rung.
#[derive(Debug, Clone)]
pub struct Job {
    /// The trial.
    pub trial: Trial,
    /// The epochs at which it pauses, those of its schedule at the last rung; none if its readout is solved in closed form.
    pub epochs: Option<u64>,
    /// The configuration of its run.
    pub config: PathBuf,
    /// The folder of its run.
    pub folder: PathBuf,
    /// The right to train it.
    pub lease: Lease,
}

/// What a worker gets.
#[derive(Debug, Clone)]
pub enum Next {
    /// A trial to train.
    Job(Box<Job>),
    /// Nothing yet: other workers train trials on whose results the next one depends.
    Wait,
    /// Nothing any more.
    Over {
        /// Whether fewer trials than asked for were possible, because every combination of values was tried.
        exhausted: bool,
    },
}

impl SweepFolder {
    /// Hands out the next trial: one that nobody trains any more, a promotion, or a new trial.
    ///
    /// # Errors
    /// [`Error`] if the folder cannot be read or written.
    pub fn next(&self, worker: Worker) -> Result<Next, Error> {
        let rungs = self.plan.rungs();
        let mut most = usize::try_from(self.plan.trials).unwrap_or(usize::MAX);
        let mut exhausted = false;
        loop {
            let trials = self.trials()?;
            for trial in trials.iter().filter(|trial| trial.standing().is_under_way()) {
                if let Some(job) = self.take(trial, worker, false)? {
                    return Ok(Next::Job(Box::new(job)));
                }
            }
            let standings: Vec<Standing> = trials.iter().map(Trial::standing).collect();
            match decide(&standings, rungs.len(), self.plan.search.factor(), self.plan.base.selection, most) {
                Decision::Promote { trial, rung } => {
                    let sent = serde_json::json!({ "epochs": rungs[rung] });
                    create(&self.records.of_rung(trials[trial].number, rung, "json"), &sent)?;
                }
                Decision::Begin => {
                    if let Some(values) = self.draw(&trials) {
                        self.begin(&trials, &Beginning { values, given: None })?;
                    } else {
                        exhausted = true;
                        most = trials.len();
                    }
                }
                Decision::Wait => return Ok(Next::Wait),
                Decision::Over => return Ok(Next::Over { exhausted }),
            }
        }
    }

    /// Begins a trial with values that were chosen elsewhere.
    ///
    /// # Errors
    /// [`Error::Configuration`] if they do not belong to the space.
    pub fn next_with(&self, values: &Values, worker: Worker) -> Result<Job, Error> {
        let values = self.plan.space.accept(values)?;
        loop {
            let trials = self.trials()?;
            let beginning = Beginning { values: values.clone(), given: Some(now().as_secs()) };
            if let Some(number) = self.begin(&trials, &beginning)? {
                let trials = self.trials()?;
                let trial = trials.iter().find(|trial| trial.number == number).expect("it has just begun");
                if let Some(job) = self.take(trial, worker, true)? {
                    return Ok(job);
                }
            }
        }
    }

    /// Draws values that no trial has had; none if there are hardly any left.
    fn draw(&self, trials: &[Trial]) -> Option<Values> {
        let number = trials.len() as u64 + 1;
        (0..ATTEMPTS)
            .map(|attempt| self.plan.space.draw(self.plan.seed, number, attempt))
            .find(|values| !trials.iter().any(|trial| trial.values == *values))
    }

    /// Begins the next trial and returns its number; none if another worker was faster.
    fn begin(&self, trials: &[Trial], beginning: &Beginning) -> Result<Option<u64>, Error> {
        let number = trials.len() as u64 + 1;
        let config = self.configuration(&beginning.values)?;
        let begun = create(&self.records.of_trial(number, "json"), beginning)?;
        if begun {
            write_atomically(&self.config_of(number), &json(&config))?;
        }
        Ok(begun.then_some(number))
    }

    /// Takes a trial that is under way and that nobody trains; `own` says that this worker gave its values.
    fn take(&self, trial: &Trial, worker: Worker, own: bool) -> Result<Option<Job>, Error> {
        let path = self.records.lease(trial.number, trial.target);
        let folder = self.run_of(trial.number);
        if let Some(lease) = &trial.lease
            && (!lease.has_run_out(&folder.join("metrics.jsonl")) || !lease.remove_expired(&path)?)
        {
            return Ok(None);
        }
        let is_awaited = trial.given.is_some_and(|begun| now().as_secs() < begun + GRACE);
        if trial.lease.is_none() && is_awaited && !own {
            return Ok(None);
        }
        let Some(lease) = Lease::new(worker.run, worker.seconds).take(&path)? else { return Ok(None) };
        // Another worker may have brought it to its rung since its state was read.
        let trial = self.trial(trial.number)?;
        if !trial.standing().is_under_way() || self.records.lease(trial.number, trial.target) != path {
            Lease::give_back(&path)?;
            return Ok(None);
        }
        let configuration = self.configuration(&trial.values)?;
        let config = self.config_of(trial.number);
        if !config.exists() {
            write_atomically(&config, &json(&configuration))?;
        }
        let epochs = (!configuration.method.is_ridge()).then(|| self.plan.rungs()[trial.target]);
        Ok(Some(Job { trial, epochs, config, folder, lease }))
    }
}

#[cfg(test)]
#[path = "hand_out_tests.rs"]
mod tests;
