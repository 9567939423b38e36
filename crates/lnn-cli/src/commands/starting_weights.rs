//! `lnn-cli train --init CHECKPOINT`: a new run that starts from the weights of an old model.

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::run_folder::checkpoint_file;
use lnn_models::{Checkpoint, InputSpec, Model};
use std::path::Path;
use tch::Device;

/// Makes `config` one for the checkpoint's model: the same parts and the same standardisation, no start of its own.
///
/// # Errors
/// [`Failure::Request`] if the checkpoint cannot be read or holds another kind of model.
pub(super) fn adopt(config: &mut RunConfig, source: &Path) -> Result<(), Failure> {
    let path = checkpoint_file(source)?;
    let description = Checkpoint::load(&path)?.description;
    let (asked, found) = (config.model.name(), description.model.name());
    if asked != found {
        let shown = path.display();
        return Err(Failure::request(format!(
            "--init: expected a checkpoint of {asked}, found {found} in {shown}"
        )));
    }
    config.model = description.model;
    config.standardization = description.standardization;
    config.readout_start = None;
    // The run may go on from another folder.
    config.init =
        Some(path.canonicalize().map_err(|error| Failure::request(format!("{}: {error}", path.display())))?);
    Ok(())
}

/// The model of the checkpoint at `path`, which must be the one that `config` and the data ask for.
///
/// # Errors
/// [`Failure::Request`] if it cannot be read or is another model.
pub(super) fn model(
    config: &RunConfig,
    path: &Path,
    input: &InputSpec,
    device: Device,
) -> Result<Model, Failure> {
    let checkpoint = Checkpoint::load(path)?;
    let description = &checkpoint.description;
    let refuse = |what: &str| {
        let shown = path.display();
        Err(Failure::request(format!(
            "--init: the {what} of the configuration is not that of {shown}; hint: leave its keys as they are"
        )))
    };
    if description.model != config.model {
        return refuse("model");
    }
    if description.standardization != config.standardization {
        return refuse("standardization");
    }
    if config.readout_start.is_some() {
        return Err(Failure::request(
            "--init: expected readout_start to be null, because it would replace the weights",
        ));
    }
    description.input.check_same(input)?;
    Ok(checkpoint.model(device)?)
}
