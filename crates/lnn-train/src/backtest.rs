//! A forecast from several starts in a series whose continuation is known: the rolling origin.

use crate::baselines::Baselines;
use crate::evaluation::{ErrorSum, ErrorSums, Seasonal, TargetErrors};
use lnn_core::{InputShape, last_known};
use lnn_data::History;
use lnn_models::{Error, Model, Training};
use serde::Serialize;
use tch::{Kind, Tensor};

/// How a backtest chooses its starts.
#[derive(Debug, Clone, Copy)]
pub struct Origins {
    /// Their number, spread evenly.
    pub count: i64,
    /// How many rows are predicted from each.
    pub steps: i64,
    /// The first row that may be predicted: that of the test part.
    pub from: i64,
}

/// The errors of a forecast by how far ahead a row lies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backtest {
    /// The number of starts.
    pub starts: i64,
    /// The first predicted row of the first and of the last start, 1 being the first row of the table.
    pub first_rows: [i64; 2],
    /// The features whose true values the model was given for the rows that it predicts, because it does not predict them.
    pub given: Vec<String>,
    /// The errors one row ahead, two rows ahead and so on.
    pub ahead: Vec<Ahead>,
}

/// What a backtest predicted.
#[derive(Debug)]
pub struct Forecasts {
    /// The first predicted row of each of the N starts, 0 being the first row of the series.
    pub starts: Vec<i64>,
    /// `[N, H, O]`, float64.
    pub predictions: Tensor,
    /// `[N, H, O]`, float64, NaN where it is missing.
    pub truth: Tensor,
}

/// The errors at one distance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ahead {
    /// Rows after the last known one.
    pub rows: i64,
    /// The errors of each value, in its unit, beside those of the baselines that know the same rows.
    pub targets: Vec<TargetErrors>,
}

/// Forecasts from several starts in the series, of which `baselines` has the season, and compares with the rows that follow. Returns the errors,
/// and what was predicted.
///
/// # Errors
/// [`Error::Forecast`] if the table has not the values or not the rows for the starts; those of [`Model::forecast`].
pub fn backtest(
    model: &Model,
    series: &History,
    baselines: &Baselines,
    origins: Origins,
) -> Result<(Backtest, Forecasts), Error> {
    let refuse = |reason: String| Err(Error::Forecast(reason));
    let Some(values) = &series.values else {
        return refuse(format!(
            "a backtest needs the values to predict, found no column for each of {}",
            model.task().names().join(", ")
        ));
    };
    let training = Training { window: series.window, horizon: series.horizon };
    let rows = series.input.x.size()[1];
    let needed = series.window.unwrap_or(1).saturating_add(series.horizon - 1);
    // The state of the first rows is left out in the training, too.
    let first = origins.from.max(needed).max(model.washout()).max(1);
    let last = rows - origins.steps;
    let possible = last - first + 1;
    if possible < origins.count {
        let (rows, Origins { count, steps, .. }) = ((rows - first).max(0), origins);
        return refuse(format!(
            "{count} starts with {steps} rows to predict need at least {} rows after the first window of the test part, found {rows}; \
             hint: fewer starts or fewer --steps",
            count + steps - 1
        ));
    }
    let start = |i: i64| first + (last - first) * i / (origins.count - 1).max(1);
    let starts: Vec<i64> = (0..origins.count).map(start).collect();
    let gaps = model.fed_back();
    let forecasts = model.backtest(&series.input, &starts, origins.steps, training)?;
    let known_before = Tensor::from_slice(&starts) - 1;
    let last = last_known(values, &known_before, &known_before.zeros_like());
    let ahead = (1..=origins.steps)
        .map(|ahead| {
            let at = |rows: Vec<i64>| values.index_select(0, &Tensor::from_slice(&rows));
            let row = |before: &dyn Fn(i64) -> i64| at(starts.iter().map(|start| before(*start)).collect());
            let truth = row(&|start| start + ahead - 1);
            let seasonal = baselines.season().and_then(|season| {
                // Seasons before the row until it is known.
                let lag = (ahead + season - 1) / season * season;
                let inside = starts.iter().all(|start| start + ahead - 1 - lag >= 0);
                Some((season, row(&|start| start + ahead - 1 - lag))).filter(|_| inside)
            });
            let errors = errors(model, &forecasts.select(1, ahead - 1), &truth, &last, seasonal);
            Ahead { rows: ahead, targets: errors }
        })
        .collect();
    let of_start = |start: &i64| values.narrow(0, *start, origins.steps).to_kind(Kind::Double);
    let truth = Tensor::stack(&starts.iter().map(of_start).collect::<Vec<_>>(), 0);
    let features = match &model.input().shape {
        InputShape::Sequences { features } => &features[..],
        InputShape::Images { .. } => &[],
    };
    let given = (0..).zip(features).filter(|(i, _)| !gaps.contains(i));
    let found = Backtest {
        starts: origins.count,
        first_rows: [starts[0] + 1, starts[starts.len() - 1] + 1],
        given: given.map(|(_, name)| name.clone()).collect(),
        ahead,
    };
    Ok((found, Forecasts { starts, predictions: forecasts, truth }))
}

/// The errors of predictions `[N, O]`; starts whose truth is missing are left out of all.
fn errors(
    model: &Model,
    prediction: &Tensor,
    truth: &Tensor,
    last: &Tensor,
    seasonal: Option<(i64, Tensor)>,
) -> Vec<TargetErrors> {
    let present = truth.isnan().any_dim(-1, false).logical_not().nonzero().squeeze_dim(1);
    let known = |tensor: &Tensor| tensor.index_select(0, &present).to_kind(Kind::Double);
    let outputs = model.task().outputs();
    let mean = model.value_mean().map(|mean| mean.to_device(tch::Device::Cpu));
    let mut sums = ErrorSums::new(outputs, mean.as_ref());
    sums.add(&known(prediction), &known(truth), Some(known(last)));
    let found = sums.means(model.task().names());
    let Some((season, seasonal)) = seasonal else { return found };
    let mut sums = ErrorSum::default();
    sums.add_known(&known(&seasonal), &known(truth));
    let beside = found.into_iter().enumerate().map(|(place, target)| {
        let seasonal = sums.means(place).map(|errors| Seasonal { season, errors });
        TargetErrors { seasonal, ..target }
    });
    beside.collect()
}

impl Backtest {
    /// The mean absolute errors as a table: a line for each value and each distance.
    pub fn in_words(&self) -> String {
        let mut lines = vec![format!(
            "backtest from {} starts, mean absolute errors by rows ahead{}",
            self.starts,
            match &self.given[..] {
                [] => String::new(),
                given => format!("; the true later values of {} were given", given.join(", ")),
            }
        )];
        for Ahead { rows, targets } in &self.ahead {
            lines.extend(
                targets.iter().map(|target| format!("{rows:>5}  {} {}", target.name, target.in_words())),
            );
        }
        lines.join("\n")
    }
}
