//! A series in memory, cut into windows.

use crate::error::DataError;
use crate::kept::{self, Fingerprints};
use crate::progress::Progress;
use crate::readers::csv::SeriesError;
use crate::source::{DataSource, Parts, SplitRequest};
use crate::split::SplitScheme;
use lnn_core::{
    Cut, InputShape, InputSpec, Missing, Per, Rows, SampleSet, Samples, Task, Timing, Windows,
};
use ndarray::{ArrayView1, ArrayView2};
use std::path::{Path, PathBuf};
use tch::Tensor;

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

/// What a table holds.
pub(crate) struct Content<'a> {
    /// Names of the I features of a row.
    pub(crate) features: Vec<String>,
    /// `[R, I]`; NaN for what is missing.
    pub(crate) numbers: ArrayView2<'a, f64>,
    pub(crate) targets: Targets<'a>,
    /// `[R]`, increasing.
    pub(crate) times: Option<&'a [f64]>,
}

/// What the rows of a table may be the target of.
pub(crate) enum Targets<'a> {
    /// Values with their names, `[R, O]`.
    Values {
        /// O names.
        names: Vec<String>,
        /// NaN for what is missing.
        numbers: ArrayView2<'a, f64>,
    },
    /// Classes with their names, and the place of that of each row.
    Classes {
        /// All of them.
        names: Vec<String>,
        /// `[R]`; `None` for a row without a class.
        labels: Vec<Option<usize>>,
    },
}

/// How a table is read as windows.
pub(crate) struct Reading {
    /// What a model divides `dt` by; the median of `dt` if absent.
    pub(crate) time_unit: Option<f64>,
    pub(crate) missing: Missing,
    pub(crate) per: Per,
    pub(crate) cut: Cut,
    /// The fraction of the rows, at the end, for the test.
    pub(crate) test: f64,
}

/// The name of the time in hashes; no column has it.
const TIME: &str = "\0time";

impl Series {
    /// A series of the rows of a table.
    pub(crate) fn new(path: &Path, content: Content<'_>, reading: Reading) -> Self {
        let Content { features, numbers, targets, times } = content;
        let dt = times.map(differences);
        let timing = dt.as_deref().and_then(|dt| {
            let median = median(dt)?;
            let unit = reading.time_unit.unwrap_or(median);
            Some(Timing { unit, typical_dt: median / unit })
        });
        let of_cells = |names: &[String], numbers: ArrayView1<'_, f64>| {
            let cells = names.iter().zip(numbers).map(|(name, number)| kept::of_cell(name, *number));
            cells.fold(0_u64, u64::wrapping_add)
        };
        let of_target = |row: usize| match &targets {
            Targets::Values { names, numbers } => of_cells(names, numbers.row(row)),
            Targets::Classes { names, labels } => labels[row].map_or(0, |place| kept::of_cell(&names[place], 1.0)),
        };
        let hash = |row: usize| {
            let time = dt.as_ref().map_or(0, |dt| kept::of_cell(TIME, dt[row]));
            of_cells(&features, numbers.row(row)).wrapping_add(of_target(row)).wrapping_add(time)
        };
        let hashes = (0..numbers.nrows()).map(hash).collect();
        let (task, targets) = match targets {
            Targets::Values { names, numbers } => (Task::Regression { value_names: names }, table(numbers)),
            Targets::Classes { names, labels } => {
                let label = |place: &Option<usize>| place.map_or(Samples::NO_LABEL, |place| place as i64);
                let labels: Vec<i64> = labels.iter().map(label).collect();
                (Task::Classification { class_names: names }, Tensor::from_slice(&labels))
            }
        };
        let Reading { missing, per, cut, test, .. } = reading;
        let dt = dt.as_deref().map(Tensor::from_slice);
        Self {
            path: path.to_owned(),
            rows: Rows { features: table(numbers), dt, targets, per },
            spec: InputSpec { shape: InputShape::Sequences { features }, task, per, timing, missing },
            hashes,
            test_from: None,
            cut,
            test,
        }
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
            return Err(SeriesError::TooShort { path: path(), part, rows: to - from, expected, window, horizon });
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

/// The numbers as a tensor, float64.
fn table(numbers: ArrayView2<'_, f64>) -> Tensor {
    let flat: Vec<f64> = numbers.iter().copied().collect();
    Tensor::from_slice(&flat).view([numbers.nrows() as i64, numbers.ncols() as i64])
}

/// Returns the time since the row before; the first row has that of the second, or 1.
fn differences(times: &[f64]) -> Vec<f64> {
    let between = times.windows(2).map(|pair| pair[1] - pair[0]);
    let first = between.clone().next().unwrap_or(1.0);
    std::iter::once(first).chain(between).collect()
}

/// Returns the median of `numbers`; `None` if there are none.
fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
