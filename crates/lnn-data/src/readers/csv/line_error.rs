//! Errors of one line of a stream.

/// The reason why a line of a stream has no row.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The first line of a table does not name the columns that the model sees, so that no line after it can be read.
    #[error(
        "expected a first line with the names of the columns, {expected}, or a JSON object per line, found {found}"
    )]
    Header {
        /// The columns that the model sees.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A line is no JSON object.
    #[error("expected a JSON object with a number for each feature, as {{\"x\": 0.5}}, found {0}")]
    Json(String),
    /// A row has more or fewer cells than the header.
    #[error("expected {expected} cells, as in the header, found {found}")]
    Cells {
        /// Number of cells in the header.
        expected: usize,
        /// Number of cells in the row.
        found: usize,
    },
    /// A value is missing or is none.
    #[error("{name}: expected {expected}, found {found}")]
    Value {
        /// The column.
        name: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A time is not later than the one before.
    #[error("{name}: expected a time later than {before}, that of the row before, found {found}")]
    NotLater {
        /// The column of time.
        name: String,
        /// The time of the row before.
        before: String,
        /// The time of this row.
        found: String,
    },
    /// A row belongs to another series.
    #[error("{name}: expected rows of {expected}, as before, found {found}; hint: one process per series")]
    OtherSeries {
        /// The column that tells series apart.
        name: String,
        /// The series of the rows before.
        expected: String,
        /// The series of this row.
        found: String,
    },
}

impl LineError {
    /// Whether no later line can be read either.
    pub fn ends_the_stream(&self) -> bool {
        matches!(self, Self::Header { .. })
    }
}
