//! `lnn-cli inspect`.

use super::compute::limit_memory;
use super::inspect_exported;
use super::inspect_network::write_network;
use crate::failure::Failure;
use crate::output::{print_line, print_text};
use clap::Args;
use lnn_core::{InputShape, Task};
use lnn_models::{Checkpoint, Exported, Model, TensorInfo};
use lnn_train::{TrainingState, checkpoint_file, in_digits};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use tch::Device;

/// The arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A run's folder (its best epoch), a checkpoint file or an exported .pt
    pub(crate) source: PathBuf,
    /// Draw the wiring of a checkpoint's model, layers as columns, into this SVG file
    #[arg(long, value_name = "FILE")]
    pub(crate) wiring: Option<PathBuf>,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// The output of `inspect --json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    file: PathBuf,
    description: &'a lnn_models::Description,
    resumable: bool,
    tensors: Vec<TensorInfo>,
}

pub(super) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    limit_memory();
    let file = checkpoint_file(&arguments.source)?;
    if Exported::recognizes(&file)? {
        if arguments.wiring.is_some() {
            return Err(Failure::request("--wiring needs a run or a checkpoint, found an exported module"));
        }
        return inspect_exported::run(&file, arguments.json);
    }
    let checkpoint = Checkpoint::load(&file)?;
    // Building the model verifies that the description and the tensors match.
    let model = checkpoint.model(Device::Cpu)?;
    if let Some(path) = &arguments.wiring {
        draw(&model, path)?;
    }
    let report = Report {
        file,
        description: &checkpoint.description,
        resumable: !checkpoint.optimizer.is_empty(),
        tensors: TensorInfo::of_model(&model),
    };
    if arguments.json {
        return print_line(&report);
    }
    print_text(describe(&report).map_err(Failure::run)?.trim_end())
}

/// Draws the wirings of the model.
fn draw(model: &Model, path: &Path) -> Result<(), Failure> {
    let wirings = model.wirings();
    if wirings.is_empty() {
        let name = model.config().name();
        let hint = "ltc has one, and cfc with model.wiring";
        return Err(Failure::request(format!("--wiring: the model {name} has no wiring; hint: {hint}")));
    }
    let inputs = match &model.input().shape {
        InputShape::Sequences { features } if model.input().may_miss() => {
            let present = features.iter().map(|name| format!("{name} present"));
            features.iter().cloned().chain(present).collect()
        }
        InputShape::Sequences { features } => features.clone(),
        InputShape::Images { .. } => Vec::new(),
    };
    let picture = lnn_train::draw_wirings(&wirings, &inputs).map_err(Failure::run)?;
    Ok(lnn_train::write_atomically(path, picture.as_bytes())?)
}

/// Formats the report as text.
fn describe(report: &Report<'_>) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let description = report.description;
    let input = &description.input;
    writeln!(text, "file        {}", report.file.display())?;
    writeln!(
        text,
        "format      {}, written by lnn-cli {} ({})",
        description.format_version, description.program_version, description.program_commit
    )?;
    writeln!(text, "model       {}", description.model.name())?;
    match &input.shape {
        InputShape::Images { .. } => writeln!(text, "input       {} in 0..1", input.batch_shape())?,
        InputShape::Sequences { features } => {
            writeln!(text, "input       {}: {}", input.batch_shape(), features.join(", "))?;
        }
    }
    if input.may_miss() {
        writeln!(text, "missing     NaN is a missing value")?;
    }
    if let Some(timing) = &input.timing {
        writeln!(
            text,
            "time        dt is divided by the unit {}; typically {}",
            timing.unit,
            timing.typical()
        )?;
    }
    match &input.task {
        Task::Classification { class_names } => writeln!(text, "classes     {}", class_names.join(", "))?,
        Task::Regression { value_names } => writeln!(text, "values      {}", value_names.join(", "))?,
    }
    writeln!(text, "trained on  {}, seed {}", description.data, description.seed)?;
    if let Ok(state) = serde_json::from_value::<TrainingState>(description.training.clone()) {
        writeln!(text, "epochs      {} finished, {} steps, {:.0} s", state.epoch, state.step, state.seconds)?;
        if let Some((loss, accuracy)) = state.early_stopping.best {
            let epoch = state.early_stopping.best_epoch;
            let accuracy =
                accuracy.map(|accuracy| format!("val_accuracy {accuracy:.4}, ")).unwrap_or_default();
            writeln!(text, "best        epoch {epoch}: {accuracy}val_loss {}", in_digits(loss))?;
        }
    }
    writeln!(
        text,
        "resumable   {}",
        if report.resumable { "yes" } else { "no, it holds the weights alone" }
    )?;
    write_network(&mut text, &description.model, &report.tensors)?;
    Ok(text)
}
