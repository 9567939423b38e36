//! The errors of this crate.

use std::path::{Path, PathBuf};

/// The reason why a run cannot start or has failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the configuration has a value that no run can use.
    #[error("{key} must be {expected}, found {found}")]
    Setting {
        /// The key.
        key: &'static str,
        /// The values it can have.
        expected: &'static str,
        /// The value that was found.
        found: String,
    },
    /// A configuration cannot be read, or does not fit its model or its data.
    #[error("{0}")]
    Configuration(String),
    /// The run needs more memory than the process may use.
    #[error("not enough memory: {what} need {needed}, this process may use {usable}; hint: a smaller model")]
    Memory {
        /// What needs it.
        what: String,
        /// The estimate, as `1.5 GB`.
        needed: String,
        /// The memory that the process may use.
        usable: String,
    },
    /// The folder of a run, or a file in it, cannot be used.
    #[error("{0}")]
    Folder(String),
    /// A file could not be read or written while the run was under way.
    #[error("{}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The message of the operating system.
        reason: String,
    },
    /// The run was asked to stop before there was anything to save.
    #[error("{0}")]
    Stopped(String),
    /// A loss is infinite or not a number.
    #[error(
        "the {which} loss is {loss} in epoch {epoch}, step {step} of {steps}; {kept}; hint: lower --lr, or look for extreme \
         values in the data"
    )]
    NonFinite {
        /// `training` or `validation`.
        which: &'static str,
        /// The loss.
        loss: f64,
        /// The epoch, from 1.
        epoch: u64,
        /// The step of the epoch, from 1.
        step: u64,
        /// Steps per epoch.
        steps: u64,
        /// What remains of the run on disk.
        kept: String,
    },
    /// The data cannot be read or divided.
    #[error(transparent)]
    Data(#[from] lnn_data::DataError),
    /// The model or its checkpoint failed.
    #[error(transparent)]
    Model(#[from] lnn_models::Error),
    /// An observer cannot record an event.
    #[error(transparent)]
    Observer(Box<dyn std::error::Error + Send + Sync>),
    /// The run went on to its end, but an observer could not record all of it.
    #[error("the checkpoints of the run are complete, but not all of its records: {0}")]
    Unrecorded(String),
}

impl Error {
    /// Returns a function that wraps an input or output error of the file at `path`.
    pub fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |error| Self::Io { path: path.to_owned(), reason: error.to_string() }
    }

    /// Returns the error for a place that a request names and that cannot be written: a failure of the run if the disk is full, a wrong
    /// request otherwise.
    pub fn unwritable(path: &Path, error: &std::io::Error) -> Self {
        match lnn_models::lacks_room(error) {
            true => Self::Io { path: path.to_owned(), reason: format!("cannot be written: {error}") },
            false => Self::Folder(format!("cannot write {}: {error}", path.display())),
        }
    }

    /// Returns the error for a configuration that cannot be used.
    pub fn configuration(reason: impl Into<String>) -> Self {
        Self::Configuration(reason.into())
    }
}

impl From<lnn_core::Error> for Error {
    fn from(error: lnn_core::Error) -> Self {
        Self::Model(error.into())
    }
}

impl From<lnn_core::ContractError> for Error {
    fn from(error: lnn_core::ContractError) -> Self {
        Self::Model(error.into())
    }
}

impl From<lnn_sys::Error> for Error {
    fn from(error: lnn_sys::Error) -> Self {
        lnn_core::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn a_full_disk_is_a_failure_and_a_place_without_permission_a_wrong_request() {
        let error = |kind: ErrorKind| Error::unwritable(Path::new("run"), &kind.into());
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge] {
            assert!(matches!(error(kind), Error::Io { .. }), "{kind}");
        }
        for kind in [ErrorKind::PermissionDenied, ErrorKind::NotADirectory, ErrorKind::ReadOnlyFilesystem] {
            assert!(matches!(error(kind), Error::Folder(_)), "{kind}");
        }
    }
}
