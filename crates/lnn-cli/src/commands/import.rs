//! `lnn-cli import`.

use super::compute::limit_memory;
use crate::failure::Failure;
use crate::output::{check_writable, say};
use clap::Args;
use lnn_models::Exported;
use std::path::PathBuf;

/// The arguments of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// A module that `export` wrote, or that torch.jit.save wrote after changes
    #[arg(value_name = "MODEL.pt")]
    pub(crate) source: PathBuf,
    /// The checkpoint to write, for eval, predict, export and train --init
    #[arg(long, value_name = "CHECKPOINT")]
    pub(crate) out: PathBuf,
}

pub(super) fn run(arguments: &ImportArguments) -> Result<(), Failure> {
    limit_memory();
    check_writable(&arguments.out, &[&arguments.source])?;
    let checkpoint = Exported::load(&arguments.source)?.to_checkpoint()?;
    checkpoint.save(&arguments.out).map_err(Failure::run)?;
    let (name, shown) = (checkpoint.description.model.name(), arguments.out.display());
    say(&format!("wrote {shown}: {name}, {} tensors", checkpoint.model.len()));
    Ok(())
}
