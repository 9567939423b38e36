//! `lnn-cli inspect`.

use crate::args::InspectArguments;
use crate::failure::Failure;
use crate::observers::print_line;
use crate::run_folder::checkpoint_file;
use crate::training::TrainingState;
use lnn_core::Role;
use lnn_models::Checkpoint;
use serde::Serialize;
use std::path::PathBuf;
use tch::Device;

/// What `inspect --json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    file: PathBuf,
    description: &'a lnn_models::Description,
    resumable: bool,
    tensors: Vec<TensorLine>,
}

#[derive(Debug, Serialize)]
struct TensorLine {
    name: String,
    shape: Vec<i64>,
    dtype: String,
    trainable: bool,
}

pub(super) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    let file = checkpoint_file(&arguments.source)?;
    let checkpoint = Checkpoint::load(&file)?;
    // Building the model checks that the description and the tensors belong together.
    let model = checkpoint.model(Device::Cpu)?;
    let tensors = model.parameters().entries().iter().map(|entry| TensorLine {
        name: entry.name.clone(),
        shape: entry.tensor.size(),
        dtype: format!("{:?}", entry.tensor.kind()).to_lowercase(),
        trainable: entry.role == Role::Trainable,
    });
    let report = Report {
        file,
        description: &checkpoint.description,
        resumable: !checkpoint.optimizer.is_empty(),
        tensors: tensors.collect(),
    };
    if arguments.json {
        return print_line(&report);
    }
    print(&report)
}

fn print(report: &Report<'_>) -> Result<(), Failure> {
    let description = report.description;
    let input = &description.input;
    println!("file        {}", report.file.display());
    println!(
        "format      {}, written by lnn-cli {} ({})",
        description.format_version, description.program_version, description.program_commit
    );
    println!("model       {}", description.model.name());
    println!("input       images [N, {}, {}, {}] in 0..1", input.channels, input.height, input.width);
    println!("classes     {}", input.class_names.join(", "));
    println!("trained on  {}, seed {}", description.data, description.seed);
    if let Ok(state) = serde_json::from_value::<TrainingState>(description.training.clone()) {
        println!("epochs      {} finished, {} steps, {:.0} s", state.epoch, state.step, state.seconds);
        if let Some((loss, accuracy)) = state.early_stopping.best {
            let epoch = state.early_stopping.best_epoch;
            println!("best        epoch {epoch}: val_accuracy {accuracy:.4}, val_loss {loss:.4}");
        }
    }
    println!("resumable   {}", if report.resumable { "yes" } else { "no, it holds the weights alone" });
    let config = serde_json::to_string_pretty(&description.model).map_err(Failure::run)?;
    println!("\n{config}\n");
    let width = report.tensors.iter().map(|line| line.name.len()).max().unwrap_or(0);
    for TensorLine { name, shape, dtype, trainable } in &report.tensors {
        let role = if *trainable { "trainable" } else { "fixed" };
        println!("{name:width$}  {role:9}  {dtype}  {shape:?}");
    }
    Ok(())
}
