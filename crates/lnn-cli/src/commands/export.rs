//! `lnn-cli export`.

use super::compute::limit_memory;
use crate::failure::Failure;
use crate::output::{check_writable, say};
use clap::{Args, ValueEnum};
use lnn_models::{Checkpoint, Description};
use lnn_train::{TrainingState, checkpoint_file, write_atomically};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A TorchScript module with its code, for torch.jit.load
    Torchscript,
    /// The weights alone, with a description as metadata
    Safetensors,
}

/// The arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub(crate) source: PathBuf,
    /// The file to write, as model.pt or model.safetensors
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The format [default: by the ending of the file]
    #[arg(long)]
    pub(crate) format: Option<ExportFormat>,
}

pub(super) fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    limit_memory();
    let format = format(arguments)?;
    let source = checkpoint_file(&arguments.source)?;
    check_writable(&arguments.out, &[&source])?;
    let mut checkpoint = Checkpoint::load(&source)?;
    let metrics = metrics(&checkpoint.description);
    make_portable(&mut checkpoint.description);
    let bytes = match format {
        ExportFormat::Torchscript => checkpoint.to_torchscript(metrics)?,
        ExportFormat::Safetensors => checkpoint.to_weights(metrics)?,
    };
    write_atomically(&arguments.out, &bytes)?;
    let (name, shown) = (checkpoint.description.model.name(), arguments.out.display());
    say(&format!("wrote {shown}: {name}, {:.1} MB", bytes.len() as f64 / 1e6));
    Ok(())
}

/// Returns the requested format, otherwise the format for the ending of the file.
fn format(arguments: &ExportArguments) -> Result<ExportFormat, Failure> {
    let ending = arguments.out.extension().and_then(|ending| ending.to_str());
    match (arguments.format, ending) {
        (Some(format), _) => Ok(format),
        (None, Some("pt" | "pth")) => Ok(ExportFormat::Torchscript),
        (None, Some("safetensors")) => Ok(ExportFormat::Safetensors),
        (None, _) => Err(Failure::request(format!(
            "{}: expected the ending .pt or .safetensors; hint: use --format torchscript or --format safetensors",
            arguments.out.display()
        ))),
    }
}

/// Removes what the description needs on this machine alone: folders in the name of the data, which are nobody else's business, and
/// records from which a run is resumed.
fn make_portable(description: &mut Description) {
    description.data = lnn_data::without_folders(&description.data);
    if let Ok(state) = serde_json::from_value::<TrainingState>(description.training.clone()) {
        description.training = json!(state.without_records());
    }
}

/// Returns the training metrics of the exported weights: those of the best epoch, or of the last.
fn metrics(description: &Description) -> Value {
    let Ok(state) = serde_json::from_value::<TrainingState>(description.training.clone()) else {
        return Value::Null;
    };
    let mut metrics = json!({ "epoch": state.epoch, "step": state.step, "seconds": state.seconds });
    if let Some((loss, accuracy)) = state.early_stopping.best {
        let epoch = state.early_stopping.best_epoch;
        metrics["best"] = json!({ "epoch": epoch, "val_loss": loss, "val_accuracy": accuracy });
    }
    metrics
}
