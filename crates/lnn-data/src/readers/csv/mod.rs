//! `csv:FILE`: a time series as rows of numbers, cut into windows.
//!
//! The text after the colon is the file, followed by options that are separated by commas:
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `target=A+B` | the columns whose later values are to be predicted | the last column |
//! | `columns=A+B` | the columns that are the inputs of a step | all but the time |
//! | `window=N` | the number of rows per sequence | 32 |
//! | `horizon=N` | the number of rows from the last row of the window to the target | 1 |
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

mod dialect;
mod error;
mod names;
mod options;
mod table;
mod text;
mod time;

pub use error::SeriesError;

use crate::progress::Progress;
use crate::readers::series::{Extents, Series};
use crate::source::Trained;
use dialect::Dialect;
use lnn_core::InputShape;
use options::Options;
use std::path::Path;
use table::Table;

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
    let path = Path::new(options.path);
    let text = text::read(path, progress)?;
    let table = Table::new(path, &text, Dialect::of(&text, &options))?;
    let time = options.time_name().map(|name| table.column(&name)).transpose()?;
    let of_model = |names: &[String]| {
        names.iter().map(|name| table.column(name)).collect::<Result<Vec<usize>, SeriesError>>()
    };
    let columns: Vec<usize> = match (options.columns, trained.map(|trained| &trained.input.shape)) {
        (Some(names), _) => table.columns(names)?,
        (None, Some(InputShape::Sequences { features })) => of_model(features)?,
        (None, _) => table.all_but(time)?,
    };
    let targets: Vec<usize> = match (options.target, trained) {
        (Some(names), _) => table.columns(names)?,
        (None, Some(trained)) => of_model(trained.input.task.names())?,
        (None, None) => vec![(0..table.header.len()).rfind(|column| Some(*column) != time).unwrap_or(0)],
    };
    let chosen: Vec<usize> = columns.iter().chain(&targets).copied().collect();
    let rows = table.read(&chosen, time, options.reverse.unwrap_or(false))?;
    if rows.dates && options.time_unit.is_none() && trained.is_none() {
        progress(Progress::Note { text: "the time is counted in seconds, and so is dt" });
    }
    let names = |columns: &[usize]| columns.iter().map(|&column| table.header[column].clone()).collect();
    let extents = Extents {
        window: options.window.unwrap_or(Options::WINDOW),
        horizon: options.horizon.unwrap_or(Options::HORIZON),
        test: options.test.unwrap_or(Options::TEST),
    };
    let names = [names(&columns), names(&targets)];
    let series = Series::new(path, names, &rows.numbers, rows.times.as_deref(), options.time_unit, extents);
    Ok(match trained.and_then(|trained| trained.known) {
        Some(known) => series.without_rows_of_training(known, chosen_test, progress),
        None => series,
    })
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
    let trained_for = before.horizon.unwrap_or(Options::HORIZON);
    if let Some(horizon) = given.horizon.filter(|horizon| *horizon != trained_for) {
        return contradiction("horizon", format!("for {trained_for} rows ahead"), horizon.to_string());
    }
    let window = before.window.unwrap_or(Options::WINDOW);
    if let Some(other) = given.window.filter(|other| *other != window) {
        let text =
            format!("the model was trained on windows of {window} rows, the test has windows of {other}");
        progress(Progress::Warning { text: &text });
    }
    let of_file = if same_file { before } else { Options { test: Some(1.0), ..Options::default() } };
    Ok(Options {
        time: given.time.or(before.time),
        window: given.window.or(before.window),
        horizon: given.horizon.or(before.horizon),
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
