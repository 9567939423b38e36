//! Many series in one table, each of which goes to training, validation or test as a whole.

use crate::error::DataError;
use crate::kept::{self, Fingerprints, Recognized};
use crate::progress::Progress;
use crate::readers::csv::SeriesError;
use crate::readers::series_table::SeriesTable;
use crate::source::{DataSource, Parts, SplitRequest, Trained};
use crate::split::{split, split_by_label, thinned};
use lnn_core::{Cut, InputSpec, Per, Rows, SampleSet, Windows};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use tch::Kind;

/// The seed by which series are drawn for the test, which is the same for every run.
const TEST_SEED: u64 = 0;

/// Many series.
#[derive(Debug)]
pub struct SeriesSet {
    /// The file or folder that they come from.
    pub(crate) path: PathBuf,
    pub(crate) spec: InputSpec,
    /// The rows of all series, one after the other.
    pub(crate) rows: Rows,
    /// The first row of each series, and the row after its last one.
    pub(crate) series: Vec<[i64; 2]>,
    /// One hash for each series.
    pub(crate) hashes: Vec<u64>,
    pub(crate) cut: SeriesCut,
    pub(crate) test: TestSeries,
    /// How many horizons the values of a row are for.
    pub(crate) horizons: i64,
}

/// How series are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SeriesCut {
    /// Into windows; whole series if absent.
    pub(crate) windows: Option<Cut>,
    /// How many rows after the last row of a whole series, or after each of its rows, the target lies.
    pub(crate) horizon: i64,
}

impl SeriesCut {
    /// Whole series with a target of their own.
    pub(crate) const WHOLE: Self = Self { windows: None, horizon: 0 };
}

/// Which series are for the test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TestSeries {
    /// The last ones, as the data set says.
    Last(usize),
    /// The last ones; those before them are for validation. Of the others none is drawn.
    Given {
        /// How many are for validation.
        validation: usize,
        /// How many are for the test.
        test: usize,
    },
    /// A fraction of them, drawn from each class.
    Fraction(f64),
    /// All of them, for the test of a trained model.
    All,
}

/// The hash of a series from those of its rows, whose order counts.
pub(crate) fn hash_of(rows: impl Iterator<Item = u64>) -> u64 {
    rows.fold(0, |sum, row| sum.rotate_left(1) ^ row)
}

impl SeriesSet {
    /// The series of a table.
    pub(crate) fn of_table(path: &Path, table: SeriesTable, cut: SeriesCut, test: TestSeries) -> Self {
        let SeriesTable { spec, rows, hashes, series, horizons } = table;
        let of_series =
            |[first, end]: &[i64; 2]| hash_of(hashes[*first as usize..*end as usize].iter().copied());
        let hashes = series.iter().map(of_series).collect();
        Self { path: path.to_owned(), spec, rows, series, hashes, cut, test, horizons }
    }

    /// The series at `places`.
    #[must_use]
    pub(crate) fn of(self, places: &[usize], test: TestSeries) -> Self {
        let series = places.iter().map(|&place| self.series[place]).collect();
        let hashes = places.iter().map(|&place| self.hashes[place]).collect();
        Self { series, hashes, test, ..self }
    }

    /// The places of the series that were in neither training nor validation of a model.
    fn unknown_to(&self, trained: &Trained<'_>) -> Vec<usize> {
        let known: HashSet<u64> = match trained.known {
            Some(known) => known.train.iter().chain(&known.validation).copied().collect(),
            None => HashSet::new(),
        };
        (0..self.series.len()).filter(|&place| !known.contains(&self.hashes[place])).collect()
    }

    /// For the test of a trained model: all series, because the data set says so.
    #[must_use]
    pub(crate) fn whole_for_test_of(
        self,
        trained: &Trained<'_>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Self {
        let known = self.series.len() - self.unknown_to(trained).len();
        if known > 0 {
            let text = format!("{known} series of the test were in training or validation");
            progress(Progress::Warning { text: &text });
        }
        Self { test: TestSeries::All, ..self }
    }

    /// For the test of a trained model: all series but those that were in its training or validation.
    #[must_use]
    pub(crate) fn for_test_of(self, trained: &Trained<'_>, progress: &mut dyn FnMut(Progress<'_>)) -> Self {
        let new = self.unknown_to(trained);
        let known = self.series.len() - new.len();
        if known > 0 {
            let text = format!("{known} series were in training or validation; the others are tested");
            progress(Progress::Note { text: &text });
        }
        self.of(&new, TestSeries::All)
    }

    /// The label of each of the series at `places`, where a series has one.
    fn labels(&self, places: &[usize]) -> Option<Vec<i64>> {
        let of_series = self.spec.per == Per::Sequence && self.rows.targets.kind() == Kind::Int64;
        let label = |place: &usize| self.rows.targets.int64_value(&[self.series[*place][1] - 1]);
        let labels: Vec<i64> = of_series.then(|| places.iter().map(label).collect())?;
        labels.iter().all(|label| *label >= 0).then_some(labels)
    }

    /// Draws a fraction of the series at `places`, of each class where they have one: the others and those that were drawn.
    fn drawn(&self, places: &[usize], fraction: f64, seed: u64) -> Result<[Vec<usize>; 2], DataError> {
        let (others, drawn) = match self.labels(places) {
            Some(labels) => split_by_label(&labels, fraction, seed)?,
            None => split(places.len(), fraction, seed)?,
        };
        Ok([others, drawn].map(|chosen| chosen.into_iter().map(|i| places[i]).collect()))
    }

    /// The series for training and validation, and those for the test.
    fn divided(&self) -> Result<[Vec<usize>; 2], DataError> {
        let all: Vec<usize> = (0..self.series.len()).collect();
        match self.test {
            TestSeries::Last(count) | TestSeries::Given { test: count, .. } => {
                let [rest, test] = [&all[..all.len() - count], &all[all.len() - count..]];
                Ok([rest.to_vec(), test.to_vec()])
            }
            TestSeries::Fraction(fraction) => self.drawn(&all, fraction, TEST_SEED),
            TestSeries::All => Ok([Vec::new(), all]),
        }
    }

    /// The windows of the series at `places`, which are for the part called `part`.
    fn windows(
        &self,
        part: &'static str,
        places: &[usize],
        notices: &mut Vec<String>,
    ) -> Result<SampleSet, DataError> {
        let series: Vec<[i64; 2]> = places.iter().map(|&place| self.series[place]).collect();
        let windows = match self.cut.windows {
            Some(cut) => Windows::within_each(&self.rows, &series, cut),
            None => Windows::whole(&self.rows, &series, self.cut.horizon),
        };
        let path = || self.path.clone();
        let Some(windows) = windows else {
            let Some(cut) = self.cut.windows.filter(|_| !series.is_empty()) else {
                return Err(SeriesError::NoSeries { path: path(), part, series: self.series.len() }.into());
            };
            let rows = series.iter().map(|[first, end]| (end - first) as usize).max().unwrap_or(0);
            let Cut { window, horizon, .. } = cut;
            let expected = window.saturating_add(horizon);
            return Err(SeriesError::TooShort { path: path(), part, rows, expected, window, horizon }.into());
        };
        let windows = windows.of_horizons(self.horizons);
        let Some(chosen) = windows.with_a_target() else {
            return Err(SeriesError::NoTarget { path: path(), part }.into());
        };
        let without = windows.len() - chosen.len();
        if without > 0 {
            let all = windows.len();
            notices.push(format!(
                "{without} of the {all} windows of the {part} part have no target and are left out"
            ));
        }
        Ok(SampleSet::Windows(chosen))
    }
}

impl DataSource for SeriesSet {
    fn spec(&self) -> InputSpec {
        self.spec.clone()
    }

    /// The seed determines which series validate, of each class where they have one.
    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let [rest, test] = self.divided()?;
        if rest.is_empty() {
            let (path, series) = (self.path.clone(), self.series.len());
            return Err(SeriesError::NoSeries { path, part: "training", series }.into());
        }
        let hashes = |places: &[usize]| places.iter().map(|&place| self.hashes[place]).collect::<Vec<u64>>();
        let ([train, validation], mut notices) = if let TestSeries::Given { validation, .. } = self.test {
            let (train, validation) = rest.split_at(rest.len() - validation);
            let [train, validation] = match request.limits() {
                Some([to_train, to_validate]) => [thinned(train, to_train), thinned(validation, to_validate)],
                None => [train.to_vec(), validation.to_vec()],
            };
            let notes = match request.kept {
                Some(kept) => kept::compare([&hashes(&train), &hashes(&validation)], kept)?,
                None => Vec::new(),
            };
            ([train, validation], notes)
        } else if let Some(kept) = request.kept {
            let limited = request.limit.is_some_and(|limit| limit < rest.len());
            let Recognized { train, validation, notes } = kept::recognize(&hashes(&rest), kept, limited)?;
            ([train, validation].map(|places| places.into_iter().map(|i| rest[i]).collect()), notes)
        } else {
            let [train, validation] = self.drawn(&rest, request.validation_fraction, request.seed)?;
            let parts = match request.limits().filter(|_| self.cut.windows.is_none()) {
                Some([to_train, to_validate]) => {
                    [thinned(&train, to_train), thinned(&validation, to_validate)]
                }
                None => [train, validation],
            };
            (parts, Vec::new())
        };
        let parts = Parts {
            train: self.windows("training", &train, &mut notices)?,
            validation: self.windows("validation", &validation, &mut notices)?,
            test: self.windows("test", &test, &mut notices)?,
            fingerprints: Fingerprints { train: hashes(&train), validation: hashes(&validation) },
            notices,
        };
        Ok(match self.cut.windows {
            Some(_) => parts.limited_to_the_first(request),
            None => parts,
        })
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        let [_, test] = self.divided()?;
        self.windows("test", &test, &mut Vec::new())
    }
}
