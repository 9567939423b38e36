//! What was read of a table.

use ndarray::Array2;
use std::collections::HashMap;

/// The chosen columns of all rows.
pub(super) struct Rows {
    /// `[R, columns]`.
    pub(super) numbers: Array2<f64>,
    /// `[R]`, the text of the column of labels, if there is one.
    pub(super) labels: Option<Vec<String>>,
    /// The rows of each series, one after the other.
    pub(super) series: Vec<[usize; 2]>,
    /// The byte of the file at which each row begins.
    pub(super) places: Vec<usize>,
    /// The first row of each file.
    pub(super) files: Vec<usize>,
    /// `[R]`, increasing, if there is a column of time; of dates in seconds since the first row.
    pub(super) times: Option<Vec<f64>>,
    /// Whether the times are dates.
    pub(super) dates: bool,
    /// For each row that was made of several of equal time, their places.
    pub(super) joined: HashMap<usize, Vec<usize>>,
}
