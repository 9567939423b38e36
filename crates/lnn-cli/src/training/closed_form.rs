//! A readout of a fixed front in closed form: ridge regression in one pass over the training samples, without epochs.
//!
//! The regularisation λ is chosen on the validation samples, in one pass for all candidates. Features live for a block.

use super::{EarlyStopping, Evaluation, Samples, Selection, TrainError, TrainingState, run_front};
use crate::config::RunConfig;
use crate::run_folder::RunFolder;
use clap::ValueEnum;
use lnn_core::RidgeSolution;
use lnn_models::{Checkpoint, Error, Input, Mode, Model, Readout, ReadoutFit, RidgeStart};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// How many validation samples are computed at once: bounds the memory.
const BLOCK: i64 = 500;

/// The candidates for λ, as parts of the mean diagonal of the features' covariance.
const REGULARIZATIONS: [f64; 11] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2];

/// What solutions are multiplied by: regression aims at 0 and 1, logits must lie further apart. Accuracies do not change.
const SCALE: f64 = 8.0;

/// How the readout of a fixed front gets its weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ReadoutMethod {
    /// By gradients, over epochs, as every other part that trains
    #[default]
    Gradient,
    /// In closed form, in one pass
    Ridge,
}

/// A value of λ that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// λ as a part of the mean diagonal.
    pub regularization: f64,
    /// Validation loss; none if λ was too small for the equations to have a solution.
    pub val_loss: Option<f64>,
    /// Validation accuracy.
    pub val_accuracy: Option<f64>,
    /// Whether it was chosen: by accuracy, and among equals by loss.
    pub chosen: bool,
}

/// Begins the pass over the training samples, which ends in [`choose`].
///
/// # Errors
/// Those of [`run_front`].
pub fn accumulate<'a>(
    model: &Model,
    readout: &'a Readout,
    train: &Samples,
    progress: &mut dyn FnMut(i64),
) -> Result<ReadoutFit<'a>, Error> {
    // The λ of the start is not used: all candidates are.
    let start = RidgeStart { regularization: REGULARIZATIONS[0], scale: SCALE };
    let mut fit = readout.fit(Some(start), model.parameters().device())?;
    run_front(model, train, Some(&mut fit), false, progress)?;
    Ok(fit)
}

/// Solves for every candidate, compares them on the validation samples and leaves the best in `model`.
///
/// # Errors
/// [`Error::Core`] if no candidate has a solution, or if there is no memory.
pub fn choose(
    model: &Model,
    readout: &Readout,
    fit: ReadoutFit<'_>,
    validation: &Samples,
) -> Result<Vec<Candidate>, Error> {
    let system = fit.system()?.expect("the pass was for the equations, and saw samples");
    let unit = system.mean_diagonal();
    let mut solutions = Vec::with_capacity(REGULARIZATIONS.len());
    let mut refusal = None;
    for regularization in REGULARIZATIONS {
        match system.solve(regularization * unit) {
            Ok(solution) => solutions.push((regularization, solution)),
            // Too small for these features: the next may do.
            Err(error @ Error::Core(lnn_core::Error::Value { .. })) => refusal = Some(error),
            Err(error) => return Err(error),
        }
    }
    let evaluations = compare(model, readout, &solutions, validation)?;
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
        return Err(refusal.unwrap_or_else(|| unsolved().into()));
    };
    readout.set(&solutions[best].1)?;
    Ok(REGULARIZATIONS
        .into_iter()
        .map(|regularization| {
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

/// Evaluates all solutions in one pass: the front costs more than the readouts.
fn compare(
    model: &Model,
    readout: &Readout,
    solutions: &[(f64, RidgeSolution)],
    validation: &Samples,
) -> Result<Vec<Evaluation>, Error> {
    let sum = || Tensor::zeros([2], (Kind::Double, validation.targets.device()));
    let mut sums: Vec<Tensor> = solutions.iter().map(|_| sum()).collect();
    for block in validation.blocks(BLOCK) {
        let features: Input = tch::no_grad(|| model.front(block.input()))?;
        for ((_, solution), sum) in solutions.iter().zip(&mut sums) {
            readout.set(solution)?;
            let prediction = tch::no_grad(|| model.head(&features, Mode::Evaluation))?.prediction;
            let loss = model.loss(&prediction, &block.targets, 0.0).to_kind(Kind::Double) * block.len();
            let correct = model.task().correct(&prediction, &block.targets);
            let correct = correct.unwrap_or_else(|| loss.zeros_like());
            *sum += Tensor::stack(&[loss, correct], 0);
        }
    }
    let samples = validation.len();
    let mean = |sum: &Tensor, i: i64| sum.double_value(&[i]) / samples as f64;
    let classes = matches!(model.task(), lnn_models::Task::Classification { .. });
    let evaluation = |sum: &Tensor| Evaluation {
        accuracy: classes.then(|| mean(sum, 1)),
        loss: mean(sum, 0),
        mean_absolute_error: None,
        samples,
    };
    Ok(sums.iter().map(evaluation).collect())
}

/// Writes the solved model as a run's last and best checkpoint.
///
/// # Errors
/// [`TrainError::Model`] if the folder cannot be written.
pub fn save_solved(
    model: &Model,
    config: &RunConfig,
    folder: &RunFolder,
    candidates: &[Candidate],
    seconds: f64,
) -> Result<(), TrainError> {
    let chosen = candidates.iter().find(|candidate| candidate.chosen);
    let best = chosen.and_then(|chosen| chosen.val_loss.map(|loss| (loss, chosen.val_accuracy)));
    let early_stopping = EarlyStopping { best, best_epoch: 1, waited: 0 };
    let state = TrainingState { epoch: 1, seconds, early_stopping, ..TrainingState::START };
    let checkpoint = Checkpoint {
        description: config.describe(model, &state),
        model: model.parameters().snapshot(),
        optimizer: Vec::new(),
    };
    checkpoint.save(&folder.best())?;
    Ok(checkpoint.save(&folder.last())?)
}
