//! A readout of a fixed front in closed form: ridge regression in one pass over the training samples, without epochs.
//!
//! The regularisation λ is chosen on the validation samples, in one pass for all candidates. Features are kept for one block
//! only.

use crate::config::RunConfig;
use crate::error::Error;
use crate::evaluation::{Evaluation, evaluate_each};
use crate::event::{Candidate, Event};
use crate::fixed_front::run_front;
use crate::method::{Method, RidgeMethod};
use crate::observers::Observers;
use crate::policies::{EarlyStopping, Selection};
use crate::ranks::Ranks;
use crate::run_data::{Progress, RunData};
use crate::run_folder::RunFolder;
use crate::state::TrainingState;
use lnn_core::{RidgeSolution, SampleSet};
use lnn_models::{Checkpoint, Error as ModelError, Model, Readout, ReadoutFit, RidgeStart};
use std::time::Instant;
use tch::{Kind, Tensor};

/// The candidates for λ, as fractions of the mean diagonal of the covariance of the features. The smallest are for series without noise, whose
/// features are computed in float64.
const REGULARIZATIONS: [f64; 16] =
    [1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2];

/// Rounding in float32 hides smaller λ.
const SMALLEST_OF_FLOAT: f64 = 1e-8;

/// The factor that solutions for classes are multiplied by: the regression targets are 0 and 1, but logits must lie further apart. The factor
/// does not change accuracies.
const SCALE: f64 = 8.0;

/// Solves for the weights of the readout, reports every candidate to the observers and saves the best.
///
/// # Errors
/// Those of the model, the observers and the folder; [`Error::Stopped`] if `stop` returns true between the passes.
pub(crate) fn solve(
    config: &RunConfig,
    data: &RunData,
    (ranks, model): (&Ranks, &Model),
    folder: &RunFolder,
    observers: &mut Observers,
    stop: &dyn Fn() -> bool,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let started = Instant::now();
    let readout = model.readout().expect("checked before the run had a folder");
    let samples = data.parts.train.len();
    let fit = accumulate(ranks, model, readout, &data.parts.train, &mut |done| {
        progress("features", done, samples);
    })?;
    progress("solving the readout", samples, samples);
    if ranks.any(stop())? {
        let shown = folder.path().display();
        return Err(Error::Stopped(format!(
            "interrupted before the readout was solved; --resume {shown} begins again"
        )));
    }
    let candidates =
        choose((ranks, model), readout, fit, (&data.parts.validation, &candidates(config, model)))?;
    for candidate in &candidates {
        observers.notify(&Event::Candidate(candidate.clone()));
    }
    // Machines may round differently.
    ranks.broadcast(model.parameters().entries().iter().map(|entry| &entry.tensor))?;
    if !ranks.is_first() {
        return Ok(());
    }
    let baselines = data.stored_baselines();
    save_solved((model, baselines), config, folder, &candidates, started.elapsed().as_secs_f64())
}

/// The λ to choose from.
fn candidates(config: &RunConfig, model: &Model) -> Vec<f64> {
    if let Method::Ridge(RidgeMethod { regularization: Some(regularization) }) = config.method {
        return vec![regularization];
    }
    let exact = model.parameters().kind() == Kind::Double;
    let fits = |regularization: &f64| exact || *regularization >= SMALLEST_OF_FLOAT;
    REGULARIZATIONS.into_iter().filter(fits).collect()
}

/// Runs the pass over the training samples; [`choose`] completes the solution.
///
/// # Errors
/// Those of [`run_front`].
fn accumulate<'a>(
    ranks: &Ranks,
    model: &Model,
    readout: &'a Readout,
    train: &SampleSet,
    progress: &mut dyn FnMut(i64),
) -> Result<ReadoutFit<'a>, Error> {
    // The λ of `RidgeStart` is not used, because all candidates are tried.
    let start = RidgeStart { regularization: REGULARIZATIONS[0], scale: SCALE };
    let mut fit = readout.fit(Some(start), model.parameters().device())?;
    run_front(ranks, model, train, Some(&mut fit), false, progress)?;
    Ok(fit)
}

/// Solves for every candidate, compares the solutions on the validation samples and sets the best one in `model`.
///
/// # Errors
/// [`Error::Core`] if no candidate has a solution, or if memory is insufficient.
fn choose(
    (ranks, model): (&Ranks, &Model),
    readout: &Readout,
    fit: ReadoutFit<'_>,
    (validation, regularizations): (&SampleSet, &[f64]),
) -> Result<Vec<Candidate>, Error> {
    let no_target = || lnn_core::Error::Value {
        name: "the number of training targets that count",
        expected: "at least 1",
        found: "none; hint: targets of masked steps and of the first model.washout steps do not count".into(),
    };
    let system = fit.system()?.ok_or_else(no_target)?;
    let unit = system.mean_diagonal();
    let mut solutions = Vec::with_capacity(regularizations.len());
    let mut refusal = None;
    for &regularization in regularizations {
        match system.solve(regularization * unit) {
            Ok(solution) => solutions.push((regularization, solution)),
            // This λ is too small for these features; the next one may have a solution.
            Err(error @ ModelError::Core(lnn_core::Error::Value { .. })) => refusal = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    let evaluations = compare(ranks, model, readout, &solutions, validation)?;
    let scores = |evaluation: &Evaluation| (evaluation.loss, evaluation.accuracy);
    let mut best: Option<usize> = None;
    for (i, evaluation) in evaluations.iter().enumerate().filter(|(_, e)| e.loss.is_finite()) {
        if best.is_none_or(|best| Selection::Accuracy.better(scores(evaluation), scores(&evaluations[best])))
        {
            best = Some(i);
        }
    }
    let Some(best) = best else {
        let unsolved = || lnn_core::Error::Value {
            name: "the features",
            expected: "finite",
            found: "some that are not".into(),
        };
        return Err(refusal.unwrap_or_else(|| unsolved().into()).into());
    };
    readout.set(&solutions[best].1)?;
    Ok(regularizations
        .iter()
        .map(|&regularization| {
            let place = solutions.iter().position(|(solved, _)| solved.total_cmp(&regularization).is_eq());
            let evaluation = place.map(|place| &evaluations[place]);
            Candidate {
                regularization,
                val_loss: evaluation.map(|evaluation| evaluation.loss),
                val_accuracy: evaluation.and_then(|evaluation| evaluation.accuracy),
                chosen: place == Some(best),
            }
        })
        .collect())
}

/// Evaluates all solutions in one pass, because the front costs more than the readouts.
fn compare(
    ranks: &Ranks,
    model: &Model,
    readout: &Readout,
    solutions: &[(f64, RidgeSolution)],
    validation: &SampleSet,
) -> Result<Vec<Evaluation>, Error> {
    evaluate_each(ranks, model, validation, solutions.len(), |features, i, mode| {
        readout.set(&solutions[i].1)?;
        Ok(model.head(features, mode)?.prediction)
    })
}

/// Writes the solved model as the last and the best checkpoint of a run.
///
/// # Errors
/// [`Error::Model`] if the folder cannot be written.
fn save_solved(
    (model, baselines): (&Model, Vec<(String, Tensor)>),
    config: &RunConfig,
    folder: &RunFolder,
    candidates: &[Candidate],
    seconds: f64,
) -> Result<(), Error> {
    let chosen = candidates.iter().find(|candidate| candidate.chosen);
    let best = chosen.and_then(|chosen| chosen.val_loss.map(|loss| (loss, chosen.val_accuracy)));
    let early_stopping = EarlyStopping { best, best_epoch: 1, waited: 0 };
    let state = TrainingState { epoch: 1, seconds, early_stopping, ..TrainingState::START };
    let checkpoint = Checkpoint {
        description: config.describe(model, &state),
        model: model.parameters().snapshot(),
        optimizer: Vec::new(),
        data: baselines,
    };
    folder.check_in_place()?;
    checkpoint.save(&folder.best())?;
    Ok(checkpoint.save(&folder.last())?)
}
