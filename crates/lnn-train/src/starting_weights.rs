//! A new run that starts from the weights of a trained model.

use crate::config::RunConfig;
use crate::error::Error;
use crate::run_folder::checkpoint_file;
use lnn_models::Checkpoint;
use std::path::Path;

impl RunConfig {
    /// Returns the configuration for the model of the checkpoint at `source`: with the same parts and the same standardisation,
    /// and without an initialisation of the readout.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the checkpoint holds another kind of model; [`Error::Folder`] or [`Error::Model`] if it cannot be
    /// read.
    pub fn starting_from(mut self, source: &Path) -> Result<Self, Error> {
        let path = checkpoint_file(source)?;
        let description = Checkpoint::load(&path)?.description;
        let (asked, found) = (self.model.name(), description.model.name());
        let shown = path.display();
        if asked != found {
            return Err(Error::configuration(format!(
                "--init: expected a checkpoint of {asked}, found {found} in {shown}"
            )));
        }
        self.model = description.model;
        self.standardization = description.standardization;
        self.method.forget_readout_start();
        // The path is absolute, because the run may be resumed from another working directory.
        self.init = Some(path.canonicalize().map_err(|error| Error::Folder(format!("{shown}: {error}")))?);
        Ok(self)
    }
}

/// Loads the checkpoint at `path` that a run starts from, whose model must be that of `config`.
///
/// # Errors
/// [`Error::Configuration`] if the model does not match; [`Error::Model`] if it cannot be read.
pub(crate) fn checkpoint(config: &RunConfig, path: &Path) -> Result<Checkpoint, Error> {
    let checkpoint = Checkpoint::load(path)?;
    let description = &checkpoint.description;
    let refuse = |what: &str| {
        let shown = path.display();
        Err(Error::configuration(format!(
            "--init: the {what} of the configuration is not that of {shown}; hint: leave its keys as they are"
        )))
    };
    if description.model != config.model {
        return refuse("model");
    }
    if description.standardization != config.standardization {
        return refuse("standardization");
    }
    if config.method.readout_start().is_some() {
        return Err(Error::configuration(
            "--init: expected readout_start to be null, because it would replace the weights",
        ));
    }
    Ok(checkpoint)
}
