//! A series in memory, cut into windows.

use crate::error::DataError;
use crate::kept::{self, Fingerprints};
use crate::progress::Progress;
use crate::readers::csv::SeriesError;
use crate::source::{DataSource, Parts, SplitRequest};
use crate::split::SplitScheme;
use lnn_core::{InputSpec, SampleSet, Timing, Windows};
use ndarray::{Array2, Axis};
use std::path::{Path, PathBuf};
use tch::Tensor;

/// A time series as rows of numbers, and the windows that it is cut into.
#[derive(Debug)]
pub struct Series {
    path: PathBuf,
    /// Names of the I input features of a window.
    features: Vec<String>,
    /// Names of the O values to predict.
    values: Vec<String>,
    /// `[R, I]`, float64.
    rows: Tensor,
    /// `[R, O]`, float64.
    targets: Tensor,
    /// `[R]`, float64: the time since the row before, if there is a column of time; the first row has that of the second.
    dt: Option<Tensor>,
    timing: Option<Timing>,
    /// One hash for each row.
    hashes: Vec<u64>,
    /// The first row of the test, where it is not a fraction of all.
    test_from: Option<usize>,
    extents: Extents,
}

/// How a series is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extents {
    /// Rows of a window.
    pub(crate) window: usize,
    /// Rows from the last one of a window to its target.
    pub(crate) horizon: usize,
    /// The fraction of the rows, at the end, for the test.
    pub(crate) test: f64,
}

/// The name of the time in hashes; no column has it.
const TIME: &str = "\0time";

impl Series {
    /// A series of the `numbers [R, I + O]` of features and values, at increasing `times [R]`. What a model divides `dt` by is
    /// `time_unit`, or the median difference.
    pub(crate) fn new(
        path: &Path,
        [features, values]: [Vec<String>; 2],
        numbers: &Array2<f64>,
        times: Option<&[f64]>,
        time_unit: Option<f64>,
        extents: Extents,
    ) -> Self {
        let dt = times.map(differences);
        let timing = dt.as_deref().and_then(|dt| {
            let median = median(dt)?;
            let unit = time_unit.unwrap_or(median);
            Some(Timing { unit, typical_dt: median / unit })
        });
        let names: Vec<&String> = features.iter().chain(&values).collect();
        let hash = |(row, numbers): (usize, ndarray::ArrayView1<'_, f64>)| {
            let cells = names.iter().zip(numbers).map(|(name, number)| kept::of_cell(name, *number));
            let time = dt.as_ref().map(|dt| kept::of_cell(TIME, dt[row]));
            cells.chain(time).fold(0_u64, u64::wrapping_add)
        };
        let hashes = numbers.axis_iter(Axis(0)).enumerate().map(hash).collect();
        let table = |from: usize, to: usize| {
            let part = numbers.slice_axis(Axis(1), (from..to).into());
            let numbers: Vec<f64> = part.iter().copied().collect();
            Tensor::from_slice(&numbers).view([part.nrows() as i64, part.ncols() as i64])
        };
        Self {
            path: path.to_owned(),
            rows: table(0, features.len()),
            targets: table(features.len(), features.len() + values.len()),
            features,
            values,
            dt: dt.as_deref().map(Tensor::from_slice),
            timing,
            hashes,
            test_from: None,
            extents,
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
    /// may lie before.
    fn windows(
        &self,
        part: &'static str,
        [from, to]: [usize; 2],
        reach_back: bool,
    ) -> Result<SampleSet, SeriesError> {
        let Extents { window, horizon, .. } = self.extents;
        let tables = [&self.rows, &self.targets];
        let extents = [window, horizon].map(|extent| i64::try_from(extent).unwrap_or(i64::MAX));
        let rows = [from as i64, to as i64];
        let windows = match reach_back {
            true => Windows::with_targets_in(tables, self.dt.as_ref(), rows, extents),
            false => Windows::within(tables, self.dt.as_ref(), rows, extents),
        };
        windows.map(SampleSet::Windows).ok_or_else(|| {
            let (path, expected) = (self.path.clone(), window.saturating_add(horizon));
            SeriesError::TooShort { path, part, rows: to - from, expected, window, horizon }
        })
    }

    /// Returns the number of rows before the test part.
    fn before_test(&self) -> usize {
        let rows = self.hashes.len();
        self.test_from.unwrap_or_else(|| rows - (rows as f64 * self.extents.test).round() as usize)
    }
}

impl DataSource for Series {
    fn spec(&self) -> InputSpec {
        InputSpec { timing: self.timing, ..InputSpec::sequences(self.features.clone(), self.values.clone()) }
    }

    /// The three parts follow one another in time.
    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let rows = self.hashes.len();
        let (ends, notices) = if let Some(kept) = request.kept {
            kept::ends(&self.hashes, kept)?
        } else {
            let rest = self.before_test();
            ([rest - (rest as f64 * request.validation_fraction).round() as usize, rest], Vec::new())
        };
        let [first, rest] = ends;
        let reach_back = request.scheme == SplitScheme::Stratified;
        let hashes = |from: usize, to: usize| self.hashes[from..to].to_vec();
        let parts = Parts {
            train: self.windows("training", [0, first], false)?,
            validation: self.windows("validation", [first, rest], reach_back)?,
            test: self.windows("test", [rest, rows], false)?,
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
        Ok(self.windows("test", [first, rows], false)?)
    }
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
