//! `lnn-cli import`.

use crate::args::ImportArguments;
use crate::failure::Failure;
use crate::writable::check_writable;
use lnn_models::Exported;

pub(super) fn run(arguments: &ImportArguments) -> Result<(), Failure> {
    check_writable(&arguments.out)?;
    let checkpoint = Exported::load(&arguments.source)?.to_checkpoint()?;
    checkpoint.save(&arguments.out)?;
    let (name, shown) = (checkpoint.description.model.name(), arguments.out.display());
    eprintln!("wrote {shown}: {name}, {} tensors", checkpoint.model.len());
    Ok(())
}
