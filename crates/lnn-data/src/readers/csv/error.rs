//! Errors of reading a series.

use crate::readers::horizons::Horizons;
use crate::readers::option::OptionError;
use std::path::PathBuf;

/// The reason why a series could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The file could not be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// An option is unknown, stands twice, or its value is invalid.
    #[error("--data csv: {0}")]
    Option(#[from] OptionError),
    /// A table has several series where one is expected.
    #[error("{path}: expected one series, found {series}; hint: a file with the rows of one of them")]
    ManySeries {
        /// The file.
        path: PathBuf,
        /// How many there are.
        series: usize,
    },
    /// There are no files.
    #[error("{path}: expected tables as .csv or .tsv files, found none")]
    NoFiles {
        /// The folder or the pattern.
        path: PathBuf,
    },
    /// A file is not as the first one.
    #[error("{path}: expected {expected}, found {found}")]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// What the first file has.
        expected: String,
        /// What this file has.
        found: String,
    },
    /// A forecast needs a model that predicts the next row alone.
    #[error(
        "the model predicts {horizons} rows ahead at once, and a forecast goes on row by row; hint: lnn-cli predict writes all of them \
         past the end of a table; or train with horizon=1"
    )]
    SeveralHorizons {
        /// The horizons of the model.
        horizons: Horizons,
    },
    /// Many series that are split in time have changed since the training.
    #[error(
        "{path}: the rows of training and validation have changed, and series that are split in time keep no parts; hint: \
         train anew, or from the weights of the run with --init"
    )]
    ChangedInTime {
        /// The file.
        path: PathBuf,
    },
    /// The rows to come do not come later.
    #[error("{path}: expected rows later than {before}, the last of the series, found {found} first")]
    NotLater {
        /// The file.
        path: PathBuf,
        /// The last time of the series.
        before: String,
        /// The first time of the file.
        found: String,
    },
    /// The model does not take rows of a table.
    #[error(transparent)]
    Contract(#[from] lnn_core::ContractError),
    /// The header is missing, or a name in it is empty or occurs twice.
    #[error("{path}, line {line}: expected a header with a name for each column, found {found}")]
    Header {
        /// The file.
        path: PathBuf,
        /// Line of the header, from 1.
        line: u64,
        /// What was found.
        found: String,
    },
    /// There is no column of that name.
    #[error("{path}: expected a column {name:?}, found {found}{hint}")]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The requested name.
        name: String,
        /// The columns of the file.
        found: String,
        /// A hint that may help.
        hint: String,
    },
    /// A row has more or fewer cells than the header.
    #[error(
        "{path}, line {line}: expected {expected} cells, as in the header, found {found}; hint: separator=semicolon or \
         separator=tab names another sign between cells, and a cell with such a sign must be quoted"
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Number of cells in the header.
        expected: u64,
        /// Number of cells in the row.
        found: u64,
    },
    /// A cell holds no finite number, or no time.
    #[error("{path}, line {line}, column {column:?}: expected {expected}, found {found:?}{hint}")]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Name of the column.
        column: Box<str>,
        /// What the cell should hold.
        expected: &'static str,
        /// The text of the cell.
        found: Box<str>,
        /// A hint that may help.
        hint: Box<str>,
    },
    /// A comma may be a decimal comma, or separate thousands.
    #[error(
        "{path}, line {line}: a comma within a number may be a decimal comma or separate thousands; hint: decimal=comma, or remove \
         the signs between thousands"
    )]
    UnclearComma {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
    },
    /// An option for a test contradicts the training of the model.
    #[error("--data csv: {option}={found}: the model was trained {expected}; hint: leave the option out")]
    Contradiction {
        /// The option.
        option: &'static str,
        /// How the model was trained.
        expected: String,
        /// The value of the option.
        found: String,
    },
    /// The model was trained on all rows of the file.
    #[error(
        "{path}: the model was trained on all of its {rows} rows; hint: another file, or test=all to measure it on its training data"
    )]
    AllTrained {
        /// The file.
        path: PathBuf,
        /// Number of rows.
        rows: usize,
    },
    /// The time of a row is not later than that of the previous row.
    #[error(
        "{path}, line {line}, column {column:?}: expected a time later than {before}, found {found}{hint}"
    )]
    Time {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Name of the column.
        column: Box<str>,
        /// The time of the previous row.
        before: Box<str>,
        /// The time of the row.
        found: Box<str>,
        /// A hint that may help.
        hint: &'static str,
    },
    /// The column of labels has too many of them.
    #[error(
        "{path}, column {column:?}: expected a class for each row, at most {most} of them, found {found}; hint: target={column} \
         predicts numbers"
    )]
    Classes {
        /// The file.
        path: PathBuf,
        /// Name of the column.
        column: String,
        /// How many classes there may be.
        most: usize,
        /// How many there are.
        found: usize,
    },
    /// There is no series for a part.
    #[error(
        "{path}: no series is for the {part} part of {series} series; hint: more series, or another file"
    )]
    NoSeries {
        /// The file.
        path: PathBuf,
        /// The name of the part.
        part: &'static str,
        /// How many series there are.
        series: usize,
    },
    /// No window of a part has a target.
    #[error("{path}: no window of the {part} part has a target, because all of them are missing")]
    NoTarget {
        /// The file.
        path: PathBuf,
        /// The name of the part.
        part: &'static str,
    },
    /// A part of the series is shorter than one window.
    #[error(
        "{path}: the {part} part has {rows} rows, expected at least {expected}, a window of {window} and a horizon of \
         {horizon}; hint: a smaller window, or more rows"
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// The name of the part.
        part: &'static str,
        /// Number of rows of the part.
        rows: usize,
        /// Number of rows of one window with its horizon.
        expected: i64,
        /// Number of rows of a window.
        window: i64,
        /// Number of rows from the last row of a window to its target.
        horizon: i64,
    },
}
