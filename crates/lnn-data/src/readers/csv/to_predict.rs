//! A table whose targets are to be predicted: all windows, also those whose target lies behind the end of the file or is not in it.

use super::duplicates::{self, Duplicates};
use super::error::SeriesError;
use super::gaps::Gaps;
use super::names::names as names_of;
use super::options::{Options, Window};
use super::resolved::resolved;
use super::rows::Rows as TableRows;
use super::table::{Request, Special};
use super::tables::{self, Tables};
use crate::progress::Progress;
use crate::readers::horizons::Horizons;
use crate::readers::series_table::{Cells, Reading, SeriesTable, Targets};
use crate::source::Trained;
use lnn_core::{ContractError, Cut, InputShape, Per, Rows, SampleSet, Windows};
use ndarray::Axis;
use tch::{Device, Kind, Tensor};

/// The windows of a table that a model is to predict from.
#[derive(Debug)]
pub struct ToPredict {
    /// The windows in the order of the file; the target of a window, or per step of each of its rows, is the place of its last row, or
    /// of that row, among [`rows`](Self::rows), as a label.
    pub windows: SampleSet,
    /// What is known of the rows that the predictions belong to.
    pub rows: Vec<PredictedRow>,
    /// Names of the columns [`PredictedRow::id`] and [`PredictedRow::time`], if the model was trained with them.
    pub names: [Option<String>; 2],
    /// How many rows after its row a prediction lies.
    pub horizons: Horizons,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedRow {
    /// The series that it belongs to.
    pub id: Option<String>,
    /// Its time, as the file has it.
    pub time: Option<String>,
    /// The text of the targets, as many rows later in the same series, where the file has one of them: values in the order of the model,
    /// empty past the end of the series, or a class.
    pub truth: Option<Vec<String>>,
}

/// Reads the table that the text after `csv:` specifies for the predictions of a trained model. What it leaves open is as in the training.
///
/// # Errors
/// [`SeriesError`].
pub fn open_to_predict(
    text: &str,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<ToPredict, SeriesError> {
    opened(text, trained, progress, |options, tables, progress| read(options, tables, trained, progress))
}

/// Opens a table for a trained model and passes it to `use_of` with its options.
pub(super) fn opened<T>(
    text: &str,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
    use_of: impl FnOnce(&Options<'_>, &Tables<'_>, &mut dyn FnMut(Progress<'_>)) -> Result<T, SeriesError>,
) -> Result<T, SeriesError> {
    let given = Options::parse(text)?.id.is_some();
    let options = resolved(text, Some(trained), progress)?;
    let texts = tables::texts(&options, progress)?;
    let tables = Tables::new(&texts, &options)?;
    // A table without the column that told series apart in the training has one series.
    let has_id = options.id_name().is_some_and(|name| tables.column(&name).is_ok());
    let options = if given || has_id { options } else { Options { id: None, ..options } };
    use_of(&options, &tables, progress)
}

/// Reads the numbers of the columns of inputs and targets as the options say; a note tells how many rows of equal time were joined.
pub(super) fn rows_of(
    options: &Options<'_>,
    tables: &Tables<'_>,
    [inputs, targets]: [&[usize]; 2],
    special: Special,
    gaps: Gaps,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<TableRows, SeriesError> {
    // Rows to come need not tell what stays as it is.
    let statics = options.statics.map(names_of).unwrap_or_default();
    let statics: Vec<usize> = statics.iter().filter_map(|name| tables.column(name).ok()).collect();
    let (reverse, duplicates) = (options.reverse.unwrap_or(false), options.duplicates);
    let (columns, inputs) = ([inputs, targets].concat(), inputs.len());
    let rows = tables.read(Request {
        columns: &columns,
        statics: &statics,
        special,
        gaps,
        inputs,
        reverse,
        duplicates,
    })?;
    if let Some(text) = duplicates.and_then(|how| duplicates::note(&rows.joined, how)) {
        progress(Progress::Note { text: &text });
    }
    Ok(rows)
}

/// The names of the features of a model of sequences.
pub(super) fn features<'a>(trained: &Trained<'a>) -> Result<&'a [String], SeriesError> {
    match &trained.input.shape {
        InputShape::Sequences { features } => Ok(features),
        InputShape::Images { .. } => {
            let (expected, found) = (trained.input.batch_shape(), "rows of a table".into());
            Err(ContractError::OtherData { expected, found }.into())
        }
    }
}

fn read(
    options: &Options<'_>,
    table: &Tables<'_>,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<ToPredict, SeriesError> {
    let features = features(trained)?;
    let column = |name: Option<String>| name.map(|name| table.column(&name)).transpose();
    let (time, id) = (column(options.time_name())?, column(options.id_name())?);
    let columns = features.iter().map(|name| table.column(name)).collect::<Result<Vec<usize>, _>>()?;
    let gaps = if trained.input.may_miss() { Gaps::Mask } else { options.gaps() };
    let special = Special { time, label: None, id };
    let rows = rows_of(options, table, [&columns, &[]], special, gaps, progress)?;
    // What the file has of the targets.
    let per_series_label = options.label.is_some() && trained.input.per == Per::Sequence;
    let horizons = if per_series_label { Horizons::one(0) } else { options.horizon() };
    let names = match options.label_name() {
        Some(label) => vec![label],
        None => horizons.columns(trained.input.task.names()),
    };
    let targets = names.iter().map(|name| table.column(name)).collect::<Result<Vec<usize>, _>>().ok();
    let means = options.duplicates == Some(Duplicates::Mean) && options.label.is_none();
    let truth = |column: usize| table.texts(column, &rows, means);
    let truths: Option<Vec<Vec<String>>> = targets.map(|columns| columns.into_iter().map(truth).collect());
    let times = time.map(|time| table.texts(time, &rows, false));
    let ids = table.ids(id, &rows);
    let mut known = Vec::with_capacity(rows.places.len());
    for &[first, end] in &rows.series {
        for row in first..end {
            let later = |horizon: usize| row.checked_add(horizon).filter(|later| *later < end);
            let of = |truths: &Vec<Vec<String>>| {
                let text = |horizon, column: &Vec<String>| {
                    later(horizon).map_or_else(String::new, |row| column[row].clone())
                };
                (horizons.first()..=horizons.last())
                    .flat_map(|horizon| truths.iter().map(move |column| text(horizon, column)))
                    .collect()
            };
            known.push(PredictedRow {
                id: ids.as_ref().map(|ids| ids[row].clone()),
                time: times.as_ref().map(|times| times[row].clone()),
                truth: later(horizons.first()).and(truths.as_ref()).map(of),
            });
        }
    }
    let cells = Cells {
        features: features.to_vec(),
        numbers: rows.numbers.view(),
        targets: Targets::Values {
            names: Vec::new(),
            numbers: rows.numbers.slice_axis(Axis(1), (0..0).into()),
        },
        times: rows.times.as_deref(),
        series: &rows.series,
    };
    let reading = Reading { time_unit: Some(1.0), missing: trained.input.missing, per: trained.input.per };
    let SeriesTable { rows: table, series, .. } = SeriesTable::new(cells, reading);
    let table = Rows { targets: Tensor::arange(table.len(), (Kind::Int64, Device::Cpu)), ..table };
    let windows = windows(&table, &series, options.window(), options.stride()).ok_or_else(|| {
        let window = match options.window() {
            Window::Rows(rows) => i64::try_from(rows).unwrap_or(i64::MAX),
            Window::All => 1,
        };
        let rows = series.iter().map(|[first, end]| (end - first) as usize).max().unwrap_or(0);
        SeriesError::TooShort {
            path: options.path.into(),
            part: "predicted",
            rows,
            expected: window,
            window,
            horizon: 0,
        }
    })?;
    let of_series = options.id_name().or_else(|| ids.is_some().then(|| "file".to_owned()));
    let names = [of_series, options.time_name()];
    Ok(ToPredict { windows: SampleSet::Windows(windows), rows: known, names, horizons })
}

/// The windows of all series: every one, or per step those that show each row once, the last one shorter than the others.
fn windows(table: &Rows, series: &[[i64; 2]], window: Window, stride: usize) -> Option<Windows> {
    let extent = |extent: usize| i64::try_from(extent).unwrap_or(i64::MAX);
    match (window, table.per) {
        (Window::All, _) => Windows::whole(table, series, 0),
        (Window::Rows(window), Per::Sequence) => {
            let cut = Cut { window: extent(window), horizon: 0, stride: extent(stride) };
            Windows::within_each(table, series, cut)
        }
        (Window::Rows(window), Per::Step) => {
            let pieces = series.iter().flat_map(|&[first, end]| {
                (first..end)
                    .step_by(window)
                    .map(move |start| [start, end.min(start.saturating_add(extent(window)))])
            });
            Windows::whole(table, &pieces.collect::<Vec<_>>(), 0)
        }
    }
}
