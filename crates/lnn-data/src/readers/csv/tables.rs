//! One table, or several files of the same columns, each a series or several.

use super::dialect::Dialect;
use super::duplicates::mean;
use super::error::SeriesError;
use super::files;
use super::options::Options;
use super::rows::Rows;
use super::table::{Request, Special, Table};
use super::text;
use crate::progress::Progress;
use ndarray::{Axis, concatenate};
use std::path::{Path, PathBuf};

/// The text of each file.
pub(super) fn texts(
    options: &Options<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<(PathBuf, String)>, SeriesError> {
    let files = files::files(options.path)?;
    files.into_iter().map(|file| Ok((file.clone(), text::read(&file, progress)?))).collect()
}

/// The tables of the files.
pub(super) struct Tables<'a> {
    /// At least one.
    each: Vec<Table<'a>>,
    /// For each table the places in it of the columns of the first.
    orders: Vec<Vec<usize>>,
    /// Whether the path names several files, of which there may be one.
    several: bool,
}

impl<'a> Tables<'a> {
    /// Reads the headers.
    pub(super) fn new(texts: &'a [(PathBuf, String)], options: &Options<'_>) -> Result<Self, SeriesError> {
        let of = |(path, text): &'a (PathBuf, String)| Table::new(path, text, Dialect::of(text, options));
        let tables = texts.iter().map(of).collect::<Result<Vec<Table<'a>>, SeriesError>>()?;
        let orders = tables.iter().map(|table| order(&tables[0], table)).collect::<Result<_, _>>()?;
        Ok(Self { each: tables, orders, several: files::are_several(options.path) })
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.each[0].header
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, SeriesError> {
        self.each[0].column(name)
    }

    /// The places of the columns in a list of names.
    pub(super) fn columns(&self, list: &str) -> Result<Vec<usize>, SeriesError> {
        self.each[0].columns(list)
    }

    /// The places of all columns but the special ones.
    pub(super) fn all_but(&self, special: Special) -> Result<Vec<usize>, SeriesError> {
        self.each[0].all_but(special)
    }

    /// Reads all files; the rows of each follow those of the file before, and no series has rows of two.
    pub(super) fn read(&self, request: Request<'_>) -> Result<Rows, SeriesError> {
        let mut all: Option<Rows> = None;
        for (table, order) in self.each.iter().zip(&self.orders) {
            let places = |columns: &[usize]| columns.iter().map(|&column| order[column]).collect::<Vec<_>>();
            let (columns, statics) = (places(request.columns), places(request.statics));
            let special = request.special.map(|column| order[column]);
            let rows = table.read(Request { columns: &columns, statics: &statics, special, ..request })?;
            all = Some(match all {
                None => rows,
                Some(before) => self.joined(before, rows, table)?,
            });
        }
        Ok(all.expect("there is at least one file"))
    }

    /// The rows of two files, one after the other.
    fn joined(&self, before: Rows, rows: Rows, table: &Table<'_>) -> Result<Rows, SeriesError> {
        if before.dates != rows.dates {
            let kind = |dates| if dates { "dates" } else { "numbers" }.to_owned();
            let first = format!("{} as the time, as in {}", kind(before.dates), self.each[0].path.display());
            let (path, found) = (table.path.to_owned(), kind(rows.dates));
            return Err(SeriesError::OtherFile { path, expected: first, found });
        }
        let count = before.places.len();
        let numbers = concatenate(Axis(0), &[before.numbers.view(), rows.numbers.view()]);
        let both = |a: Vec<f64>, b: Vec<f64>| [a, b].concat();
        Ok(Rows {
            numbers: numbers.expect("as many columns in each file"),
            labels: before.labels.zip(rows.labels).map(|(a, b)| [a, b].concat()),
            series: [before.series, rows.series.iter().map(|part| part.map(|row| row + count)).collect()]
                .concat(),
            places: [before.places, rows.places].concat(),
            files: [before.files, vec![count]].concat(),
            times: before.times.zip(rows.times).map(|(a, b)| both(a, b)),
            dates: rows.dates,
            joined: before
                .joined
                .into_iter()
                .chain(rows.joined.into_iter().map(|(row, places)| (row + count, places)))
                .collect(),
        })
    }

    /// The text of a column at each row; of rows that were joined by their `means`, the mean where all cells are numbers, otherwise the
    /// text of the last one.
    pub(super) fn texts(&self, column: usize, rows: &Rows, means: bool) -> Vec<String> {
        let mut all = Vec::with_capacity(rows.places.len());
        for (file, [first, end]) in of_files(rows) {
            let (table, column) = (&self.each[file], self.orders[file][column]);
            all.extend(table.texts(column, &rows.places[first..end]));
            for (row, places) in rows.joined.iter().filter(|(row, _)| means && (first..end).contains(row)) {
                let numbers: Vec<f64> = table
                    .texts(column, places)
                    .iter()
                    .map(|cell| table.number(cell))
                    .collect::<Option<_>>()
                    .unwrap_or_default();
                let number = mean(numbers.into_iter());
                if !number.is_nan() {
                    all[*row] = number.to_string();
                }
            }
        }
        all
    }

    /// What tells the series of each row apart: the name of the file where there may be several, and the text of the column `id`.
    pub(super) fn ids(&self, id: Option<usize>, rows: &Rows) -> Option<Vec<String>> {
        let texts = id.map(|id| self.texts(id, rows, false));
        if !self.several {
            return texts;
        }
        let paths: Vec<&Path> = self.each.iter().map(|table| table.path).collect();
        let names = files::names(&paths);
        let of_rows = of_files(rows).flat_map(|(file, [first, end])| std::iter::repeat_n(file, end - first));
        Some(match texts {
            Some(texts) => of_rows.zip(texts).map(|(file, text)| format!("{}:{text}", names[file])).collect(),
            None => of_rows.map(|file| names[file].clone()).collect(),
        })
    }

    /// The error for a series that has more than one label.
    pub(super) fn other_label(&self, rows: &Rows, row: usize, column: usize, before: &str) -> SeriesError {
        let file = rows.files.iter().rposition(|first| *first <= row).unwrap_or(0);
        self.each[file].other_label(rows, row, self.orders[file][column], before)
    }
}

/// The places in `table` of the columns of the `first` one, by their names.
fn order(first: &Table<'_>, table: &Table<'_>) -> Result<Vec<usize>, SeriesError> {
    if first.header == table.header {
        return Ok((0..first.header.len()).collect());
    }
    let place = |name: &String| table.header.iter().position(|other| other == name);
    let sorted = |header: &[String]| {
        let mut names = header.to_vec();
        names.sort();
        names
    };
    let same = sorted(&first.header) == sorted(&table.header);
    let order = first.header.iter().map(place).collect::<Option<Vec<usize>>>().filter(|_| same);
    order.ok_or_else(|| SeriesError::OtherFile {
        path: table.path.to_owned(),
        expected: format!("the columns of {}, {}", first.path.display(), first.header.join(", ")),
        found: table.header.join(", "),
    })
}

/// The place of each file and its rows.
fn of_files(rows: &Rows) -> impl Iterator<Item = (usize, [usize; 2])> + '_ {
    let ends = rows.files.iter().skip(1).copied().chain([rows.places.len()]);
    rows.files.iter().zip(ends).map(|(first, end)| [*first, end]).enumerate()
}
