//! A series that is computed, as data: 10,000 rows of seed 0, each with a target, in windows of 100.
//!
//! `lnn-cli data generate` writes more or other rows as a table, for `csv:FILE` with its options.

use crate::generators::{self, Generator, WINDOW};
use crate::readers::csv::History;
use crate::readers::series::Series;
use crate::readers::series_table::{self, Cells, Reading, SeriesTable, Targets};
use lnn_core::{Cut, Input, Missing, Per};
use ndarray::Axis;
use std::path::Path;

const ROWS: usize = 10_000;
/// The fraction of the rows, at the end, for the test.
const TEST: f64 = 0.15;

/// The series of a generator as one to go on from, if `data` is the name of one.
pub(crate) fn history(data: &str) -> Option<History> {
    let generator = generators::find(data)?;
    let rows = generator.rows(ROWS, 0);
    let columns = generator.columns.len();
    let part = |from: usize, to: usize| series_table::table(&rows.slice_axis(Axis(1), (from..to).into()));
    Some(History {
        input: Input::new(part(0, generator.inputs).unsqueeze(0)),
        times: None,
        time_name: None,
        window: Some(WINDOW),
        horizon: generator.horizon as i64,
        values: Some(part(columns - generator.targets, columns)),
        statics: Vec::new(),
        before_test: (ROWS as f64 * (1.0 - TEST)).round() as i64,
    })
}

/// The series of a generator.
pub(super) fn open(generator: &Generator) -> Series {
    let rows = generator.rows(ROWS, 0);
    let columns = generator.columns.len();
    let names =
        |from: usize, to: usize| generator.columns[from..to].iter().map(ToString::to_string).collect();
    let part = |from: usize, to: usize| rows.slice_axis(Axis(1), (from..to).into());
    let first_target = columns - generator.targets;
    let cells = Cells {
        features: names(0, generator.inputs),
        numbers: part(0, generator.inputs),
        targets: Targets::Values {
            names: names(first_target, columns),
            numbers: part(first_target, columns),
        },
        times: None,
        series: &[[0, ROWS]],
    };
    let table =
        SeriesTable::new(cells, Reading { time_unit: None, missing: Missing::Refused, per: Per::Step });
    let cut = Cut { window: WINDOW, horizon: generator.horizon as i64, stride: WINDOW };
    Series::new(Path::new(generator.name), table, cut, TEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::GENERATORS;
    use crate::source::{DataSource, SplitRequest};

    #[test]
    fn every_row_has_a_target_a_horizon_later() {
        for generator in &GENERATORS {
            let series = open(generator);
            let parts = series.parts(&SplitRequest::new(0.1, 0)).unwrap();
            assert!(parts.train.len() > 70 && parts.validation.len() >= 8 && parts.test.len() >= 14);
            let rows = generator.rows(100 + generator.horizon, 0);
            let first = parts.train.narrow(0, 1);
            let (last, target) = (generator.columns.len() - 1, generator.targets as i64 - 1);
            for row in [0, 99] {
                let found = first.targets.double_value(&[0, row, target]);
                assert!((found - rows[[row as usize + generator.horizon, last]]).abs() < 1e-12);
            }
        }
    }
}
