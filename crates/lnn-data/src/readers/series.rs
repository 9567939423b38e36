//! Series in memory, cut into windows; each is divided in time.

use crate::error::DataError;
use crate::kept::{self, Fingerprints, Kept};
use crate::progress::Progress;
use crate::readers::csv::SeriesError;
use crate::readers::series_table::SeriesTable;
use crate::source::{DataSource, Parts, SplitRequest};
use crate::split::SplitScheme;
use lnn_core::{Cut, InputSpec, Per, Rows, SampleSet, Windows};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Time series as rows of numbers, and the windows that they are cut into. Training, validation and test of each follow one another in
/// time.
#[derive(Debug)]
pub struct Series {
    path: PathBuf,
    spec: InputSpec,
    rows: Rows,
    /// The first row of each series, and the row after its last one; there is at least one.
    each: Vec<[usize; 2]>,
    /// One hash for each row.
    hashes: Vec<u64>,
    /// The first row of the test of each series, where it is not a fraction of all.
    test_from: Option<Vec<usize>>,
    cut: Cut,
    /// How many horizons the values of a row are for, of which that of the cut is the largest.
    horizons: i64,
    /// The fraction of the rows, at the end, for the test.
    test: f64,
}

impl Series {
    /// The series of a table.
    pub(crate) fn new(path: &Path, table: SeriesTable, cut: Cut, test: f64) -> Self {
        let SeriesTable { spec, rows, hashes, series, horizons } = table;
        let each = series.iter().map(|part| part.map(|row| row as usize)).collect();
        Self { path: path.to_owned(), spec, rows, each, hashes, test_from: None, cut, horizons, test }
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
        let before_test = self.before_test()[0];
        let path = self.path.display();
        if chosen && rows > before_test {
            let rows = rows - before_test;
            let text = format!("{rows} rows of the test were in training or validation");
            progress(Progress::Warning { text: &text });
        } else if !chosen && rows != before_test {
            let text = format!(
                "the first {rows} rows of {path} were in training or validation; the rows after them are tested"
            );
            progress(Progress::Note { text: &text });
            self.test_from = Some(vec![rows]);
        }
        self
    }

    /// The same for several series, of each of which the rows of the training are at the beginning. The time before the first row of a
    /// series may have been known in the training and not be known here, so that the second row tells.
    #[must_use]
    pub(crate) fn without_beginnings_of_training(
        mut self,
        known: &Fingerprints,
        chosen: bool,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Self {
        let known: HashSet<u64> = known.train.iter().chain(&known.validation).copied().collect();
        let seen = self.each.iter().map(|&[first, end]| {
            let rows = self.hashes[first..end].iter().skip(1).take_while(|hash| known.contains(hash)).count();
            if rows == 0 { first } else { first + 1 + rows }
        });
        let seen: Vec<usize> = seen.collect();
        let before = self.before_test();
        let within: usize = seen.iter().zip(&before).map(|(seen, before)| seen.saturating_sub(*before)).sum();
        if within > 0 && chosen {
            let text = format!("{within} rows of the test were in training or validation");
            progress(Progress::Warning { text: &text });
        } else if within > 0 {
            let text = format!(
                "{within} rows at the beginnings of series were in training or validation; the rows after them are tested"
            );
            progress(Progress::Note { text: &text });
            self.test_from = Some(seen.iter().zip(&before).map(|(seen, before)| *seen.max(before)).collect());
        }
        self
    }

    /// Returns the windows of the part called `part`: those whose targets are in the rows `pieces`, one piece of each series. With
    /// `reach_back`, their inputs may lie before in the same series. Windows without a target are left out and named in `notices`.
    fn windows(
        &self,
        part: &'static str,
        pieces: &[[usize; 2]],
        reach_back: bool,
        notices: &mut Vec<String>,
    ) -> Result<SampleSet, SeriesError> {
        // Rows from the first one of a window to its first target.
        let smallest = self.cut.horizon.saturating_sub(self.horizons - 1);
        let to_target = match self.rows.per {
            Per::Sequence => self.cut.window.saturating_add(smallest).saturating_sub(1),
            Per::Step => smallest,
        };
        let reached = self.each.iter().zip(pieces).map(|([first, _], [from, to])| {
            let [first, from, to] = [*first, *from, *to].map(|row| row as i64);
            [if reach_back { from.saturating_sub(to_target).max(first) } else { from }, to]
        });
        let windows = Windows::within_each(&self.rows, &reached.collect::<Vec<_>>(), self.cut);
        let path = || self.path.clone();
        let Some(windows) = windows else {
            let Cut { window, horizon, .. } = self.cut;
            let expected = window.saturating_add(horizon);
            return Err(SeriesError::TooShort {
                path: path(),
                part,
                rows: pieces.iter().map(|[from, to]| to - from).max().unwrap_or(0),
                expected,
                window,
                horizon,
            });
        };
        let windows = windows.of_horizons(self.horizons);
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

    /// The row of each series at which its test begins.
    fn before_test(&self) -> Vec<usize> {
        let of_fraction = |&[first, end]: &[usize; 2]| {
            let rows = end - first;
            end - (rows as f64 * self.test).round() as usize
        };
        self.test_from.clone().unwrap_or_else(|| self.each.iter().map(of_fraction).collect())
    }

    /// The rows of each series at which its validation and its test begin, with remarks.
    fn ends(&self, request: &SplitRequest<'_>) -> Result<(Vec<[usize; 2]>, Vec<String>), DataError> {
        if let (Some(kept), [_]) = (request.kept, &self.each[..]) {
            let (ends, notices) = kept::ends(&self.hashes, kept)?;
            return Ok((vec![ends], notices));
        }
        let ends = self.each.iter().zip(self.before_test()).map(|([first, _], rest)| {
            let rows = rest - first;
            [rest - (rows as f64 * request.validation_fraction).round() as usize, rest]
        });
        Ok((ends.collect(), Vec::new()))
    }

    /// Refuses to resume several series of which a part has changed, because each row has its part by its place.
    fn check_kept(&self, found: &Fingerprints, kept: Kept<'_>) -> Result<(), DataError> {
        let strict = Kept { accept_changes: false, ..kept };
        match kept::compare([&found.train, &found.validation], strict) {
            Err(DataError::Changed { .. }) if kept.accept_changes => {
                Err(SeriesError::ChangedInTime { path: self.path.clone() }.into())
            }
            compared => compared.map(|_| ()),
        }
    }
}

impl DataSource for Series {
    fn spec(&self) -> InputSpec {
        self.spec.clone()
    }

    /// The three parts of a series follow one another in time.
    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let (ends, mut notices) = self.ends(request)?;
        let reach_back = request.scheme == SplitScheme::Stratified;
        let pieces = |of: fn([usize; 2], [usize; 2]) -> [usize; 2]| -> Vec<[usize; 2]> {
            self.each.iter().zip(&ends).map(|(series, ends)| of(*series, *ends)).collect()
        };
        let train = pieces(|[first, _], [trained, _]| [first, trained]);
        let validation = pieces(|_, ends| ends);
        let test = pieces(|[_, end], [_, rest]| [rest, end]);
        let hashes = |pieces: &[[usize; 2]]| {
            pieces.iter().flat_map(|[from, to]| self.hashes[*from..*to].iter().copied()).collect()
        };
        let fingerprints = Fingerprints { train: hashes(&train), validation: hashes(&validation) };
        if let Some(kept) = request.kept.filter(|_| self.each.len() > 1) {
            self.check_kept(&fingerprints, kept)?;
        }
        let parts = Parts {
            train: self.windows("training", &train, false, &mut notices)?,
            validation: self.windows("validation", &validation, reach_back, &mut notices)?,
            test: self.windows("test", &test, false, &mut notices)?,
            fingerprints,
            notices,
        };
        Ok(parts.limited_to_the_first(request))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        let from = self.before_test();
        let pieces: Vec<[usize; 2]> =
            self.each.iter().zip(&from).map(|([_, end], from)| [*from, *end]).collect();
        if self.test_from.is_some() && pieces.iter().all(|[from, end]| from == end) {
            return Err(SeriesError::AllTrained { path: self.path.clone(), rows: self.hashes.len() }.into());
        }
        Ok(self.windows("test", &pieces, false, &mut Vec::new())?)
    }
}
