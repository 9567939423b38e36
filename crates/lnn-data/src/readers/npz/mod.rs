//! `npz:FILE`: sequences as arrays in one file, as `numpy.savez` or `numpy.savez_compressed` writes it.
//!
//! | array | what it is |
//! |---|---|
//! | `x` | `[N, T, I]`, N sequences of T steps of I numbers |
//! | `y` | whole numbers `[N]` or `[N, T]`: a class of each sequence or of each step, −100 for none; floats `[N]` or `[N, K]`: values of each sequence; floats `[N, T, K]`: values of each step, NaN for none |
//! | `dt` | `[N, T]`, the time since the step before, where steps are not even |
//! | `lengths` | `[N]`, the steps of each sequence; what stands behind them is not read |
//! | `train`, `test`, `validation` | indices of the sequences of each part; without them a part of each class is for the test, and without `validation` a part of each class of the training |
//! | `features`, `classes`, `values` | names as texts: of the I numbers, of the classes 0, 1, …, of the K values |
//!
//! Other arrays are refused, and so are Python objects, which would be pickles. Options follow the file, separated by commas:
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `missing=M` | NaN in `x`: `refuse` it, or `mask` it for the model | `refuse` |

mod archive;
mod error;
mod layout;

pub use error::NpzError;

use crate::error::DataError;
use crate::kept;
use crate::progress::Progress;
use crate::readers::option::{missing, split_path};
use crate::readers::series_set::{SeriesCut, SeriesSet, TestSeries, hash_of};
use crate::source::Trained;
use layout::{Layout, Targets};
use lnn_core::{InputShape, InputSpec, Missing, Per, Rows, Task, Timing};
use std::path::Path;
use tch::Tensor;

/// The fraction of the sequences for the test where the file names none.
const TEST: f64 = 0.15;

/// Reads the sequences that the text after `npz:` specifies. For the test of a trained model they are those of the test alone, where the
/// file names them, and otherwise those that the model was not trained on.
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
    let missing = missing(options, of_model).map_err(NpzError::Option)?;
    let path = Path::new(path);
    let arrays = archive::read(path, &layout::NAMES)?;
    let layout = Layout::new(path, arrays, missing == Missing::Mask)?;
    let (count, parts) = (layout.lengths.len(), layout.parts.clone());
    let all = set(path, layout, missing);
    let Some([train, validation, test]) = parts else {
        return Ok(match trained {
            Some(trained) => all.for_test_of(trained, progress),
            None => all,
        });
    };
    if let Some(trained) = trained {
        return Ok(all.of(&test, TestSeries::All).whole_for_test_of(trained, progress));
    }
    let left_out = count - train.len() - validation.len() - test.len();
    if left_out > 0 {
        let text = format!("{left_out} of {count} sequences are in no part and are left out");
        progress(Progress::Note { text: &text });
    }
    let given = match validation.is_empty() {
        true => TestSeries::Last(test.len()),
        false => TestSeries::Given { validation: validation.len(), test: test.len() },
    };
    Ok(all.of(&[train, validation, test].concat(), given))
}

/// All sequences, one after the other.
fn set(path: &Path, layout: Layout, missing: Missing) -> SeriesSet {
    let Layout { features, steps, x, dt, lengths, targets, per, .. } = layout;
    let width = features.len();
    // The places among N · T of the rows that there are.
    let rows: Vec<usize> =
        lengths.iter().enumerate().flat_map(|(i, &length)| i * steps..i * steps + length).collect();
    let of_target = |row: usize| if per == Per::Step { row } else { row / steps };
    let numbers: Vec<f64> =
        rows.iter().flat_map(|row| x[row * width..(row + 1) * width].iter().copied()).collect();
    let dt: Option<Vec<f64>> = dt.map(|dt| rows.iter().map(|row| dt[*row]).collect());
    let (task, of_rows, outputs) = match targets {
        Targets::Classes { names, labels } => {
            let labels: Vec<i64> = rows.iter().map(|row| labels[of_target(*row)]).collect();
            (Task::Classification { class_names: names }, Tensor::from_slice(&labels), None)
        }
        Targets::Values { names, numbers } => {
            let width = names.len();
            let of = |row: &usize| &numbers[of_target(*row) * width..(of_target(*row) + 1) * width];
            let values: Vec<f64> = rows.iter().flat_map(|row| of(row).iter().copied()).collect();
            let tensor = Tensor::from_slice(&values).view([-1, width as i64]);
            (Task::Regression { value_names: names }, tensor, Some((values, width)))
        }
    };
    let mut series = Vec::with_capacity(lengths.len());
    for &length in &lengths {
        let first = series.last().map_or(0, |[_, end]: &[i64; 2]| *end);
        series.push([first, first + length as i64]);
    }
    let labels = match &outputs {
        None => Vec::<i64>::try_from(&of_rows).expect("labels on the CPU"),
        Some(_) => Vec::new(),
    };
    let hash = |row: usize| {
        let cells = features.iter().zip(&numbers[row * width..(row + 1) * width]);
        let inputs = cells.fold(0_u64, |sum, (name, x)| sum.wrapping_add(kept::of_cell(name, *x)));
        let time = dt.as_ref().map_or(0, |dt| kept::of_cell("\0time", dt[row]));
        let target = match &outputs {
            None => usize::try_from(labels[row]).map_or(0, |place| kept::of_cell(&task.names()[place], 1.0)),
            Some((values, width)) => {
                let cells = task.names().iter().zip(&values[row * width..(row + 1) * width]);
                cells.fold(0_u64, |sum, (name, y)| sum.wrapping_add(kept::of_cell(name, *y)))
            }
        };
        inputs.wrapping_add(time).wrapping_add(target)
    };
    let of_series = |[first, end]: &[i64; 2]| hash_of((*first..*end).map(|row| hash(row as usize)));
    let hashes = series.iter().map(of_series).collect();
    let timing = dt.as_ref().map(|dt| Timing { unit: typical(dt), typical_dt: 1.0 });
    let shape = InputShape::Sequences { features };
    let spec = InputSpec { per, timing, missing, ..InputSpec::new(shape, task) };
    SeriesSet {
        path: path.to_owned(),
        rows: Rows {
            features: Tensor::from_slice(&numbers).view([-1, width as i64]),
            dt: dt.as_deref().map(Tensor::from_slice),
            targets: of_rows,
            per,
        },
        spec,
        series,
        hashes,
        cut: SeriesCut::WHOLE,
        test: TestSeries::Fraction(TEST),
        horizons: 1,
    }
}

/// The median of the times that have passed, 1 if none has.
fn typical(dt: &[f64]) -> f64 {
    let mut passed: Vec<f64> = dt.iter().copied().filter(|dt| *dt > 0.0).collect();
    passed.sort_by(f64::total_cmp);
    passed.get(passed.len() / 2).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests;
