//! Errors of reading a `.npz` file.

use crate::readers::option::OptionError;
use std::path::PathBuf;

/// The reason why a `.npz` file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum NpzError {
    /// An option is unknown, stands twice, or its value is invalid.
    #[error("--data npz: {0}")]
    Option(OptionError),
    /// The operating system refused to read the file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is no archive of arrays.
    #[error("{}: expected a .npz file as numpy.savez writes it, found {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// An array is not as it should be.
    #[error("{}, array {array}: expected {expected}, found {found}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The name of the array.
        array: String,
        /// What was expected.
        expected: String,
        /// What was found, with a hint.
        found: String,
    },
}
