//! Taking back trials: the scores of a run at the rung that it was sent to, or the reason why it failed.

use super::folder::SweepFolder;
use super::lease::json;
use super::trial::{Failed, RungResult, Trial};
use crate::error::Error;
use crate::policies::{Scores, Selection};
use crate::run_folder::{state_of_run, write_atomically};
use crate::state::TrainingState;

impl SweepFolder {
    /// Takes back a trial: records the scores of its run at the rung that it was sent to. A trial that was taken back already stays as
    /// it is.
    ///
    /// # Errors
    /// [`Error::Configuration`] if there is no such trial, `lease` is none of its leases any more, or its run has not reached the rung.
    pub fn report(&self, number: u64, lease: Option<&str>) -> Result<Trial, Error> {
        let trial = self.held(number, lease)?;
        if !trial.standing().is_under_way() {
            return Ok(trial);
        }
        let epochs = self.plan.rungs()[trial.target];
        let config = self.configuration(&trial.values)?;
        let run = self.run_of(number);
        let state = state_of_run(&run)?;
        let done = state.as_ref().map_or(0, |state| state.epoch);
        let Some(state) = state.filter(|state| done >= epochs || state.is_finished(config.epochs)) else {
            return Err(Error::configuration(format!(
                "trial {number} has finished {done} of {epochs} epochs; hint: train it to the end first, or --failed REASON if it cannot be"
            )));
        };
        let Some(((val_loss, val_accuracy), best_epoch)) = best_up_to(&state, epochs, config.selection)
        else {
            return Err(Error::Folder(format!("{}: no finished epoch has a finite loss", run.display())));
        };
        let result = RungResult {
            rung_epochs: epochs,
            epochs: done,
            val_loss,
            val_accuracy,
            best_epoch,
            seconds: state.seconds,
        };
        write_atomically(&self.records.of_rung(number, trial.target, "result.json"), &json(&result))?;
        self.give_back(&trial)?;
        self.trial(number)
    }

    /// Takes back a trial that has failed.
    ///
    /// # Errors
    /// [`Error::Configuration`] as [`Self::report`].
    pub fn fail(&self, number: u64, lease: Option<&str>, reason: &str) -> Result<Trial, Error> {
        let trial = self.held(number, lease)?;
        if trial.standing().is_under_way() {
            let failed = Failed { reason: reason.to_owned() };
            write_atomically(&self.records.of_trial(number, "failed.json"), &json(&failed))?;
            self.give_back(&trial)?;
        }
        self.trial(number)
    }

    /// Takes back a trial that has not reached its rung, so that any worker can take it.
    ///
    /// # Errors
    /// [`Error::Configuration`] as [`Self::report`].
    pub fn release(&self, number: u64, lease: Option<&str>) -> Result<Trial, Error> {
        let trial = self.held(number, lease)?;
        if trial.standing().is_under_way() {
            self.give_back(&trial)?;
        }
        self.trial(number)
    }

    /// Returns a trial if `lease` is its lease, or none was given.
    fn held(&self, number: u64, lease: Option<&str>) -> Result<Trial, Error> {
        let trial = self.trial(number)?;
        let current = trial.lease.as_ref().map(|lease| lease.id.as_str());
        match lease {
            Some(given) if trial.standing().is_under_way() && current != Some(given) => {
                Err(Error::configuration(format!(
                    "the lease {given} of trial {number} has run out, and the trial was or will be handed out again; hint: a longer --lease"
                )))
            }
            _ => Ok(trial),
        }
    }
}

/// Returns the best scores of a run up to an epoch, and their epoch. A run that somebody has trained further is judged by the epochs of
/// the rung alone, as all others.
fn best_up_to(state: &TrainingState, epochs: u64, selection: Selection) -> Option<(Scores, u64)> {
    if state.early_stopping.best_epoch <= epochs {
        return Some((state.early_stopping.best?, state.early_stopping.best_epoch));
    }
    let recorded = state.recorded_epochs.iter().filter(|metrics| metrics.epoch <= epochs);
    let scores = recorded.map(|metrics| ((metrics.val_loss, metrics.val_accuracy), metrics.epoch));
    scores.reduce(|best, next| if selection.better(next.0, best.0) { next } else { best })
}
