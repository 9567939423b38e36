//! A series in memory, cut into windows.

use crate::error::DataError;
use crate::kept::{self, Fingerprints};
use crate::progress::Progress;
use crate::readers::csv::SeriesError;
use crate::readers::series_table::SeriesTable;
use crate::source::{DataSource, Parts, SplitRequest};
use crate::split::SplitScheme;
use lnn_core::{Cut, InputSpec, Rows, SampleSet, Windows};
use std::path::{Path, PathBuf};

/// A time series as rows of numbers, and the windows that it is cut into.
#[derive(Debug)]
pub struct Series {
    path: PathBuf,
    spec: InputSpec,
    rows: Rows,
    /// One hash for each row.
    hashes: Vec<u64>,
    /// The first row of the test, where it is not a fraction of all.
    test_from: Option<usize>,
    cut: Cut,
    /// The fraction of the rows, at the end, for the test.
    test: f64,
}

impl Series {
    /// The series of a table.
    pub(crate) fn new(path: &Path, table: SeriesTable, cut: Cut, test: f64) -> Self {
        let SeriesTable { spec, rows, hashes, .. } = table;
        Self { path: path.to_owned(), spec, rows, hashes, test_from: None, cut, test }
    }

    /// Leaves the rows of the training out of the test, which are at the beginning of the file, or only names them where the test part
    /// is `chosen` by the user.
    #[must_use]
    pub(crate) fn without_rows_of_training(
        mut self,
        known: &Fingerprints,
        chosen: bool,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Self {
        let rows = kept::overlap(&self.hashes, known);
        if rows == 0 {
            return self;
        }
        let path = self.path.display();
        if chosen && rows > self.before_test() {
            let rows = rows - self.before_test();
            let text = format!("{rows} rows of the test were in training or validation");
            progress(Progress::Warning { text: &text });
        } else if !chosen && rows != self.before_test() {
            let text = format!(
                "the first {rows} rows of {path} were in training or validation; the rows after them are tested"
            );
            progress(Progress::Note { text: &text });
            self.test_from = Some(rows);
        }
        self
    }

    /// Returns the windows of the part called `part`: those whose target is in the rows `from..to`. With `reach_back`, their inputs
    /// may lie before. Windows without a target are left out and named in `notices`.
    fn windows(
        &self,
        part: &'static str,
        [from, to]: [usize; 2],
        reach_back: bool,
        notices: &mut Vec<String>,
    ) -> Result<SampleSet, SeriesError> {
        let rows = [from as i64, to as i64];
        let windows = match reach_back {
            true => Windows::with_targets_in(&self.rows, rows, self.cut),
            false => Windows::within(&self.rows, rows, self.cut),
        };
        let path = || self.path.clone();
        let Some(windows) = windows else {
            let Cut { window, horizon, .. } = self.cut;
            let expected = window.saturating_add(horizon);
            return Err(SeriesError::TooShort {
                path: path(),
                part,
                rows: to - from,
                expected,
                window,
                horizon,
            });
        };
        let Some(chosen) = windows.with_a_target() else {
            return Err(SeriesError::NoTarget { path: path(), part });
        };
        let without = windows.len() - chosen.len();
        if without > 0 {
            notices.push(format!(
                "{without} of the {} windows of the {part} part have no target and are left out",
                windows.len()
            ));
        }
        Ok(SampleSet::Windows(chosen))
    }

    /// Returns the number of rows before the test part.
    fn before_test(&self) -> usize {
        let rows = self.hashes.len();
        self.test_from.unwrap_or_else(|| rows - (rows as f64 * self.test).round() as usize)
    }
}

impl DataSource for Series {
    fn spec(&self) -> InputSpec {
        self.spec.clone()
    }

    /// The three parts follow one another in time.
    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let rows = self.hashes.len();
        let (ends, mut notices) = if let Some(kept) = request.kept {
            kept::ends(&self.hashes, kept)?
        } else {
            let rest = self.before_test();
            ([rest - (rest as f64 * request.validation_fraction).round() as usize, rest], Vec::new())
        };
        let [first, rest] = ends;
        let reach_back = request.scheme == SplitScheme::Stratified;
        let hashes = |from: usize, to: usize| self.hashes[from..to].to_vec();
        let parts = Parts {
            train: self.windows("training", [0, first], false, &mut notices)?,
            validation: self.windows("validation", [first, rest], reach_back, &mut notices)?,
            test: self.windows("test", [rest, rows], false, &mut notices)?,
            fingerprints: Fingerprints { train: hashes(0, first), validation: hashes(first, rest) },
            notices,
        };
        Ok(parts.limited_to_the_first(request))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        let [first, rows] = [self.before_test(), self.hashes.len()];
        if self.test_from == Some(rows) {
            return Err(SeriesError::AllTrained { path: self.path.clone(), rows }.into());
        }
        Ok(self.windows("test", [first, rows], false, &mut Vec::new())?)
    }
}
