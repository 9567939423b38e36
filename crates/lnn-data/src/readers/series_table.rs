//! Rows of a table, checked and read, as tensors with what they mean.

use crate::kept;
use crate::readers::horizons::Horizons;
use lnn_core::{InputShape, InputSpec, Missing, Per, Rows, Samples, Task, Timing};
use ndarray::{ArrayView1, ArrayView2};
use tch::{Device, Kind, Tensor};

/// What a table holds.
pub(crate) struct Cells<'a> {
    /// Names of the I features of a row.
    pub(crate) features: Vec<String>,
    /// `[R, I]`; NaN for what is missing.
    pub(crate) numbers: ArrayView2<'a, f64>,
    pub(crate) targets: Targets<'a>,
    /// `[R]`, increasing within each series.
    pub(crate) times: Option<&'a [f64]>,
    /// The first row of each series, and the row after its last one; they follow one another.
    pub(crate) series: &'a [[usize; 2]],
}

/// What the rows of a table may be the target of.
pub(crate) enum Targets<'a> {
    /// Values with their names, `[R, O]`.
    Values {
        /// O names.
        names: Vec<String>,
        /// NaN for what is missing.
        numbers: ArrayView2<'a, f64>,
    },
    /// Classes with their names, and the place of that of each row.
    Classes {
        /// All of them.
        names: Vec<String>,
        /// `[R]`; `None` for a row without a class.
        labels: Vec<Option<usize>>,
    },
}

/// How a table is read as windows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// What a model divides `dt` by; the median of `dt` if absent.
    pub(crate) time_unit: Option<f64>,
    pub(crate) missing: Missing,
    pub(crate) per: Per,
}

/// The rows of one series or several.
pub(crate) struct SeriesTable {
    pub(crate) spec: InputSpec,
    pub(crate) rows: Rows,
    /// One hash for each row.
    pub(crate) hashes: Vec<u64>,
    /// The first row of each series, and the row after its last one.
    pub(crate) series: Vec<[i64; 2]>,
    /// How many horizons the values of a row are for.
    pub(crate) horizons: i64,
}

/// The name of the time in hashes; no column has it.
const TIME: &str = "\0time";

impl SeriesTable {
    /// The rows of a table.
    pub(crate) fn new(content: Cells<'_>, reading: Reading) -> Self {
        let Cells { features, numbers, targets, times, series } = content;
        let dt = times.map(|times| {
            series.iter().flat_map(|[first, end]| differences(&times[*first..*end])).collect::<Vec<f64>>()
        });
        let timing = dt.as_deref().and_then(|dt| {
            let median = median(dt)?;
            let unit = reading.time_unit.unwrap_or(median);
            Some(Timing { unit, typical_dt: median / unit })
        });
        let of_cells = |names: &[String], numbers: ArrayView1<'_, f64>| {
            let cells = names.iter().zip(numbers).map(|(name, number)| kept::of_cell(name, *number));
            cells.fold(0_u64, u64::wrapping_add)
        };
        let of_target = |row: usize| match &targets {
            Targets::Values { names, numbers } => of_cells(names, numbers.row(row)),
            Targets::Classes { names, labels } => {
                labels[row].map_or(0, |place| kept::of_cell(&names[place], 1.0))
            }
        };
        let hash = |row: usize| {
            let time = dt.as_ref().map_or(0, |dt| kept::of_cell(TIME, dt[row]));
            of_cells(&features, numbers.row(row)).wrapping_add(of_target(row)).wrapping_add(time)
        };
        let hashes = (0..numbers.nrows()).map(hash).collect();
        let (task, targets) = match targets {
            Targets::Values { names, numbers } => (Task::Regression { value_names: names }, table(&numbers)),
            Targets::Classes { names, labels } => {
                let label = |place: &Option<usize>| place.map_or(Samples::NO_LABEL, |place| place as i64);
                let labels: Vec<i64> = labels.iter().map(label).collect();
                (Task::Classification { class_names: names }, Tensor::from_slice(&labels))
            }
        };
        let Reading { missing, per, .. } = reading;
        let dt = dt.as_deref().map(Tensor::from_slice);
        Self {
            rows: Rows { features: table(&numbers), dt, targets, per },
            spec: InputSpec {
                per,
                timing,
                missing,
                ..InputSpec::new(InputShape::Sequences { features }, task)
            },
            hashes,
            series: series.iter().map(|part| part.map(|row| row as i64)).collect(),
            horizons: 1,
        }
    }

    /// The table whose rows have the values of all horizons: those of the largest are the row's own, those of a smaller one belong to the
    /// rows before it. They are NaN where there is no row before in the series. Labels have one horizon.
    pub(crate) fn of_horizons(self, horizons: Horizons) -> Self {
        let SeriesTable { mut spec, rows, hashes, series, .. } = self;
        let Task::Regression { value_names } = &spec.task else {
            return Self { spec, rows, hashes, series, horizons: 1 };
        };
        spec.task = Task::Regression { value_names: horizons.value_names(value_names) };
        let count = rows.len();
        let firsts: Vec<i64> = series
            .iter()
            .flat_map(|[first, end]| std::iter::repeat_n(*first, (end - first).max(0) as usize))
            .collect();
        let places = Tensor::arange(count, (Kind::Int64, Device::Cpu));
        let firsts = Tensor::from_slice(&firsts);
        let of = |horizon: usize| {
            let back = &places - (horizons.last() - horizon) as i64;
            let outside = back.less_tensor(&firsts).unsqueeze(1);
            rows.targets.index_select(0, &back.clamp_min(0)).masked_fill(&outside, f64::NAN)
        };
        let targets = match horizons.count() {
            1 => rows.targets.shallow_clone(),
            _ => Tensor::cat(&(horizons.first()..=horizons.last()).map(of).collect::<Vec<_>>(), 1),
        };
        Self { spec, rows: Rows { targets, ..rows }, hashes, series, horizons: horizons.count() as i64 }
    }
}

/// The numbers as a tensor, float64.
pub(crate) fn table(numbers: &ArrayView2<'_, f64>) -> Tensor {
    let flat: Vec<f64> = numbers.iter().copied().collect();
    Tensor::from_slice(&flat).view([numbers.nrows() as i64, numbers.ncols() as i64])
}

/// Returns the time since the row before; the first row has that of the second, or 1.
pub(crate) fn differences(times: &[f64]) -> Vec<f64> {
    let between = times.windows(2).map(|pair| pair[1] - pair[0]);
    let first = between.clone().next().unwrap_or(1.0);
    std::iter::once(first).chain(between).take(times.len()).collect()
}

/// Returns the median of `numbers`; `None` if there are none.
fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
