//! `lnn-cli inspect model.pt`.

use super::inspect_network::write_network;
use crate::failure::Failure;
use crate::output::{print_line, print_text};
use lnn_models::{ExportDescription, Exported, Extent, InputShape, TensorContract, TensorInfo};
use serde::Serialize;
use std::fmt::Write;
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
    print_text(describe(&report).map_err(Failure::run)?.trim_end())
}

/// Formats the report as text.
fn describe(report: &Report<'_>) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let description = report.description;
    let checkpoint = &description.checkpoint;
    writeln!(text, "file        {}", report.file.display())?;
    writeln!(
        text,
        "format      TorchScript of torch {}, written by lnn-cli {} ({})",
        description.torch_version, checkpoint.program_version, checkpoint.program_commit
    )?;
    writeln!(text, "model       {}", checkpoint.model.name())?;
    writeln!(text, "input       {}", contract(&description.input))?;
    if let InputShape::Sequences { features } = &checkpoint.input.shape {
        writeln!(text, "features    {}", features.join(", "))?;
    }
    if checkpoint.input.may_miss() {
        writeln!(text, "missing     NaN is a missing value")?;
    }
    writeln!(text, "output      {}", contract(&description.output))?;
    match description.class_names.is_empty() {
        false => writeln!(text, "classes     {}", description.class_names.join(", "))?,
        true => writeln!(text, "values      {}", description.value_names.join(", "))?,
    }
    writeln!(text, "trained on  {}, seed {}", checkpoint.data, checkpoint.seed)?;
    writeln!(text, "metrics     {}", description.metrics)?;
    write_network(&mut text, &checkpoint.model, &report.tensors)?;
    Ok(text)
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
