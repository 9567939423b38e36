//! `lnn-cli train --readout ridge`: the readout in closed form.

use super::progress_bar;
use super::run_data::RunData;
use crate::args::TrainArguments;
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::observers::Observers;
use crate::precision::Precision;
use crate::run_folder::RunFolder;
use crate::training::{Augmentation, Event, ReadoutMethod, accumulate, choose, save_solved};
use lnn_models::Model;
use std::time::Instant;

/// Whether the readout of `config` is solved, not trained.
pub(super) fn asked(config: &RunConfig) -> bool {
    config.readout == ReadoutMethod::Ridge
}

/// Refuses flags that a readout in closed form does nothing with.
///
/// # Errors
/// [`Failure::Request`] that names the flag.
pub(super) fn check_flags(arguments: &TrainArguments, config: &RunConfig) -> Result<(), Failure> {
    let flags = [
        ("--epochs", arguments.epochs.is_some()),
        ("--pause-after", arguments.pause_after.is_some()),
        ("--lr", arguments.lr.is_some()),
        ("--batch-size", arguments.batch_size.is_some()),
    ];
    match flags.iter().find(|(_, given)| asked(config) && *given) {
        None => Ok(()),
        Some((name, _)) => Err(idle(name)),
    }
}

/// Refuses a model whose front trains, and keys that a readout in closed form does nothing with.
///
/// # Errors
/// [`Failure::Request`] that names what does not fit.
pub(super) fn check_model(config: &RunConfig, model: &Model) -> Result<(), Failure> {
    if !asked(config) {
        return Ok(());
    }
    if model.readout().is_none() {
        return Err(Failure::request(format!(
            "--readout ridge: expected a model whose front is fixed, as lnn, found {}, whose front trains; hint: --readout \
             gradient, or --model lnn",
            config.model.name()
        )));
    }
    let keys = [
        ("--init", config.init.is_some()),
        ("--precision bf16", config.precision != Precision::F32),
        ("augmentation", config.augmentation != Augmentation::NONE),
    ];
    keys.iter().find(|(_, given)| *given).map_or(Ok(()), |(name, _)| Err(idle(name)))
}

fn idle(name: &str) -> Failure {
    Failure::request(format!(
        "--readout ridge: one pass in full precision over the images as they are solves for the weights, so {name} would do \
         nothing; hint: leave it out, or take --readout gradient"
    ))
}

/// Refuses to go on with a run that is solved.
///
/// # Errors
/// [`Failure::Request`].
pub(super) fn check_unsolved(config: &RunConfig, folder: &RunFolder) -> Result<(), Failure> {
    if !asked(config) || !folder.last().exists() {
        return Ok(());
    }
    let shown = folder.path().display();
    Err(Failure::request(format!(
        "{shown}: its readout was solved in closed form, so there is nothing to go on with; hint: `train --init {shown}` trains \
         it further by gradients, `eval {shown}` measures it"
    )))
}

/// Solves, tells the observers of every candidate and saves the best.
///
/// # Errors
/// [`Failure`] of the model, the observers or the folder; [`Failure::Interrupted`] between the passes.
pub(super) fn solve(
    config: &RunConfig,
    data: &RunData,
    model: &Model,
    folder: &RunFolder,
    observers: &mut Observers,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let started = Instant::now();
    let readout = model.readout().expect("checked before the run had a folder");
    let bar = progress_bar("features", data.train.len() as u64);
    let fit = accumulate(model, readout, &data.train, &mut |done| bar.set_position(done as u64))?;
    bar.set_message("solving the readout");
    if interrupt.requested() {
        let shown = folder.path().display();
        let text = format!("interrupted before the readout was solved; --resume {shown} begins again");
        return Err(Failure::Interrupted(anyhow::Error::msg(text)));
    }
    let candidates = choose(model, readout, fit, &data.validation)?;
    bar.finish_and_clear();
    for candidate in &candidates {
        observers.notify(&Event::Candidate(candidate.clone()))?;
    }
    Ok(save_solved(model, config, folder, &candidates, started.elapsed().as_secs_f64())?)
}
