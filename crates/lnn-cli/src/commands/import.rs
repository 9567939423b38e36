//! `lnn-cli import`.

use crate::args::ImportArguments;
use crate::failure::Failure;
use crate::pending_file::PendingFile;
use lnn_models::Exported;

pub(super) fn run(arguments: &ImportArguments) -> Result<(), Failure> {
    // Seen before any work; the checkpoint writes its own file.
    drop(PendingFile::reserve(&arguments.out)?);
    let checkpoint = Exported::load(&arguments.source)?.to_checkpoint()?;
    checkpoint.save(&arguments.out)?;
    let (name, shown) = (checkpoint.description.model.name(), arguments.out.display());
    eprintln!("wrote {shown}: {name}, {} tensors", checkpoint.model.len());
    Ok(())
}
