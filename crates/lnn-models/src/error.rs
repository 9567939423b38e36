//! The errors of this crate.

use crate::preset::Preset;
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
        /// The key, what was expected, and what was found.
        reason: String,
    },
    /// A name is not that of a model.
    #[error("expected a model of {known}, found {found}")]
    NoModel {
        /// The name that was given.
        found: String,
        /// The names of all models.
        known: String,
    },
    /// A model does not have the preset that was asked for.
    #[error("the model {model} has the presets {known}, found {found}")]
    NoPreset {
        /// Which model.
        model: &'static str,
        /// The preset that was asked for.
        found: Preset,
        /// The names of the presets that the model has.
        known: String,
    },
    /// A model is asked for single steps, but it sees all steps at once.
    #[error("the model {model} sees all steps at once and cannot be run step by step; hint: liquid can")]
    NoSteps {
        /// Which model.
        model: &'static str,
    },
    /// A tensor of one step has another shape than the model takes.
    #[error("{what} of one step must have the shape {expected:?}, found {found:?}")]
    Step {
        /// Which tensor.
        what: &'static str,
        /// The shape that the model takes.
        expected: Vec<i64>,
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// A state does not belong to the model or to the batch.
    #[error(
        "the state must be the tensors {expected}, found {found}; hint: `Model::start` returns the first state"
    )]
    State {
        /// Dtypes and shapes of the state's tensors.
        expected: String,
        /// Dtypes and shapes that were found.
        found: String,
    },
    /// A model that takes images alone was asked to take sequences.
    #[error(
        "the {model} model cannot be built: expected images, found sequences; hint: the model liquid takes sequences"
    )]
    ImagesOnly {
        /// Which model.
        model: &'static str,
    },
    /// A model cannot go on from the end of a series.
    #[error("forecast: {0}")]
    Forecast(String),
    /// A model cannot learn from a stream, or a stream cannot go on.
    #[error("stream: {0}")]
    Stream(String),
    /// A readout that learns from a stream has weights that are not finite.
    #[error(
        "stream: the readout that learns has diverged: its predictions are not finite; hint: a forgetting nearer to 1, or a smaller rate"
    )]
    Diverged,
    /// An input cannot be standardised so.
    #[error("standardization: {0}")]
    Standardization(String),
    /// A model that takes no time between steps was given one.
    #[error(
        "the model {model} knows no time between its steps, so it takes no dt; hint: liquid, ltc and cfc do, and every model that is trained on data with a time"
    )]
    NoTime {
        /// Which model.
        model: &'static str,
    },
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
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
    /// The file is not the state of a stream, or is damaged.
    #[error("{path} is not the state of a stream, as --state writes it: {reason}")]
    DamagedState {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The file was written by an earlier version of this program, whose format is no longer read.
    #[error(
        "{path} has checkpoint format {found}, this program reads {supported} and later; hint: use the lnn-cli that wrote it"
    )]
    OlderFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The oldest version that is read.
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
         and in its own dtype, as `module.float()` makes a float32 module again"
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
