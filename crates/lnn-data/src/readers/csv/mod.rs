//! `csv:FILE`: a time series as rows of numbers, cut into windows.
//!
//! The text after the colon is the file, followed by options that are separated by commas:
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `target=A+B` | the columns whose later values are to be predicted | the last column |
//! | `label=A` | the column of classes, of which each row has one; it needs `task=per-step` | |
//! | `task=T` | `per-window` predicts once for a window, `per-step` after each of its rows | `per-window` |
//! | `columns=A+B` | the columns that are the inputs of a step | all but the time and the label |
//! | `window=N` | the number of rows per sequence | 32 |
//! | `horizon=N` | the number of rows from the last row of the window, or from each row, to the target | 1, for labels 0 |
//! | `stride=N` | the number of rows from the beginning of a window to that of the next | 1, per step the window |
//! | `missing=M` | cells without a value: `refuse` them, `mask` them for the model, or take the `previous` value | `refuse` |
//! | `time=A` | the column of time, which must increase: numbers, or dates of ISO 8601, which count in seconds | rows are one unit apart |
//! | `time_unit=X` | what the model divides differences of time by | the median difference |
//! | `test=X` | the fraction of the rows, at the end, that forms the test part; `all` for `eval` | 0.15 |
//! | `reverse` | the rows go from the latest to the earliest | |
//! | `separator=S` | `comma`, `semicolon`, `tab` or `space` | the sign that the first lines have |
//! | `decimal=S` | `point` or `comma`, the decimal sign | a point, or a comma where it is clear |
//!
//! A name that holds a comma or a plus is put in quotes: `target="load, kW"`. Blank lines and lines that begin with `#` are skipped.
//! Training, validation and test parts follow one another in time. No target lies in another part than its window says; the
//! inputs of a validation window may reach back into the rows of training.
//!
//! A cell without a value is empty, or `?`, `-`, `.`, `na`, `n/a`, `nan`, `null`, `none` or `nil`. With `missing=mask` the model sees for each
//! column whether it has a value; windows whose target is missing are left out. A row with an empty label has no target.

mod dialect;
mod error;
mod names;
mod options;
mod table;
mod text;
mod time;

pub use error::SeriesError;

use crate::progress::Progress;
use crate::readers::option::OptionError;
use crate::readers::series::{Content, Reading, Series, Targets};
use crate::source::Trained;
use dialect::Dialect;
use lnn_core::{Cut, InputShape, Missing};
use ndarray::Axis;
use options::Options;
use std::cmp::Ordering;
use std::path::Path;
use table::{Gaps, Table};

/// The maximum number of classes of a column of labels.
const MOST_CLASSES: usize = 1000;

/// Splits the text after `csv:` into the path of the file and the options with their leading comma.
pub fn split_path(text: &str) -> (&str, &str) {
    let path = Options::parse(text).map_or(text, |options| options.path);
    (path, &text[path.len()..])
}

/// Reads the series that the text after `csv:` specifies. What it leaves open for the test of a trained model is as in its training:
/// columns, target, time, window and horizon; another file is then for the test from its first row to its last.
///
/// # Errors
/// [`SeriesError`].
pub fn open(
    text: &str,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Series, SeriesError> {
    let given = Options::parse(text)?;
    let before = match trained.and_then(|trained| trained.data.strip_prefix("csv:")) {
        Some(text) => Some(Options::parse(text)?),
        None => None,
    };
    let chosen_test = given.test.is_some();
    let options = match (trained, before) {
        (Some(trained), Some(before)) => inherit(given, before, trained, progress)?,
        (Some(_), None) => Options { test: given.test.or(Some(1.0)), ..given },
        (None, _) => given,
    };
    options.check()?;
    let gaps = options.missing.unwrap_or(Gaps::Refuse);
    if gaps == Gaps::Mask && trained.is_some_and(|trained| !trained.input.may_miss()) {
        let (expected, found) = ("without missing values".into(), "mask".into());
        return Err(SeriesError::Contradiction { option: "missing", expected, found });
    }
    let path = Path::new(options.path);
    let text = text::read(path, progress)?;
    let table = Table::new(path, &text, Dialect::of(&text, &options))?;
    let column = |name: Option<String>| name.map(|name| table.column(&name)).transpose();
    let (time, label) = (column(options.time_name())?, column(options.label_name())?);
    let of_model = |names: &[String]| {
        names.iter().map(|name| table.column(name)).collect::<Result<Vec<usize>, SeriesError>>()
    };
    let columns: Vec<usize> = match (options.columns, trained.map(|trained| &trained.input.shape)) {
        (Some(names), _) => table.columns(names)?,
        (None, Some(InputShape::Sequences { features })) => of_model(features)?,
        (None, _) => table.all_but([time, label])?,
    };
    let targets: Vec<usize> = match (options.target, trained) {
        _ if label.is_some() => Vec::new(),
        (Some(names), _) => table.columns(names)?,
        (None, Some(trained)) => of_model(trained.input.task.names())?,
        (None, None) => vec![(0..table.header.len()).rfind(|column| Some(*column) != time).unwrap_or(0)],
    };
    if let Some(&target) = targets.iter().find(|target| options.horizon() == 0 && columns.contains(target)) {
        let expected = format!("1 or more, or columns=A+B without {:?}, the target", table.header[target]);
        return Err(OptionError::new("horizon", expected, "0").into());
    }
    let chosen: Vec<usize> = columns.iter().chain(&targets).copied().collect();
    let rows = table.read(&chosen, [time, label], gaps, options.reverse.unwrap_or(false))?;
    if rows.dates && options.time_unit.is_none() && trained.is_none() {
        progress(Progress::Note { text: "the time is counted in seconds, and so is dt" });
    }
    let names = |columns: &[usize]| columns.iter().map(|&column| table.header[column].clone()).collect();
    let (inputs, values) = rows.numbers.view().split_at(Axis(1), columns.len());
    let targets = match (&rows.labels, label) {
        (Some(labels), Some(column)) => classes(path, &table.header[column], labels, progress)?,
        _ => Targets::Values { names: names(&targets), numbers: values },
    };
    let extent = |extent| i64::try_from(extent).unwrap_or(i64::MAX);
    let [window, horizon, stride] = [options.window(), options.horizon(), options.stride()].map(extent);
    let series = Series::new(
        path,
        Content { features: names(&columns), numbers: inputs, targets, times: rows.times.as_deref() },
        Reading {
            time_unit: options.time_unit,
            missing: if gaps == Gaps::Mask { Missing::Mask } else { Missing::Refused },
            per: options.per(),
            cut: Cut { window, horizon, stride },
            test: options.test.unwrap_or(Options::TEST),
        },
    );
    Ok(match trained.and_then(|trained| trained.known) {
        Some(known) => series.without_rows_of_training(known, chosen_test, progress),
        None => series,
    })
}

/// The classes of a column of labels: its different texts, numbers in their order. Rows with an empty cell have none.
fn classes<'a>(
    path: &Path,
    column: &str,
    labels: &[String],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Targets<'a>, SeriesError> {
    let mut names: Vec<&String> = labels.iter().filter(|label| !label.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > MOST_CLASSES {
        let (path, column, most, found) = (path.to_owned(), column.to_owned(), MOST_CLASSES, names.len());
        return Err(SeriesError::Classes { path, column, most, found });
    }
    let number = |name: &String| name.parse::<f64>().ok();
    if names.iter().all(|name| number(name).is_some()) {
        names.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal));
    }
    let place = |label: &String| names.iter().position(|name| *name == label);
    let places: Vec<Option<usize>> = labels.iter().map(place).collect();
    let without = places.iter().filter(|place| place.is_none()).count();
    if without > 0 {
        let text = format!("{without} of {} rows have no {column} and no target", places.len());
        progress(Progress::Note { text: &text });
    }
    Ok(Targets::Classes { names: names.into_iter().cloned().collect(), labels: places })
}

/// The options of a test: those that are given, and otherwise those of the training.
fn inherit<'a>(
    given: Options<'a>,
    before: Options<'a>,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Options<'a>, SeriesError> {
    let real = |path: &str| std::fs::canonicalize(path).ok();
    let same_file = real(given.path).is_some() && real(given.path) == real(before.path);
    let contradiction =
        |option, expected: String, found: String| Err(SeriesError::Contradiction { option, expected, found });
    if let (None, Some(name)) = (before.time, given.time_name()) {
        return contradiction("time", "without a column of time".into(), name);
    }
    if let (Some(timing), Some(unit)) = (trained.input.timing, given.time_unit)
        && (timing.unit - unit).abs() > 1e-9 * timing.unit
    {
        return contradiction("time_unit", format!("with {}", timing.unit), unit.to_string());
    }
    let trained_for = before.horizon();
    if let Some(horizon) = given.horizon.filter(|horizon| *horizon != trained_for) {
        return contradiction("horizon", format!("for {trained_for} rows ahead"), horizon.to_string());
    }
    let window = before.window();
    if let Some(other) = given.window.filter(|other| *other != window) {
        let text =
            format!("the model was trained on windows of {window} rows, the test has windows of {other}");
        progress(Progress::Warning { text: &text });
    }
    let of_file = if same_file { before } else { Options { test: Some(1.0), ..Options::default() } };
    Ok(Options {
        time: given.time.or(before.time),
        label: given.label.or(before.label),
        task: given.task.or(before.task),
        window: given.window.or(before.window),
        horizon: given.horizon.or(before.horizon),
        stride: given.stride.or(before.stride),
        missing: given.missing.or(before.missing),
        test: given.test.or(of_file.test),
        separator: given.separator.or(of_file.separator),
        decimal: given.decimal.or(of_file.decimal),
        reverse: given.reverse.or(of_file.reverse),
        ..given
    })
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
