//! A series from whose end a model is to go on.

use super::error::SeriesError;
use super::gaps::Gaps;
use super::names::names as names_of;
use super::options::{Options, Window};
use super::table::Special;
use super::tables::Tables;
use super::time::{between, later};
use super::to_predict::{features, opened, rows_of};
use crate::progress::Progress;
use crate::readers::series_table;
use crate::source::Trained;
use lnn_core::Input;
use std::path::Path;
use tch::Tensor;

/// A series with its times, and how the model was trained.
#[derive(Debug)]
pub struct History {
    /// `x [1, T, I]` with the features of the model and `dt [1, T]`, float64, in the units of the table.
    pub input: Input,
    /// The time of each row as the table has it, if the model was trained with one.
    pub times: Option<Vec<String>>,
    /// `[T, O]`, the values that the model predicts, NaN where one is missing; none if the table lacks a column of them.
    pub values: Option<Tensor>,
    /// The name of the column of time.
    pub time_name: Option<String>,
    /// Rows of a window; none for a model of whole series.
    pub window: Option<i64>,
    /// How many rows after a row its target lies.
    pub horizon: i64,
    /// Rows before those for the test: none of another table than that of the training.
    pub before_test: i64,
    /// The places of the features that stay as they are.
    pub(crate) statics: Vec<i64>,
}

/// Rows to come.
#[derive(Debug)]
pub struct Future {
    /// `x [1, S, I]`, NaN for what is not known, and `dt [1, S]`.
    pub input: Input,
    /// The time of each row.
    pub times: Option<Vec<String>>,
    /// `[S, O]`, the values that the model is to predict, as far as the table has them.
    pub values: Option<Tensor>,
}

/// Reads the series that the text after `csv:` specifies for a trained model, whose columns and options are as in its training.
///
/// # Errors
/// [`SeriesError`], also if the table has several series.
pub fn open_history(
    text: &str,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<History, SeriesError> {
    opened(text, trained, progress, |options, table, progress| {
        let horizons = options.horizon();
        if horizons.count() > 1 {
            return Err(SeriesError::SeveralHorizons { horizons });
        }
        let names: Vec<&String> = features(trained)?.iter().collect();
        let gaps = if trained.input.may_miss() { Gaps::Mask } else { options.gaps() };
        let (input, times) = rows(options, table, &names, gaps, progress)?;
        let statics = options.statics.map(names_of).unwrap_or_default();
        let statics = names.iter().enumerate().filter(|(_, name)| statics.contains(name));
        let statics = statics.map(|(place, _)| place as i64).collect();
        let count = input.x.size()[1];
        let test = (count as f64 * options.test.unwrap_or(Options::TEST)).round() as i64;
        Ok(History {
            input,
            before_test: count - test,
            times,
            values: values(options, table, trained, progress)?,
            time_name: options.time_name(),
            window: match options.window() {
                Window::Rows(rows) => Some(i64::try_from(rows).unwrap_or(i64::MAX)),
                Window::All => None,
            },
            horizon: i64::try_from(horizons.last()).unwrap_or(i64::MAX),
            statics,
        })
    })
}

/// Reads what is known of the rows that follow a history: the columns that the table has, and the times.
///
/// # Errors
/// [`SeriesError`], also if the times do not go on from those of the history.
pub fn open_future(
    text: &str,
    trained: &Trained<'_>,
    history: &History,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Future, SeriesError> {
    opened(text, trained, progress, |options, table, progress| {
        let features = features(trained)?;
        let known: Vec<&String> = features.iter().filter(|name| table.header().contains(name)).collect();
        let (Input { x, mut dt, .. }, times) = rows(options, table, &known, Gaps::Mask, progress)?;
        if let (Some(times), Some(before), Some(dt)) = (&times, &history.times, &mut dt) {
            let (first, last) = (&times[0], &before[before.len() - 1]);
            let Some(since) = between(last, first).filter(|since| *since > 0.0) else {
                let (path, found) = (options.path.into(), first.clone());
                return Err(SeriesError::NotLater { path, before: last.clone(), found });
            };
            let _ = dt.narrow(1, 0, 1).fill_(since);
        }
        let size = x.size();
        let all = Tensor::full([1, size[1], features.len() as i64], f64::NAN, (x.kind(), x.device()));
        for (i, name) in (0..).zip(&known) {
            let place = features.iter().position(|feature| feature == *name).unwrap_or(0);
            all.select(2, place as i64).copy_(&x.select(2, i));
        }
        history.keep_statics(&all);
        let values = values(options, table, trained, progress)?;
        Ok(Future { input: Input { dt, ..Input::new(all) }, times, values })
    })
}

impl History {
    /// `steps` rows to come of which nothing is known; the time between them is the median of the last window.
    pub fn unknown_future(&self, steps: i64) -> Future {
        let (rows, x) = (self.input.x.size()[1], &self.input.x);
        let seen = self.window.unwrap_or(rows).min(rows);
        let typical =
            self.input.dt.as_ref().map(|dt| dt.narrow(1, rows - seen, seen).median().double_value(&[]));
        let dt = typical.map(|typical| Tensor::full([1, steps], typical, (x.kind(), x.device())));
        let times = typical.zip(self.times.as_ref()).and_then(|(typical, times)| {
            let last = &times[times.len() - 1];
            (1..=steps).map(|step| later(last, typical * step as f64)).collect()
        });
        let x = Tensor::full([1, steps, x.size()[2]], f64::NAN, (x.kind(), x.device()));
        self.keep_statics(&x);
        Future { input: Input { dt, ..Input::new(x) }, times, values: None }
    }

    /// Writes what stays as it is into rows to come `[1, S, I]`.
    fn keep_statics(&self, future: &Tensor) {
        let last = self.input.x.select(1, -1);
        for &place in &self.statics {
            future.select(2, place).copy_(&last.select(1, place).unsqueeze(1));
        }
    }
}

/// The values that a model predicts, if the table has all of them.
fn values(
    options: &Options<'_>,
    table: &Tables<'_>,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Tensor>, SeriesError> {
    let names: Vec<&String> = trained.input.task.names().iter().collect();
    if trained.input.task.is_classification() || !names.iter().all(|name| table.header().contains(name)) {
        return Ok(None);
    }
    let (input, _) = rows(options, table, &names, Gaps::Mask, progress)?;
    Ok(Some(input.x.squeeze_dim(0)))
}

/// The rows of one series: the columns called `names`, and the times.
fn rows(
    options: &Options<'_>,
    table: &Tables<'_>,
    names: &[&String],
    gaps: Gaps,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Input, Option<Vec<String>>), SeriesError> {
    let column = |name: Option<String>| name.map(|name| table.column(&name)).transpose();
    let (time, id) = (column(options.time_name())?, column(options.id_name())?);
    let columns = names.iter().map(|name| table.column(name)).collect::<Result<Vec<usize>, _>>()?;
    let special = Special { time, label: None, id };
    let rows = rows_of(options, table, [&columns, &[]], special, gaps, progress)?;
    let path = || Path::new(options.path).to_owned();
    if rows.series.len() != 1 {
        return Err(SeriesError::ManySeries { path: path(), series: rows.series.len() });
    }
    let count = rows.places.len();
    if count == 0 {
        let part = "known";
        return Err(SeriesError::TooShort {
            path: path(),
            part,
            rows: 0,
            expected: 1,
            window: 1,
            horizon: 0,
        });
    }
    let x = series_table::table(&rows.numbers.view()).unsqueeze(0);
    let dt =
        rows.times.as_ref().map(|times| Tensor::from_slice(&series_table::differences(times)).unsqueeze(0));
    let texts = time.map(|time| table.texts(time, &rows, false));
    Ok((Input { dt, ..Input::new(x) }, texts))
}
