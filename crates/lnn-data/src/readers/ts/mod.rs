//! `ts:FILE`: whole series with a class or a value each, in the format of the UCR/UEA archive.
//!
//! A file has a header of lines that begin with `@`, `@data`, and one line per series: its dimensions, separated by `:`, each a list of
//! numbers with commas between them, and last its class. Series may be of unequal lengths; a missing value is `?`. Lines that begin with
//! `#` are comments. `NAME_TRAIN.ts` is for training and `NAME_TEST.ts` beside it for the test; of another file, and where there is no such
//! file, a part of the series of each class is for the test. Options follow the file, separated by commas:
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `missing=M` | values that are missing: `refuse` them, or `mask` them for the model | `refuse` |
//!
//! Source of the format: the documentation of sktime 1.2.0, "The .ts file format".

mod error;
mod file;

pub use error::TsError;

use crate::error::DataError;
use crate::progress::Progress;
use crate::readers::option::{missing, split_path};
use crate::readers::series_set::{SeriesCut, SeriesSet, TestSeries, hash_of};
use crate::source::Trained;
use file::{Classified, File};
use lnn_core::{InputShape, InputSpec, Missing, Per, Rows, Task};
use std::path::{Path, PathBuf};
use tch::Tensor;

/// The fraction of the series for the test where the data set names none.
const TEST: f64 = 0.15;

/// The endings of the names of the two files of a data set.
const TRAIN_END: &str = "_TRAIN.ts";
const TEST_END: &str = "_TEST.ts";

/// Reads the series that the text after `ts:` specifies. For the test of a trained model it is the test file alone, where there is one.
///
/// # Errors
/// [`DataError`].
pub(super) fn open(
    text: &str,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<SeriesSet, DataError> {
    let (path, options) = split_path(text);
    let of_model = trained.map(|trained| trained.input.missing);
    let missing = missing(options, of_model).map_err(TsError::Option)?;
    let path = Path::new(path);
    if let Some(test) = test_file(path) {
        return read([path, &test], missing, trained, progress);
    }
    let file = joined(File::read(path, missing)?, None, missing)?;
    Ok(match trained {
        Some(trained) => file.for_test_of(trained, progress),
        None => file,
    })
}

/// Reads the training file and the test file of a data set; for the test of a trained model the test file alone.
///
/// # Errors
/// [`DataError`].
pub(crate) fn open_files(
    files: [&Path; 2],
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<SeriesSet, DataError> {
    let missing = trained.map(|trained| trained.input.missing).unwrap_or_default();
    read(files, missing, trained, progress)
}

fn read(
    [train, test]: [&Path; 2],
    missing: Missing,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<SeriesSet, DataError> {
    let test = File::read(test, missing)?;
    Ok(match trained {
        Some(trained) => joined(test, None, missing)?.whole_for_test_of(trained, progress),
        None => joined(File::read(train, missing)?, Some(test), missing)?,
    })
}

/// The test file beside a training file, if it is there.
fn test_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(TRAIN_END)?;
    Some(path.with_file_name(format!("{name}{TEST_END}"))).filter(|path| path.is_file())
}

/// The series of one or two files.
fn joined(first: File, test: Option<File>, missing: Missing) -> Result<SeriesSet, TsError> {
    let Some(last) = first.targets.len().checked_sub(1) else {
        return Err(TsError::Empty { path: first.path });
    };
    let dimensions = first.dimensions;
    let features: Vec<String> = (0..dimensions).map(|i| i.to_string()).collect();
    let mut count_of_test = None;
    let File { path, mut numbers, mut ends, mut targets, classes, .. } = first;
    if let Some(test) = test {
        if (test.dimensions, &test.classes) != (dimensions, &classes) {
            return Err(TsError::Differ { train: path, test: test.path });
        }
        count_of_test = Some(test.targets.len());
        let rows = ends[last];
        numbers.extend(test.numbers);
        ends.extend(test.ends.iter().map(|end| end + rows));
        targets.extend(test.targets);
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let series: Vec<[i64; 2]> = starts.zip(&ends).map(|(start, &end)| [start as i64, end as i64]).collect();
    let bits = |[start, end]: &[i64; 2]| {
        let cells = &numbers[*start as usize * dimensions..*end as usize * dimensions];
        cells.iter().enumerate().map(|(i, number)| crate::kept::of_cell(&features[i % dimensions], *number))
    };
    let hashes = series
        .iter()
        .zip(&targets)
        .map(|(series, target)| hash_of(bits(series).chain([crate::kept::of_cell("target", *target)])));
    let hashes = hashes.collect();
    let of_rows: Vec<f64> = series
        .iter()
        .zip(&targets)
        .flat_map(|([start, end], target)| std::iter::repeat_n(*target, (end - start) as usize))
        .collect();
    let (task, of_rows) = match classes {
        Classified::Classes(class_names) => {
            let labels: Vec<i64> = of_rows.iter().map(|label| *label as i64).collect();
            (Task::Classification { class_names }, Tensor::from_slice(&labels))
        }
        Classified::Values => {
            let value_names = vec!["target".into()];
            (Task::Regression { value_names }, Tensor::from_slice(&of_rows).unsqueeze(1))
        }
    };
    let rows = Tensor::from_slice(&numbers).view([-1, dimensions as i64]);
    Ok(SeriesSet {
        path,
        rows: Rows { features: rows, dt: None, targets: of_rows, per: Per::Sequence },
        spec: InputSpec { missing, ..InputSpec::new(InputShape::Sequences { features }, task) },
        series,
        hashes,
        cut: SeriesCut::WHOLE,
        horizons: 1,
        test: count_of_test.map_or(TestSeries::Fraction(TEST), TestSeries::Last),
    })
}

#[cfg(test)]
mod tests;
