//! A table: its header, and the numbers of the columns that are chosen by name.

use super::dialect::{Decimals, Dialect};
use super::duplicates::{Duplicates, join};
use super::error::SeriesError;
use super::gaps::{Gaps, is_gap};
use super::names::names;
use super::rows::Rows;
use super::statics;
use super::time::Times;
use crate::readers::option::OptionError;
use csv::{ReaderBuilder, Trim};
use ndarray::{Array2, ArrayViewMut2, Axis};
use std::collections::HashMap;
use std::path::Path;

/// The largest size of a number: the square of a larger one is not finite in float64.
pub(super) const LARGEST: f64 = 1e150;

/// The rows in an order in which those with the same text follow one another, and the rows of each text.
fn grouped(ids: &[String]) -> (Vec<usize>, Vec<[usize; 2]>) {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, id) in ids.iter().enumerate() {
        let place = *places.entry(id).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    let mut first = 0;
    let series = groups.iter().map(|group| {
        let part = [first, first + group.len()];
        first = part[1];
        part
    });
    let series = series.collect();
    (groups.concat(), series)
}

/// The text of a file with a header.
pub(super) struct Table<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    dialect: Dialect,
    pub(super) header: Vec<String>,
}

/// The columns that are no numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Special {
    pub(super) time: Option<usize>,
    pub(super) label: Option<usize>,
    /// What tells which series a row belongs to.
    pub(super) id: Option<usize>,
}

impl Special {
    fn all(self) -> [Option<usize>; 3] {
        [self.time, self.label, self.id]
    }

    /// Whether a column is one of them.
    pub(super) fn contains(self, column: usize) -> bool {
        self.all().contains(&Some(column))
    }

    /// The same columns at other places.
    pub(super) fn map(self, place: impl Fn(usize) -> usize) -> Self {
        let [time, label, id] = self.all().map(|column| column.map(&place));
        Self { time, label, id }
    }
}

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// The columns of numbers.
    pub(super) columns: &'a [usize],
    /// Those that have one number for all rows of a series.
    pub(super) statics: &'a [usize],
    pub(super) special: Special,
    pub(super) gaps: Gaps,
    /// Number of the first of `columns` that are inputs; the others are targets, of which none is made up where it is missing.
    pub(super) inputs: usize,
    /// Whether the rows are read from the last to the first.
    pub(super) reverse: bool,
    /// What is done with rows of equal time, which are otherwise refused.
    pub(super) duplicates: Option<Duplicates>,
}

impl<'a> Table<'a> {
    /// Reads the header.
    pub(super) fn new(path: &'a Path, text: &'a str, dialect: Dialect) -> Result<Self, SeriesError> {
        let mut table = Self { path, text, dialect, header: Vec::new() };
        let header = table.reader().headers().cloned().map_err(|error| table.unreadable(&error))?;
        table.header = header.iter().map(str::to_owned).collect();
        if table.header.iter().all(String::is_empty) {
            return Err(table.bad_header("an empty file".into()));
        }
        if table.header.iter().all(|name| name.replace(',', ".").parse::<f64>().is_ok()) {
            return Err(table.bad_header("numbers".into()));
        }
        Ok(table)
    }

    fn reader(&self) -> csv::Reader<&'a [u8]> {
        let mut builder = ReaderBuilder::new();
        builder.trim(Trim::All).comment(Some(b'#')).delimiter(self.dialect.separator);
        builder.from_reader(self.text.as_bytes())
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, SeriesError> {
        let mut places = (0..self.header.len()).filter(|&place| self.header[place] == name);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(self.bad_header(format!("{name:?} twice"))),
            (None, _) => Err(SeriesError::NoColumn {
                path: self.path.to_owned(),
                name: name.to_owned(),
                found: self.header.join(", "),
                hint: String::new(),
            }),
        }
    }

    /// The places of the columns in a list of names.
    pub(super) fn columns(&self, list: &str) -> Result<Vec<usize>, SeriesError> {
        let all = names(list);
        if let Some((_, twice)) = all.iter().enumerate().find(|(i, name)| all[..*i].contains(name)) {
            let found = format!("{twice:?} twice");
            return Err(OptionError::new("columns or target", "each column once", found).into());
        }
        all.iter().map(|name| self.column(name)).collect::<Result<_, _>>().map_err(|error| match error {
            SeriesError::NoColumn { path, name, found, .. }
                if self.header.iter().any(|whole| whole == list) =>
            {
                let hint = format!("; hint: put a name with a plus in quotes, as \"{list}\"");
                SeriesError::NoColumn { path, name, found, hint }
            }
            error => error,
        })
    }

    /// The places of all columns but the special ones; each must have a name.
    pub(super) fn all_but(&self, special: Special) -> Result<Vec<usize>, SeriesError> {
        let all: Vec<usize> =
            (0..self.header.len()).filter(|place| !special.all().contains(&Some(*place))).collect();
        for &place in &all {
            match self.header[place].as_str() {
                "" if place == 0 => {
                    let hint = "no name for column 1, which is perhaps an index; hint: choose the columns by columns=A+B, or \
                                save the table without its index";
                    return Err(self.bad_header(hint.into()));
                }
                "" => return Err(self.bad_header(format!("no name for column {}", place + 1))),
                name => self.column(name)?,
            };
        }
        Ok(all)
    }

    /// Reads the numbers and the special columns. The rows of a series come together, in the order of the first row of each.
    pub(super) fn read(&self, request: Request<'_>) -> Result<Rows, SeriesError> {
        let Request { columns, statics, special, gaps, inputs, reverse, duplicates } = request;
        let Special { time, label, id } = special;
        let (mut numbers, mut decimals, mut times) = (Vec::new(), Decimals::default(), Times::default());
        let (mut places, mut labels, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for (row, record) in self.reader().records().enumerate() {
            let record = record.map_err(|error| self.bad_record(&error))?;
            let place = record.position().map_or(0, csv::Position::byte) as usize;
            for &column in columns {
                let is_static = statics.contains(&column);
                if (gaps != Gaps::Refuse || is_static) && is_gap(&record[column]) {
                    numbers.push(f64::NAN);
                    continue;
                }
                let number = decimals.parse(&record[column], self.dialect, row);
                let number = number.filter(|number| number.abs() <= LARGEST);
                let expected = match is_static {
                    true => "a finite number, because a static column has no categories as text",
                    false => "a finite number",
                };
                numbers.push(number.ok_or_else(|| self.bad_cell(&record, place, column, expected))?);
            }
            if let Some(column) = time {
                times.add(&record[column]).ok_or_else(|| {
                    self.bad_cell(&record, place, column, "a number or a date as 2016-07-01T05:00:00")
                })?;
            }
            labels.extend(label.map(|column| record[column].to_owned()));
            ids.extend(id.map(|column| record[column].to_owned()));
            places.push(place);
        }
        if let Some(row) = decimals.unclear(self.dialect) {
            let line = self.line(places[row]);
            return Err(SeriesError::UnclearComma { path: self.path.to_owned(), line });
        }
        let numbers = Array2::from_shape_vec((places.len(), columns.len()), numbers);
        let mut numbers = numbers.expect("every row has a cell for each column");
        let dates = times.are_dates();
        let mut times = time.map(|_| times.into_numbers());
        if reverse {
            numbers.invert_axis(Axis(0));
            places.reverse();
            labels.reverse();
            ids.reverse();
            if let Some(times) = &mut times {
                times.reverse();
            }
        }
        let mut series = vec![[0, places.len()]];
        if id.is_some() {
            let order: Vec<usize>;
            (order, series) = grouped(&ids);
            numbers = numbers.select(Axis(0), &order);
            places = order.iter().map(|&row| places[row]).collect();
            times = times.map(|times| order.iter().map(|&row| times[row]).collect());
            labels =
                if label.is_some() { order.iter().map(|&row| labels[row].clone()).collect() } else { labels };
        }
        let of_statics = |column: &usize| columns.iter().position(|chosen| chosen == column);
        let places_of_statics: Vec<usize> = statics.iter().filter_map(of_statics).collect();
        statics::fill(&mut numbers, &series, &places_of_statics)
            .map_err(|[row, column]| self.not_static(places[row], columns[column]))?;
        let labels = label.map(|_| labels);
        let mut rows =
            Rows { numbers, labels, series, places, files: vec![0], times, dates, joined: HashMap::new() };
        if let (Some(duplicates), Some(label)) = (duplicates, label.or(time)) {
            join(&mut rows, duplicates).map_err(|row| self.label_of_equal_time(rows.places[row], label))?;
        }
        let Rows { numbers, places, series, times, .. } = &mut rows;
        for &[first, end] in &*series {
            if let (Some(times), Some(column)) = (&*times, time) {
                self.check_increasing(&times[first..end], &places[first..end], column)?;
            }
            let mut of_series = numbers.slice_axis_mut(Axis(0), (first..end).into());
            if gaps == Gaps::Previous {
                self.fill(of_series, &places[first..end], &columns[..inputs])?;
            } else if gaps == Gaps::Refuse {
                for &column in &places_of_statics {
                    if end > first && of_series.column_mut(column)[0].is_nan() {
                        return Err(self.no_static(places[first], columns[column]));
                    }
                }
            }
        }
        Ok(rows)
    }

    /// The text of a column at `places`, the bytes of the file at which rows begin.
    pub(super) fn texts(&self, column: usize, places: &[usize]) -> Vec<String> {
        let of_records = self.reader().into_records().filter_map(Result::ok);
        let texts: HashMap<usize, String> = of_records
            .map(|record| {
                (record.position().map_or(0, csv::Position::byte) as usize, record[column].to_owned())
            })
            .collect();
        places.iter().map(|place| texts.get(place).cloned().unwrap_or_default()).collect()
    }

    /// The number that a cell holds.
    pub(super) fn number(&self, cell: &str) -> Option<f64> {
        Decimals::default().parse(cell, self.dialect, 0)
    }

    /// Gives each cell without a value that of the row before.
    fn fill(
        &self,
        mut numbers: ArrayViewMut2<'_, f64>,
        places: &[usize],
        columns: &[usize],
    ) -> Result<(), SeriesError> {
        for (mut column, place) in numbers.columns_mut().into_iter().zip(columns) {
            let mut before = None;
            for (row, number) in column.iter_mut().enumerate() {
                match (number.is_nan(), before) {
                    (false, _) => before = Some(*number),
                    (true, Some(before)) => *number = before,
                    (true, None) => {
                        return Err(SeriesError::Cell {
                            path: self.path.to_owned(),
                            line: self.line(places[row]),
                            column: self.header[*place].as_str().into(),
                            expected: "a value, because no row before has one",
                            found: "".into(),
                            hint: "; hint: missing=mask lets the model see what is missing".into(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Refuses rows at `places` whose times do not increase.
    fn check_increasing(&self, times: &[f64], places: &[usize], column: usize) -> Result<(), SeriesError> {
        let Some(row) = times.windows(2).position(|pair| pair[1] <= pair[0]) else { return Ok(()) };
        let falls = times.windows(2).all(|pair| pair[1] < pair[0]);
        let cell = |row: usize| self.texts(column, &places[row..=row]).concat().into();
        Err(SeriesError::Time {
            path: self.path.to_owned(),
            line: self.line(places[row + 1]),
            column: self.header[column].as_str().into(),
            before: cell(row),
            found: cell(row + 1),
            hint: match times[row + 1] < times[row] {
                true if falls => "; hint: the option reverse reads the rows from the last to the first",
                true => "",
                false => {
                    "; hint: duplicates=mean or duplicates=last joins rows of equal time, and id=COLUMN tells series apart"
                }
            },
        })
    }
}
