//! The part of `lnn-cli inspect` that is the same for a checkpoint and for a module.

use lnn_models::{ModelConfig, TensorInfo};
use std::fmt::{Error, Write};

/// Appends the configuration of a model, and its tensors, one per line.
pub(super) fn write_network(
    text: &mut String,
    config: &ModelConfig,
    tensors: &[TensorInfo],
) -> Result<(), Error> {
    let config = serde_json::to_string_pretty(config).expect("a configuration is plain data");
    writeln!(text, "\n{config}\n")?;
    let width = tensors.iter().map(|line| line.name.len()).max().unwrap_or(0);
    for TensorInfo { name, shape, dtype, trainable } in tensors {
        let role = if *trainable { "trainable" } else { "fixed" };
        writeln!(text, "{name:width$}  {role:9}  {dtype}  {shape:?}")?;
    }
    Ok(())
}
