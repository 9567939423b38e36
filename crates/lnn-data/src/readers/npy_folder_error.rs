//! The errors of a folder of traces.

use crate::readers::npy::NpyError;
use crate::readers::option::OptionError;
use std::path::PathBuf;

/// The reason why a folder of traces cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyFolderError {
    /// An option is unknown, stands twice, or its value is invalid.
    #[error("--data npy-folder: {0}")]
    Option(#[from] OptionError),
    /// A trace cannot be read.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// A trace has another shape than the others, or holds what is not a number.
    #[error("{}: expected a trace [T, {width}] of finite numbers, found {found}", path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// The width of the first trace.
        width: String,
        /// What was found.
        found: String,
    },
    /// A part has no window.
    #[error(
        "{}: the {part} part has no window: its {traces} traces have at most {rows} rows, a window with its target needs {expected}",
        path.display()
    )]
    TooShort {
        /// The folder.
        path: PathBuf,
        /// The part.
        part: &'static str,
        /// Number of its traces.
        traces: usize,
        /// Number of rows of the longest.
        rows: i64,
        /// Number of rows that a window and its target need.
        expected: i64,
    },
}
