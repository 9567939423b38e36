//! `npy-folder:DIR`: traces of equal width, one `.npy` file each, cut into sequences whose every step has a target.
//!
//! A file is a trace `[T, I]` of float32 or float64, one row per step of time; files are sorted by name. A sample is a window of rows, and
//! the targets of a step are all numbers of a later row. Options follow the folder, separated by commas:
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `window=N` | the number of rows per sequence | 32 |
//! | `stride=N` | the number of rows from the beginning of a window to that of the next | the window |
//! | `horizon=N` | the number of rows from a step to its target | 1 |
//! | `train=A..B`, `valid=A..B`, `test=A..B` | the traces of each part, counted from 0, B not included; all three or none | the last 15 % for the test |
//!
//! Whole traces go to a part, so that no window lies in two of them.

use crate::error::DataError;
use crate::kept::{self, Fingerprints};
use crate::progress::Progress;
use crate::readers::npy;
use crate::readers::npy_folder_error::NpyFolderError;
use crate::readers::option::{OptionError, number, once, range, split_path};
use crate::source::{DataSource, Parts, SplitRequest, Trained};
use lnn_core::{Input, InputSpec, Per, SampleSet, Samples};
use std::ops::Range;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// The fraction of the traces that forms the test part.
const TEST: f64 = 0.15;

/// The text after `npy-folder:`. An option that was not given is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
struct Options {
    path: PathBuf,
    window: Option<i64>,
    stride: Option<i64>,
    horizon: Option<i64>,
    /// The traces of training, validation and test.
    parts: Option<[Range<usize>; 3]>,
}

/// The most rows that an option may ask for.
const MOST_ROWS: i64 = 1 << 40;

impl Options {
    const WINDOW: i64 = 32;
    const HORIZON: i64 = 1;

    fn parse(text: &str) -> Result<Self, OptionError> {
        let (path, given) = split_path(text);
        let mut options = Self { path: path.into(), ..Self::default() };
        let (mut train, mut valid, mut test) = (None, None, None);
        for part in given.split(',').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let rows = || {
                number(name, value, "a whole number from 1", |n: &i64| (1..=MOST_ROWS).contains(n)).map(Some)
            };
            match name {
                "window" => once(name, value, &mut options.window, rows()?)?,
                "stride" => once(name, value, &mut options.stride, rows()?)?,
                "horizon" => once(name, value, &mut options.horizon, rows()?)?,
                "train" => once(name, value, &mut train, Some(range(name, value)?))?,
                "valid" => once(name, value, &mut valid, Some(range(name, value)?))?,
                "test" => once(name, value, &mut test, Some(range(name, value)?))?,
                _ => {
                    let known = "one of window, stride, horizon, train, valid, test";
                    return Err(OptionError::new(name, known, value));
                }
            }
        }
        options.parts = match (train, valid, test) {
            (None, None, None) => None,
            (Some(train), Some(valid), Some(test)) => Some([train, valid, test]),
            _ => return Err(OptionError::new("train, valid and test", "all three or none", given)),
        };
        if let Some([a, b, c]) = &options.parts {
            let overlap = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
            if overlap(a, b) || overlap(a, c) || overlap(b, c) {
                return Err(OptionError::new("train, valid and test", "no trace twice", given));
            }
        }
        Ok(options)
    }

    fn window(&self) -> i64 {
        self.window.unwrap_or(Self::WINDOW)
    }

    fn horizon(&self) -> i64 {
        self.horizon.unwrap_or(Self::HORIZON)
    }
}

/// Traces in memory.
#[derive(Debug)]
pub struct Traces {
    options: Options,
    /// `[T, I]` each, float64.
    numbers: Vec<Tensor>,
    hashes: Vec<u64>,
    width: i64,
    /// The traces of a test, where the folder is not the one of the training.
    whole: Option<Vec<usize>>,
}

/// Reads the traces that the text after `npy-folder:` specifies. For the test of a trained model another folder is for the test alone, in
/// windows as in its training.
///
/// # Errors
/// [`DataError`].
pub(super) fn open(
    text: &str,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Traces, DataError> {
    let mut options = Options::parse(text).map_err(NpyFolderError::from)?;
    let mut same_folder = false;
    if let Some(before) = trained.and_then(|trained| trained.data.strip_prefix("npy-folder:")) {
        let before = Options::parse(before).map_err(NpyFolderError::from)?;
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        same_folder = real(&options.path).is_some() && real(&options.path) == real(&before.path);
        if options.horizon.is_some_and(|horizon| horizon != before.horizon()) {
            let expected = format!("{}, for which the model was trained", before.horizon());
            return Err(NpyFolderError::from(OptionError::new(
                "horizon",
                expected,
                options.horizon().to_string(),
            ))
            .into());
        }
        options.horizon = before.horizon;
        options.window = options.window.or(before.window);
        options.stride = options.stride.or(before.stride);
        options.parts = options.parts.or(before.parts.filter(|_| same_folder));
    }
    let found = std::fs::read_dir(&options.path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>())
        .map_err(|source| DataError::Io { action: "read", path: options.path.clone(), source })?;
    let mut files: Vec<_> =
        found.into_iter().filter(|path| path.extension().is_some_and(|e| e == "npy")).collect();
    files.sort();
    let mut traces: Vec<Tensor> = Vec::new();
    for path in &files {
        let trace = npy::read(path).map_err(NpyFolderError::from)?.to_kind(Kind::Double);
        let width = traces.first().map(|first| first.size()[1]);
        let fits =
            trace.dim() == 2 && trace.size()[1] > 0 && width.is_none_or(|width| width == trace.size()[1]);
        let finite = || trace.isfinite().all().int64_value(&[]) == 1;
        if !fits || !finite() {
            let found =
                if fits { "a number that is not finite".into() } else { format!("{:?}", trace.size()) };
            let width = width.map_or_else(|| "I".into(), |width| width.to_string());
            return Err(NpyFolderError::Trace { path: path.clone(), width, found }.into());
        }
        traces.push(trace);
    }
    let Some(first) = traces.first() else {
        return Err(DataError::Empty { place: format!("{}, as .npy files", options.path.display()) });
    };
    if let Some(parts) = &options.parts
        && let Some(part) = parts.iter().find(|part| part.end > traces.len())
    {
        let expected = format!("traces of 0..{}, the files of {}", traces.len(), options.path.display());
        let found = format!("{part:?}");
        return Err(NpyFolderError::from(OptionError::new("train, valid and test", expected, found)).into());
    }
    let hash = |trace: &Tensor| {
        let numbers = Vec::<f64>::try_from(trace.contiguous().view([-1])).expect("float64 on the CPU");
        numbers.iter().enumerate().fold(0_u64, |sum, (i, number)| {
            sum.rotate_left(1) ^ kept::of_cell(&(i as i64 % trace.size()[1]).to_string(), *number)
        })
    };
    let hashes: Vec<u64> = traces.iter().map(hash).collect();
    let whole = match trained {
        Some(trained) if !same_folder && options.parts.is_none() => {
            Some(unknown(&hashes, trained.known, progress))
        }
        _ => None,
    };
    Ok(Traces { width: first.size()[1], hashes, numbers: traces, options, whole })
}

/// The traces that were in neither training nor validation.
fn unknown(
    hashes: &[u64],
    known: Option<&Fingerprints>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Vec<usize> {
    let seen =
        |hash: &u64| known.is_some_and(|known| known.train.contains(hash) || known.validation.contains(hash));
    let new: Vec<usize> = (0..hashes.len()).filter(|place| !seen(&hashes[*place])).collect();
    if new.len() < hashes.len() {
        let count = hashes.len() - new.len();
        let text = format!("{count} traces were in training or validation; the others are tested");
        progress(Progress::Note { text: &text });
    }
    new
}

impl Traces {
    /// The windows of some traces.
    fn windows(&self, part: &'static str, places: &[usize]) -> Result<SampleSet, NpyFolderError> {
        let (window, horizon) = (self.options.window(), self.options.horizon());
        let stride = self.options.stride.unwrap_or(window);
        let (mut x, mut targets, mut longest) = (Vec::new(), Vec::new(), 0);
        for place in places {
            let trace = &self.numbers[*place];
            let rows = trace.size()[0];
            longest = longest.max(rows);
            for start in (0..=rows - window - horizon).step_by(stride as usize) {
                x.push(trace.narrow(0, start, window));
                targets.push(trace.narrow(0, start + horizon, window));
            }
        }
        if x.is_empty() {
            let (path, traces) = (self.options.path.clone(), places.len());
            return Err(NpyFolderError::TooShort {
                path,
                part,
                traces,
                rows: longest,
                expected: window + horizon,
            });
        }
        let input = Input::new(Tensor::stack(&x, 0));
        Ok(SampleSet::Stored(Samples { input, targets: Tensor::stack(&targets, 0) }))
    }

    /// The traces of training, validation and test.
    fn places(&self, validation_fraction: f64) -> [Vec<usize>; 3] {
        if let Some(parts) = &self.options.parts {
            return parts.clone().map(Iterator::collect);
        }
        let count = self.numbers.len();
        let test = ((count as f64 * TEST).round() as usize).max(1).min(count);
        let rest = count - test;
        let validation = ((rest as f64 * validation_fraction).round() as usize).max(1).min(rest);
        [(0..rest - validation).collect(), (rest - validation..rest).collect(), (rest..count).collect()]
    }
}

impl DataSource for Traces {
    fn spec(&self) -> InputSpec {
        let names: Vec<String> = (0..self.width).map(|i| i.to_string()).collect();
        InputSpec { per: Per::Step, ..InputSpec::sequences(names.clone(), names) }
    }

    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let [train, validation, test] = self.places(request.validation_fraction);
        let hashes = |places: &[usize]| places.iter().map(|place| self.hashes[*place]).collect::<Vec<_>>();
        let fingerprints = Fingerprints { train: hashes(&train), validation: hashes(&validation) };
        let notices = match request.kept {
            Some(kept) => kept::compare([&fingerprints.train, &fingerprints.validation], kept)?,
            None => Vec::new(),
        };
        let parts = Parts {
            train: self.windows("training", &train)?,
            validation: self.windows("validation", &validation)?,
            test: self.windows("test", &test)?,
            fingerprints,
            notices,
        };
        Ok(parts.limited_to_the_first(request))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        let [_, _, test] = self.places(0.0);
        Ok(self.windows("test", self.whole.as_ref().unwrap_or(&test))?)
    }
}

#[cfg(test)]
#[path = "npy_folder_tests.rs"]
mod tests;
