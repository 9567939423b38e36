//! The errors of a table, each with the line of the file.

use super::error::SeriesError;
use super::gaps::is_gap;
use super::rows::Rows;
use super::table::Table;
use super::time::is_date;
use csv::StringRecord;

impl Table<'_> {
    /// The error for a series that has more than one label.
    pub(super) fn other_label(&self, rows: &Rows, row: usize, column: usize, before: &str) -> SeriesError {
        let found = rows.labels.as_ref().map_or("", |labels| &labels[row]);
        SeriesError::Cell {
            path: self.path.to_owned(),
            line: self.line(rows.places[row]),
            column: self.header[column].as_str().into(),
            expected: "one label for all rows of a series",
            found: found.into(),
            hint: format!("; hint: rows before have {before:?}; task=per-step has a label for each row")
                .into(),
        }
    }

    /// The error for the cell of a row.
    pub(super) fn cell(
        &self,
        place: usize,
        column: usize,
        expected: &'static str,
        hint: &str,
    ) -> SeriesError {
        SeriesError::Cell {
            path: self.path.to_owned(),
            line: self.line(place),
            column: self.header[column].as_str().into(),
            expected,
            found: self.texts(column, &[place]).concat().into(),
            hint: hint.into(),
        }
    }

    /// The error for a series that has more than one number in a static column.
    pub(super) fn not_static(&self, place: usize, column: usize) -> SeriesError {
        let hint = "; hint: a column that changes is no static one; leave it out of static=";
        self.cell(place, column, "the number of the rows before, because the column is static", hint)
    }

    /// The error for a series that has no number in a static column.
    pub(super) fn no_static(&self, place: usize, column: usize) -> SeriesError {
        let hint = "; hint: missing=mask lets the model see what is missing";
        self.cell(place, column, "a number in one row of the series, because the column is static", hint)
    }

    /// The error for rows of equal time with two labels, of which there is no mean.
    pub(super) fn label_of_equal_time(&self, place: usize, column: usize) -> SeriesError {
        let hint = "; hint: duplicates=last takes the label of the last of them";
        self.cell(place, column, "the label of the row before, which has the same time", hint)
    }

    /// The line, from 1, of the record that begins at `place` or after blank lines and comments there.
    pub(super) fn line(&self, place: usize) -> u64 {
        let skipped = self.text[place..].split_inclusive(['\n', '\r']);
        let blank = skipped.take_while(|line| line.trim().is_empty() || line.starts_with('#'));
        let begin = place + blank.map(str::len).sum::<usize>();
        let before = &self.text.as_bytes()[..begin];
        let ends = |i: usize| before[i] == b'\n' || before[i] == b'\r' && before.get(i + 1) != Some(&b'\n');
        1 + (0..before.len()).filter(|&i| ends(i)).count() as u64
    }

    pub(super) fn bad_cell(
        &self,
        record: &StringRecord,
        place: usize,
        column: usize,
        expected: &'static str,
    ) -> SeriesError {
        let found = &record[column];
        let name = &self.header[column];
        let hint = if is_gap(found) {
            "; hint: a missing value; missing=mask lets the model see which values are missing, missing=previous takes the value of \
             the row before"
                .to_owned()
        } else if is_date(found) {
            format!("; hint: it is a date; time={name} makes it the time, and columns=A+B leaves it out")
        } else if found.contains([';', '\t']) {
            "; hint: separator=semicolon or separator=tab names another sign between cells".to_owned()
        } else if found.contains(',') {
            "; hint: decimal=comma names another decimal sign; remove signs between thousands".to_owned()
        } else {
            "; hint: columns=A+B leaves a column out".to_owned()
        };
        let (path, line) = (self.path.to_owned(), self.line(place));
        SeriesError::Cell {
            path,
            line,
            column: name.as_str().into(),
            expected,
            found: found.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn bad_record(&self, error: &csv::Error) -> SeriesError {
        match error.kind() {
            csv::ErrorKind::UnequalLengths { pos, expected_len, len } => SeriesError::Ragged {
                path: self.path.to_owned(),
                line: self.line(pos.as_ref().map_or(0, csv::Position::byte) as usize),
                expected: *expected_len,
                found: *len,
            },
            _ => self.unreadable(error),
        }
    }

    pub(super) fn unreadable(&self, error: &csv::Error) -> SeriesError {
        SeriesError::Unreadable { path: self.path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn bad_header(&self, found: String) -> SeriesError {
        SeriesError::Header { path: self.path.to_owned(), line: self.line(0), found }
    }
}
