//! Why a series could not be read.

use std::path::PathBuf;

/// Why a series could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The file could not be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An option is unknown or has no sense.
    #[error("--data csv: {option}: expected {expected}, found {found:?}")]
    Option {
        /// The option.
        option: String,
        /// What would do.
        expected: String,
        /// What came.
        found: String,
    },
    /// The header is missing, or a name in it stands twice or is empty.
    #[error("{path}, line 1: expected a header with a name for each column, found {found}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What came.
        found: String,
    },
    /// There is no column of that name.
    #[error("{path}: expected a column {name:?}, found {found}")]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// The columns that there are.
        found: String,
    },
    /// A row has more or fewer cells than the header.
    #[error("{path}, line {line}: expected {expected} cells, as in the header, found {found}")]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Cells of the header.
        expected: u64,
        /// Cells of the row.
        found: u64,
    },
    /// A cell holds no finite number.
    #[error("{path}, line {line}, column {column:?}: expected a finite number, found {found:?}{hint}")]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What stands there.
        found: String,
        /// What may help.
        hint: &'static str,
    },
    /// Time stands still or goes back.
    #[error("{path}, line {line}, column {column:?}: expected a time later than {before}, found {found}")]
    Time {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The time of the row before.
        before: f64,
        /// The time of the row.
        found: f64,
    },
    /// A part of the series is shorter than one window.
    #[error(
        "{path}: the {part} part has {rows} rows, expected at least {expected}, a window of {window} and a horizon of \
         {horizon}; hint: a smaller window, or more rows"
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Which part.
        part: &'static str,
        /// Its rows.
        rows: usize,
        /// The rows of one window with its horizon.
        expected: usize,
        /// Rows of a window.
        window: usize,
        /// Rows from the last of a window to its target.
        horizon: usize,
    },
}
