//! Rows that come in one line at a time: JSON objects, or a table whose first line is its header.

use super::dialect::{Decimals, Dialect};
use super::error::SeriesError;
use super::gaps::{Gaps, is_gap};
use super::line_error::LineError;
use super::options::{Options, Window};
use super::resolved::{of_table, resolved};
use super::stream_row::{Form, StreamProgress, StreamRow};
use super::table::LARGEST;
use super::time::between;
use super::to_predict::features;
use crate::generators::{self, WINDOW};
use crate::source::Trained;
use csv::{ReaderBuilder, Trim};
use lnn_core::Task;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Reads the lines of a stream for a trained model, whose columns are found by name.
#[derive(Debug)]
pub struct StreamReader {
    columns: Vec<Column>,
    /// What a row may bring to learn from: for each target the names under which it may come.
    targets: Vec<Vec<Column>>,
    /// The classes, if the model predicts some.
    classes: Option<Vec<String>>,
    /// The name of the time, and whether it is the difference from the row before.
    time: Option<(Column, bool)>,
    id: Option<Column>,
    gaps: Gaps,
    /// Rows of a window of the training; none for whole series.
    pub window: Option<i64>,
    /// How many rows after a row its target lies, the last one of several.
    pub horizon: i64,
    /// Whether the model predicts several rows at once.
    pub has_several_horizons: bool,
    form: Option<Form>,
    /// Whether targets are read.
    learns: bool,
    separator: Option<u8>,
    decimal: Option<u8>,
    progress: StreamProgress,
}

#[derive(Debug)]
struct Column {
    name: String,
    /// Its place in a table.
    place: Option<usize>,
}

impl Column {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), place: None }
    }
}

/// The name under which a line may bring the target of a model that predicts one thing.
const TARGET: &str = "target";

/// A line, taken apart.
enum Fields<'a> {
    Json(Map<String, Value>),
    Table(Vec<Cow<'a, str>>),
}

impl Fields<'_> {
    /// The text of a column, without quotes; `None` if it is not there, or null.
    fn text(&self, column: &Column) -> Option<Cow<'_, str>> {
        match self {
            Self::Table(cells) => Some(Cow::Borrowed(&*cells[column.place?])),
            Self::Json(object) => match object.get(&column.name)? {
                Value::Null => None,
                Value::String(text) => Some(Cow::Borrowed(text)),
                other => Some(Cow::Owned(other.to_string())),
            },
        }
    }
}

impl StreamReader {
    /// A reader before the first line, for a model and the data of its training.
    ///
    /// # Errors
    /// [`SeriesError`] if the model takes images, or the options of its training cannot be read.
    pub fn new(trained: &Trained<'_>) -> Result<Self, SeriesError> {
        let names = features(trained)?;
        let of_table = of_table(trained.data);
        let options = match of_table {
            Some(text) => resolved(text, Some(trained), &mut |_| ())?,
            None => Options::default(),
        };
        let horizons = options.horizon();
        let (window, horizon) = match (of_table, options.window()) {
            (None, _) => generators::find(trained.data)
                .map_or((None, 0), |generator| (Some(WINDOW), generator.horizon as i64)),
            (Some(_), Window::All) => (None, horizons.last() as i64),
            (Some(_), Window::Rows(rows)) => (i64::try_from(rows).ok(), horizons.last() as i64),
        };
        let time = match (options.time_name(), trained.input.timing) {
            (Some(name), _) => Some((Column::new(name), false)),
            (None, Some(_)) => Some((Column::new("dt"), true)),
            (None, None) => None,
        };
        let task = &trained.input.task;
        let classes = match task {
            Task::Classification { class_names } => Some(class_names.clone()),
            Task::Regression { .. } => None,
        };
        let names_of_targets = match (&classes, options.label_name()) {
            (Some(_), label) => vec![label.unwrap_or_else(|| TARGET.into())],
            (None, _) => task.names().to_vec(),
        };
        let mut targets: Vec<Vec<Column>> =
            names_of_targets.iter().map(|name| vec![Column::new(name)]).collect();
        if let [only] = &mut targets[..]
            && !names.iter().any(|name| *name == TARGET || *name == only[0].name)
        {
            only.push(Column::new(TARGET));
        }
        Ok(Self {
            columns: names.iter().map(Column::new).collect(),
            targets,
            classes,
            time,
            id: options.id_name().map(Column::new),
            gaps: if trained.input.may_miss() { Gaps::Mask } else { options.gaps() },
            window,
            horizon,
            has_several_horizons: of_table.is_some() && horizons.count() > 1,
            form: None,
            learns: false,
            separator: options.separator,
            decimal: options.decimal,
            progress: StreamProgress { previous: vec![None; names.len()], ..StreamProgress::default() },
        })
    }

    /// From here on rows have the targets that their lines bring; otherwise these are not read.
    pub fn read_targets(&mut self) {
        self.learns = true;
    }

    /// How the lines are written, once the first one was read.
    pub fn form(&self) -> Option<Form> {
        self.form
    }

    /// The name of the column of time, if rows have one.
    pub fn time_name(&self) -> Option<&str> {
        self.time.as_ref().filter(|(_, differs)| !differs).map(|(column, _)| column.name.as_str())
    }

    /// What has to be remembered of the rows so far.
    pub fn progress(&self) -> &StreamProgress {
        &self.progress
    }

    /// Goes on after the rows that another reader of the same model has read.
    pub fn resume(&mut self, progress: StreamProgress) {
        self.progress = progress;
        self.progress.previous.resize(self.columns.len(), None);
    }

    /// Reads a line without its end. `None` for a header, a blank line and a comment.
    ///
    /// # Errors
    /// [`LineError`]; the line then changes nothing but the number of rows.
    pub fn read(&mut self, line: &str) -> Result<Option<StreamRow>, LineError> {
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let form = match self.form {
            Some(form) => form,
            None if line.trim_start().starts_with('{') => *self.form.insert(Form::Json),
            None => {
                self.read_header(line)?;
                return Ok(None);
            }
        };
        self.progress.rows += 1;
        let fields = match form {
            Form::Json => Fields::Json(
                serde_json::from_str(line)
                    .map_err(|error| LineError::Json(format!("{line:.60} ({error})")))?,
            ),
            Form::Table { separator, cells } => {
                let found = cells_of(line, separator);
                if found.len() != cells {
                    return Err(LineError::Cells { expected: cells, found: found.len() });
                }
                Fields::Table(found)
            }
        };
        self.row(&fields).map(Some)
    }

    /// Finds the columns in the first line of a table.
    fn read_header(&mut self, line: &str) -> Result<(), LineError> {
        let options = Options { separator: self.separator, ..Options::default() };
        let separator = Dialect::of(line, &options).separator;
        let header = cells_of(line, separator);
        let refuse = |expected: String| LineError::Header { expected, found: format!("{line:.200}") };
        let place = |name: &str| -> Result<Option<usize>, LineError> {
            let mut places = (0..header.len()).filter(|&place| header[place] == name);
            match (places.next(), places.next()) {
                (_, Some(_)) => Err(refuse(format!("{name} once"))),
                (place, None) => Ok(place),
            }
        };
        let needed = self.columns.iter_mut();
        let needed = needed.chain(self.time.iter_mut().map(|(column, _)| column));
        let mut missing = Vec::new();
        for column in needed {
            column.place = place(&column.name)?;
            if column.place.is_none() {
                missing.push(column.name.clone());
            }
        }
        if !missing.is_empty() {
            return Err(refuse(missing.join(", ")));
        }
        // A table without the column that told series apart in the training has one series.
        for column in self.targets.iter_mut().flatten().chain(&mut self.id) {
            column.place = place(&column.name)?;
        }
        self.form = Some(Form::Table { separator, cells: header.len() });
        Ok(())
    }

    fn row(&mut self, fields: &Fields<'_>) -> Result<StreamRow, LineError> {
        let mut series = None;
        if let Some(id) = &self.id {
            let found = fields.text(id).unwrap_or_default();
            match &self.progress.series {
                Some(expected) if *expected != *found => {
                    let (name, expected) = (id.name.clone(), expected.clone());
                    return Err(LineError::OtherSeries { name, expected, found: found.into_owned() });
                }
                _ => series = Some(found.into_owned()),
            }
        }
        let (dt, time) = match &self.time {
            Some((column, differs)) => self.time_of(fields, column, *differs)?,
            None => (None, None),
        };
        let mut numbers = Vec::with_capacity(self.columns.len());
        for (column, previous) in self.columns.iter().zip(&self.progress.previous) {
            numbers.push(match (self.number(fields, column)?, self.gaps, previous) {
                (Some(number), ..) => number,
                (None, Gaps::Mask, _) => f64::NAN,
                (None, Gaps::Previous, Some(previous)) => *previous,
                (None, gaps, _) => {
                    let expected = match gaps {
                        Gaps::Previous => "a number, because no row before has one",
                        _ => "a number, because the model was trained without missing values",
                    };
                    let (name, found) = (column.name.clone(), "none".into());
                    return Err(LineError::Value { name, expected, found });
                }
            });
        }
        let target = if self.learns { self.target(fields)? } else { None };
        if self.gaps == Gaps::Previous {
            self.progress.previous = numbers.iter().copied().map(Some).collect();
        }
        self.progress.series = series;
        self.progress.time.clone_from(&time);
        let time = time.filter(|_| self.time_name().is_some());
        Ok(StreamRow { number: self.progress.rows, features: numbers, dt, time, target })
    }

    /// The time since the row before, and the time of this one.
    fn time_of(
        &self,
        fields: &Fields<'_>,
        column: &Column,
        differs: bool,
    ) -> Result<(Option<f64>, Option<String>), LineError> {
        let name = || column.name.clone();
        if differs {
            let dt = self.number(fields, column)?.filter(|dt| *dt >= 0.0);
            let expected = "the time since the row before, 0 or more";
            let found = || fields.text(column).unwrap_or_default().into_owned();
            let dt = dt.ok_or_else(|| LineError::Value { name: name(), expected, found: found() })?;
            return Ok((Some(dt), None));
        }
        let found = fields.text(column).unwrap_or_default().into_owned();
        let expected = "a number or a date as 2016-07-01T05:00:00, of the same kind in all rows";
        let before = self.progress.time.as_deref().unwrap_or(&found);
        match between(before, &found) {
            None => Err(LineError::Value { name: name(), expected, found }),
            Some(_) if self.progress.time.is_none() => Ok((Some(f64::NAN), Some(found))),
            Some(dt) if dt > 0.0 => Ok((Some(dt), Some(found))),
            Some(_) => Err(LineError::NotLater { name: name(), before: before.to_owned(), found }),
        }
    }

    /// The number of a column; `None` for what is missing.
    fn number(&self, fields: &Fields<'_>, column: &Column) -> Result<Option<f64>, LineError> {
        let parsed = match fields {
            Fields::Json(object) => match object.get(&column.name) {
                None | Some(Value::Null) => return Ok(None),
                Some(Value::Number(number)) => number.as_f64(),
                Some(_) => None,
            },
            Fields::Table(cells) => {
                let Some(place) = column.place else { return Ok(None) };
                let (cell, Some(Form::Table { separator, .. })) = (&*cells[place], self.form) else {
                    return Ok(None);
                };
                if is_gap(cell) {
                    return Ok(None);
                }
                let dialect = Dialect { separator, decimal: self.decimal };
                let mut decimals = Decimals::default();
                decimals.parse(cell, dialect, 0).filter(|_| decimals.unclear(dialect).is_none())
            }
        };
        match parsed.filter(|number| number.abs() <= LARGEST) {
            Some(number) => Ok(Some(number)),
            None => Err(LineError::Value {
                name: column.name.clone(),
                expected: "a finite number",
                found: fields.text(column).unwrap_or_default().into_owned(),
            }),
        }
    }

    /// What the line brings to learn from.
    fn target(&self, fields: &Fields<'_>) -> Result<Option<Vec<f64>>, LineError> {
        let mut found = Vec::with_capacity(self.targets.len());
        for names in &self.targets {
            let mut value = f64::NAN;
            for column in names {
                if let Some(classes) = &self.classes {
                    let Some(text) = fields.text(column).filter(|text| !is_gap(text)) else { continue };
                    let place = classes.iter().position(|class| *class == *text);
                    let unknown = || LineError::Value {
                        name: column.name.clone(),
                        expected: "a class that the model predicts",
                        found: text.clone().into_owned(),
                    };
                    value = place.ok_or_else(unknown)? as f64;
                } else if let Some(number) = self.number(fields, column)? {
                    value = number;
                }
            }
            found.push(value);
        }
        Ok(found.iter().any(|value| !value.is_nan()).then_some(found))
    }
}

/// The cells of a line of a table, without blanks around them.
fn cells_of(line: &str, separator: u8) -> Vec<Cow<'_, str>> {
    if !line.contains('"') {
        return line.split(char::from(separator)).map(|cell| Cow::Borrowed(cell.trim())).collect();
    }
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).trim(Trim::All).delimiter(separator);
    let record = builder.from_reader(line.as_bytes()).into_records().next();
    let record = record.and_then(Result::ok).unwrap_or_default();
    record.iter().map(|cell| Cow::Owned(cell.to_owned())).collect()
}
