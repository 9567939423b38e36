//! `lnn-cli inspect model.pt`.

use crate::failure::Failure;
use crate::output::print_line;
use lnn_models::{ExportDescription, Exported, Extent, InputShape, TensorContract, TensorInfo};
use serde::Serialize;
use std::path::Path;

/// The output of `inspect --json` for a module.
#[derive(Debug, Serialize)]
struct Report<'a> {
    file: &'a Path,
    description: &'a ExportDescription,
    tensors: Vec<TensorInfo>,
}

pub(super) fn run(file: &Path, json: bool) -> Result<(), Failure> {
    let exported = Exported::load(file)?;
    let tensors = TensorInfo::of_exported(&exported);
    let report = Report { file, description: &exported.description, tensors };
    if json {
        return print_line(&report);
    }
    let description = report.description;
    let checkpoint = &description.checkpoint;
    println!("file        {}", file.display());
    println!(
        "format      TorchScript of torch {}, written by lnn-cli {} ({})",
        description.torch_version, checkpoint.program_version, checkpoint.program_commit
    );
    println!("model       {}", checkpoint.model.name());
    println!("input       {}", contract(&description.input));
    if let InputShape::Sequences { features } = &checkpoint.input.shape {
        println!("features    {}", features.join(", "));
    }
    println!("output      {}", contract(&description.output));
    match description.class_names.is_empty() {
        false => println!("classes     {}", description.class_names.join(", ")),
        true => println!("values      {}", description.value_names.join(", ")),
    }
    println!("trained on  {}, seed {}", checkpoint.data, checkpoint.seed);
    println!("metrics     {}", description.metrics);
    println!("\n{}\n", serde_json::to_string_pretty(&checkpoint.model).map_err(Failure::run)?);
    let width = report.tensors.iter().map(|line| line.name.len()).max().unwrap_or(0);
    for TensorInfo { name, shape, dtype, trainable } in &report.tensors {
        let role = if *trainable { "trainable" } else { "fixed" };
        println!("{name:width$}  {role:9}  {dtype}  {shape:?}");
    }
    Ok(())
}

/// Formats a contract as `images float32 [N, 1, 28, 28] in 0..1`.
fn contract(contract: &TensorContract) -> String {
    let extent = |extent: &Extent| match extent {
        Extent::Fixed(extent) => extent.to_string(),
        Extent::Free(name) => name.clone(),
    };
    let shape: Vec<_> = contract.shape.iter().map(extent).collect();
    let range = contract.range.map(|(low, high)| format!(" in {low}..{high}")).unwrap_or_default();
    format!("{} {} [{}]{range}", contract.content, contract.dtype, shape.join(", "))
}
