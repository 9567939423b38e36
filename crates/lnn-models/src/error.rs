//! The errors of this crate.

use lnn_core::ContractError;
use std::path::PathBuf;

/// What can be wrong with a configuration or a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration asks for something that cannot be built.
    #[error("the {model} model cannot be built: {reason}")]
    Config {
        /// Which model.
        model: &'static str,
        /// Why not.
        reason: String,
    },
    /// A model that takes images alone was asked to take sequences.
    #[error(
        "the {model} model cannot be built: expected images, found sequences; hint: the model liquid takes sequences"
    )]
    ImagesOnly {
        /// Which model.
        model: &'static str,
    },
    /// An input cannot be standardised so.
    #[error("standardization: {0}")]
    Standardization(String),
    /// A model whose cells know no time was given the time between steps.
    #[error("the model {model} knows no time between its steps, so it takes no dt; hint: liquid does")]
    NoTime {
        /// Which model.
        model: &'static str,
    },
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a checkpoint, or is damaged.
    #[error("{path} is not a usable checkpoint: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The file was written by an earlier version of this program, whose format is no longer read.
    #[error(
        "{path} has checkpoint format {found}, this program reads {supported}; hint: use the lnn-cli that wrote it"
    )]
    OlderFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version that is read.
        supported: u64,
    },
    /// The file was written by a later version of this program.
    #[error(
        "{path} has checkpoint format {found}, this program reads up to {supported}; hint: use a newer lnn-cli"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest version that is known.
        supported: u64,
    },
    /// The module was exported by an earlier version of this program, whose description is no longer read.
    #[error("{path} has export format {found}, this program reads {supported}; hint: export it again")]
    OlderExport {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version that is read.
        supported: u64,
    },
    /// The module was exported by a later version of this program.
    #[error(
        "{path} has export format {found}, this program reads up to {supported}; hint: use a newer lnn-cli"
    )]
    NewerExport {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest version that is known.
        supported: u64,
    },
    /// A module does not hold the tensors of the model that it describes.
    #[error(
        "{path} does not fit its model: {reason}; hint: a module comes back as it was exported: whole, not frozen, \
         and float32, as `module.float()` makes it"
    )]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The tensors could not be put into a file.
    #[error("the weights cannot be written: {0}")]
    Serialize(String),
    /// An input or a data set does not fit the model.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The mathematics refused.
    #[error(transparent)]
    Core(#[from] lnn_core::Error),
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Self::Core(error.into())
    }
}
