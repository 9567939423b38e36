//! Errors of reading a `.ts` file.

use crate::readers::option::OptionError;
use std::path::PathBuf;

/// The reason why a `.ts` file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TsError {
    /// An option is unknown, stands twice, or its value is invalid.
    #[error("--data ts: {0}")]
    Option(OptionError),
    /// The file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A line is not as the format has it.
    #[error("{path}, line {line}: expected {expected}, found {found}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: usize,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// There is no series behind the header.
    #[error("{path}: expected @data and series behind it, found none")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The two files of a data set have other classes or dimensions.
    #[error("{test}: expected the dimensions and classes of {train}, found others")]
    Differ {
        /// The training file.
        train: PathBuf,
        /// The test file.
        test: PathBuf,
    },
}
