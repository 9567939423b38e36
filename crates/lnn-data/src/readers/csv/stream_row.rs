//! The rows of a stream, and what is remembered of them.

use serde::{Deserialize, Serialize};

/// What a stream has to remember of its rows, to be stored with the state of the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamProgress {
    /// Number of rows so far, with those that were skipped.
    pub rows: u64,
    /// The time of the last row.
    pub time: Option<String>,
    /// The last number of each feature, where rows without one take it.
    pub previous: Vec<Option<f64>>,
    /// The series to which the rows belong.
    pub series: Option<String>,
}

/// A row of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRow {
    /// Its number, from 1, among those of the stream; skipped ones count.
    pub number: u64,
    /// I numbers, NaN for what is missing.
    pub features: Vec<f64>,
    /// The time since the row before; NaN for the first row.
    pub dt: Option<f64>,
    /// Its time, as the line has it.
    pub time: Option<String>,
    /// Values, NaN for what is missing, or the place of a class, if the line has a target.
    pub target: Option<Vec<f64>>,
}

/// How the lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JSON object per line.
    Json,
    /// Cells with a separator between them.
    Table {
        /// The separator.
        separator: u8,
        /// Number of cells.
        cells: usize,
    },
}
