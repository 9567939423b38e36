//! `csv:FILE`: time series as rows of numbers, cut into windows.
//!
//! The text after the colon is the file, followed by options that are separated by commas:
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `target=A+B` | the columns whose later values are to be predicted | the last column |
//! | `id=A` | the column that tells several series of one file apart | one series |
//! | `label=A` | the column of classes: one per series with `id`, or one per row with `task=per-step` | |
//! | `task=T` | `per-window` predicts once for a window, `per-step` after each of its rows | `per-window` |
//! | `columns=A+B` | the columns that are the inputs of a step | all but the time and the label |
//! | `window=N` | the number of rows per sequence; `all` for whole series | 32, with a label per series all |
//! | `horizon=N` | the number of rows from the last row of the window, or from each row, to the target; `A..B` for all from A to B at once | 1, for labels 0 |
//! | `stride=N` | the number of rows from the beginning of a window to that of the next | 1, per step the window |
//! | `missing=M` | cells without a value: `refuse` them, `mask` them for the model, or take the `previous` value | `refuse` |
//! | `static=A+B` | columns with one number for all rows of a series, which one row of it may give; they are inputs, too | none |
//! | `duplicates=M` | rows of a series with equal time: join them to their `mean`, or take the `last` | they are refused |
//! | `split=S` | several series: whole `series` go to training, validation and test, or each is cut in `time` | `series` |
//! | `time=A` | the column of time, which must increase: numbers, or dates of ISO 8601, which count in seconds | rows are one unit apart |
//! | `time_unit=X` | what the model divides differences of time by | the median difference |
//! | `test=X` | the fraction of the rows, at the end, that forms the test part; `all` for `eval` | 0.15 |
//! | `reverse` | the rows go from the latest to the earliest | |
//! | `separator=S` | `comma`, `semicolon`, `tab` or `space` | the sign that the first lines have |
//! | `decimal=S` | `point` or `comma`, the decimal sign | a point, or a comma where it is clear |
//!
//! `csv:FOLDER` reads the `.csv` and `.tsv` files of a folder and `csv:FOLDER/*.csv` those of a pattern, sorted by their paths: they
//! have the same columns, in any order, and each is a series, or with `id` several.
//!
//! The values of several horizons are called `load+1`, `load+2` and so on.
//!
//! A name that holds a comma or a plus is put in quotes: `target="load, kW"`. Blank lines and lines that begin with `#` are skipped.
//! Training, validation and test parts follow one another in time. No target lies in another part than its window says; the
//! inputs of a validation window may reach back into the rows of training. With `id`, whole series go to a part, of each class as many as
//! its share, and no window has rows of two series; the rows of a series need not follow one another in the file.
//!
//! A cell without a value is empty, or `?`, `-`, `.`, `na`, `n/a`, `nan`, `null`, `none` or `nil`. With `missing=mask` the model sees for each
//! column whether it has a value; windows whose target is missing are left out. A row with an empty label has no target.

mod classes;
mod dialect;
mod duplicates;
mod error;
mod files;
mod gaps;
mod history;
mod line_error;
mod located;
mod names;
mod options;
mod resolved;
mod rows;
mod statics;
mod stream;
mod stream_row;
mod table;
mod tables;
mod text;
mod time;
mod to_predict;

pub use error::SeriesError;
pub use history::{Future, History, open_future, open_history};
pub use line_error::LineError;
pub use stream::StreamReader;
pub use stream_row::{Form, StreamProgress, StreamRow};
pub use to_predict::{PredictedRow, ToPredict, open_to_predict};

use crate::progress::Progress;
use crate::readers::option::OptionError;
use crate::readers::series::Series;
use crate::readers::series_set::{SeriesCut, SeriesSet, TestSeries};
use crate::readers::series_table::{Cells, Reading, SeriesTable, Targets};
use crate::source::{DataSource, Trained};
use classes::classes;
use gaps::Gaps;
use lnn_core::{Cut, InputShape, Missing, Per};
use ndarray::Axis;
use options::{Division, Options, Window};
use resolved::resolved;
use std::path::{Path, PathBuf};
use table::Special;
use tables::Tables;
use to_predict::rows_of;

/// Splits the text after `csv:` into the path of the file and the options with their leading comma.
pub fn split_path(text: &str) -> (&str, &str) {
    let path = Options::parse(text).map_or(text, |options| options.path);
    (path, &text[path.len()..])
}

/// The path of the file in the text after `csv:`.
pub fn path(text: &str) -> &str {
    split_path(text).0
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
) -> Result<Box<dyn DataSource>, SeriesError> {
    let options = resolved(text, trained, progress)?;
    let texts = tables::texts(&options, progress)?;
    read(text, &options, &texts, trained, progress)
}

/// Reads the series of a known set as [`open`] reads a file: `text` is its name with options, and `table` the text of its table, which comes
/// from `path`.
///
/// # Errors
/// [`SeriesError`].
pub(crate) fn open_known(
    text: &str,
    path: &Path,
    table: String,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, SeriesError> {
    let options = resolved(text, trained, progress)?;
    read(text, &options, &[(path.to_owned(), table)], trained, progress)
}

fn read(
    text: &str,
    options: &Options<'_>,
    texts: &[(PathBuf, String)],
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, SeriesError> {
    let chosen_test = Options::parse(text)?.test.is_some();
    let gaps = options.gaps();
    let path = Path::new(options.path);
    let table = Tables::new(texts, options)?;
    let column = |name: Option<String>| name.map(|name| table.column(&name)).transpose();
    let (time, label, id) =
        (column(options.time_name())?, column(options.label_name())?, column(options.id_name())?);
    let special = Special { time, label, id };
    let horizons = options.horizon();
    let of_model = |names: &[String]| {
        names.iter().map(|name| table.column(name)).collect::<Result<Vec<usize>, SeriesError>>()
    };
    let mut columns: Vec<usize> = match (options.columns, trained.map(|trained| &trained.input.shape)) {
        (Some(names), _) => table.columns(names)?,
        (None, Some(InputShape::Sequences { features })) => of_model(features)?,
        (None, _) => table.all_but(special)?,
    };
    let statics = statics_of(options, &table, special)?;
    if trained.is_none() {
        let others: Vec<usize> = statics.iter().copied().filter(|column| !columns.contains(column)).collect();
        columns.extend(others);
    }
    let targets: Vec<usize> = match (options.target, trained) {
        _ if label.is_some() => Vec::new(),
        (Some(names), _) => table.columns(names)?,
        (None, Some(trained)) => of_model(&horizons.columns(trained.input.task.names()))?,
        (None, None) => vec![table.all_but(special)?.last().copied().unwrap_or(0)],
    };
    if let Some(&target) = targets.iter().find(|target| statics.contains(target)) {
        let name = &table.header()[target];
        return Err(OptionError::new("static", "a column that is not the target, which changes", name).into());
    }
    if let Some(&target) = targets.iter().find(|target| horizons.first() == 0 && columns.contains(target)) {
        let expected = format!("1 or more, or columns=A+B without {:?}, the target", table.header()[target]);
        return Err(OptionError::new("horizon", expected, horizons.to_string()).into());
    }
    let rows = rows_of(options, &table, [&columns, &targets], special, gaps, progress)?;
    if rows.dates && options.time_unit.is_none() && trained.is_none() {
        progress(Progress::Note { text: "the time is counted in seconds, and so is dt" });
    }
    let names = |columns: &[usize]| columns.iter().map(|&column| table.header()[column].clone()).collect();
    let (inputs, values) = rows.numbers.view().split_at(Axis(1), columns.len());
    let targets = match (&rows.labels, label) {
        (Some(labels), Some(column)) => classes(path, &table.header()[column], labels, progress)?,
        _ => Targets::Values { names: names(&targets), numbers: values },
    };
    let extent = |extent| i64::try_from(extent).unwrap_or(i64::MAX);
    let [horizon, stride] = [horizons.last(), options.stride()].map(extent);
    let window = match options.window() {
        Window::Rows(rows) => Some(extent(rows)),
        Window::All => None,
    };
    let content = SeriesTable::new(
        Cells {
            features: names(&columns),
            numbers: inputs,
            targets,
            times: rows.times.as_deref(),
            series: &rows.series,
        },
        Reading {
            time_unit: options.time_unit,
            missing: if gaps == Gaps::Mask { Missing::Mask } else { Missing::Refused },
            per: options.per(),
        },
    );
    let content = content.of_horizons(horizons);
    let test = options.test.unwrap_or(Options::TEST);
    let cut = window.map(|window| Cut { window, horizon, stride });
    if let (Some(labels), Some(column), Per::Sequence) = (&rows.labels, label, options.per()) {
        for &[first, end] in &rows.series {
            if let Some(row) = (first..end).find(|&row| labels[row] != labels[first]) {
                return Err(table.other_label(&rows, row, column, &labels[first]));
            }
        }
    }
    let Some(cut) = cut.filter(|_| !options.has_series() || options.division == Some(Division::Time)) else {
        let cut = SeriesCut { windows: cut, horizon };
        let of_all = if test < 1.0 { TestSeries::Fraction(test) } else { TestSeries::All };
        let set = SeriesSet::of_table(path, content, cut, of_all);
        return Ok(Box::new(match trained.filter(|_| test >= 1.0) {
            Some(trained) => set.for_test_of(trained, progress),
            None => set,
        }));
    };
    let series = Series::new(path, content, cut, test);
    Ok(Box::new(match trained.and_then(|trained| trained.known) {
        Some(known) if options.division == Some(Division::Time) => {
            series.without_beginnings_of_training(known, chosen_test, progress)
        }
        Some(known) => series.without_rows_of_training(known, chosen_test, progress),
        None => series,
    }))
}

/// The static columns, none of which is a special one.
fn statics_of(
    options: &Options<'_>,
    table: &Tables<'_>,
    special: Special,
) -> Result<Vec<usize>, SeriesError> {
    let Some(names) = options.statics else { return Ok(Vec::new()) };
    let statics = table.columns(names)?;
    match statics.iter().find(|column| special.contains(**column)) {
        Some(&column) => {
            let expected = "a column of numbers, not the time, label or id";
            Err(OptionError::new("static", expected, &table.header()[column]).into())
        }
        None => Ok(statics),
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "many_series_tests.rs"]
mod many_series_tests;

#[cfg(test)]
#[path = "several_files_tests.rs"]
mod several_files_tests;

#[cfg(test)]
#[path = "horizons_tests.rs"]
mod horizons_tests;

#[cfg(test)]
#[path = "rules_of_series_tests.rs"]
mod rules_of_series_tests;
