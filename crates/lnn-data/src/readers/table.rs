//! A CSV file of numbers.

use crate::readers::series_error::SeriesError;
use ndarray::{Array2, Axis};
use std::path::{Path, PathBuf};
use tch::Tensor;

/// A file of numbers with a header.
pub(crate) struct Table {
    path: PathBuf,
    pub(crate) names: Vec<String>,
    numbers: Array2<f64>,
    /// The line of each row in the file, from 1.
    lines: Vec<u64>,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Result<Self, SeriesError> {
        let unreadable = |reason: String| SeriesError::Unreadable { path: path.to_owned(), reason };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|error| unreadable(error.to_string()))?;
        let header = reader.headers().map_err(|error| unreadable(error.to_string()))?;
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        check_header(path, &names)?;
        let (mut numbers, mut lines) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| match error.kind() {
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => SeriesError::Ragged {
                    path: path.to_owned(),
                    line: pos.as_ref().map_or(0, csv::Position::line),
                    expected: *expected_len,
                    found: *len,
                },
                _ => unreadable(error.to_string()),
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            for (cell, column) in record.iter().zip(&names) {
                numbers.push(finite(cell).ok_or_else(|| SeriesError::Cell {
                    path: path.to_owned(),
                    line,
                    column: column.clone(),
                    found: cell.to_owned(),
                    hint: if cell.is_empty() { "; hint: fill gaps before training" } else { "" },
                })?);
            }
            lines.push(line);
        }
        let shape = (lines.len(), names.len());
        let numbers = Array2::from_shape_vec(shape, numbers).expect("every row has a cell for each column");
        Ok(Self { path: path.to_owned(), names, numbers, lines })
    }

    /// Returns the columns as a float32 tensor `[R, columns]`.
    pub(crate) fn select(&self, columns: &[usize]) -> Tensor {
        let numbers = self.numbers.select(Axis(1), columns).mapv(|number| number as f32);
        let shape = numbers.shape().iter().map(|&extent| extent as i64).collect::<Vec<_>>();
        let numbers: Vec<f32> = numbers.iter().copied().collect();
        Tensor::from_slice(&numbers).view(&shape[..])
    }

    pub(crate) fn column(&self, name: &str) -> Result<usize, SeriesError> {
        self.names.iter().position(|found| found == name).ok_or_else(|| SeriesError::NoColumn {
            path: self.path.clone(),
            name: name.to_owned(),
            found: self.names.join(", "),
        })
    }

    /// Returns the time since the previous row, in units of `unit`.
    pub(crate) fn differences(&self, column: usize, unit: f64) -> Result<Vec<f32>, SeriesError> {
        let times = self.numbers.column(column);
        let mut differences = Vec::with_capacity(times.len());
        for row in 1..times.len() {
            let (before, found) = (times[row - 1], times[row]);
            if found <= before {
                let (path, column) = (self.path.clone(), self.names[column].clone());
                return Err(SeriesError::Time { path, line: self.lines[row], column, before, found });
            }
            differences.push(((found - before) / unit) as f32);
        }
        let first = differences.first().copied().unwrap_or(1.0);
        differences.insert(0, first);
        Ok(differences)
    }
}

fn check_header(path: &Path, names: &[String]) -> Result<(), SeriesError> {
    let refuse = |found: String| Err(SeriesError::Header { path: path.to_owned(), found });
    if names.is_empty() || names.iter().all(String::is_empty) {
        return refuse("an empty file".into());
    }
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return refuse("numbers".into());
    }
    if let Some(i) = names.iter().position(String::is_empty) {
        return refuse(format!("no name for column {}", i + 1));
    }
    match (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
        Some(i) => refuse(format!("{:?} twice", names[i])),
        None => Ok(()),
    }
}

/// Parses a number that is also finite in float32.
fn finite(cell: &str) -> Option<f64> {
    cell.parse::<f64>().ok().filter(|number| (*number as f32).is_finite())
}
