//! Going on from the end of a series: predictions are fed back as the values of rows that have not come yet.

use crate::error::Error;
use crate::model::Model;
use crate::model::learning::readout;
use crate::model::training::Training;
use crate::networks::state::ModelState;
use crate::output::Mode;
use lnn_core::{Input, InputShape, Per, Task, random, seeded};
use tch::{Device, Kind, Tensor};

/// Number of rows of a history that are computed at a time, which bounds the memory.
const ROWS_AT_A_TIME: i64 = 4096;

/// Samples of a forecast: each is fed back with noise of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Number of samples.
    pub samples: usize,
    /// The deviation of the noise on each value that is fed back, in units of the deviation of its feature over the training set.
    pub noise: f64,
    /// The seed of the noise.
    pub seed: u64,
}

/// What a model has seen of N series when it goes on from their ends.
enum Seen {
    /// The last rows, `[N, R, I]`: a window, and those between it and the row that it predicts.
    Rows(Input),
    /// The state after the last rows, and the predictions `[N, O]` after the last ones, the oldest first, as many as the horizon.
    State(ModelState, Vec<Tensor>),
}

impl Model {
    /// Predicts the rows that follow a series: `history`, x `[1, T, I]` and dt `[1, T]`, in the units of the data. `future`, x `[1, S, I]` and
    /// dt `[1, S]`, are the S rows to come: NaN where a feature is to be the prediction of the value of its name, and numbers that are
    /// known before. Returns the predicted values `[S, O]`, float64; of a model of quantiles their medians.
    ///
    /// The model carries its state through all rows, or sees the last window before each row, from rest; see
    /// [`carries_state`](Self::carries_state).
    ///
    /// # Errors
    /// [`Error::Forecast`] if the model predicts classes or the row that it sees, if a feature is neither predicted nor known, or if the
    /// history is shorter than a window; those of [`Model::check`], [`Model::run`] and [`Stream::advance`](crate::Stream::advance).
    pub fn forecast(&self, history: &Input, future: &Input, training: Training) -> Result<Tensor, Error> {
        Ok(self.go_on_from_end(history, future, training, (1, 0.0))?.squeeze_dim(0))
    }

    /// The same N times, where each row that is fed back has noise: `[N, S, O]`, float64. A sampled value is what the model then sees, with the
    /// noise if it is a feature, too.
    ///
    /// # Errors
    /// As [`forecast`](Self::forecast).
    pub fn forecast_samples(
        &self,
        history: &Input,
        future: &Input,
        training: Training,
        spread: Spread,
    ) -> Result<Tensor, Error> {
        let Spread { samples, noise, seed } = spread;
        seeded(seed, || self.go_on_from_end(history, future, training, (samples, noise)))
    }

    /// Predicts the rows of `future` `count` times with noise on what is fed back: `[count, S, O]`.
    fn go_on_from_end(
        &self,
        history: &Input,
        future: &Input,
        training: Training,
        (count, noise): (usize, f64),
    ) -> Result<Tensor, Error> {
        self.check(history)?;
        self.check_future(future, training)?;
        let mut seen = self.before_each(history, &vec![history.x.size()[1]; count], training)?;
        let futures: Vec<Input> = (0..count).map(|_| future.map(Tensor::shallow_clone)).collect();
        let predicted = self.go_on(&mut seen, &side_by_side(&futures), training, noise)?;
        if predicted.isfinite().all().int64_value(&[]) == 0 {
            return Err(Error::Forecast("the predictions grew without bound when they were fed back".into()));
        }
        Ok(predicted)
    }

    /// The places of the features that [`forecast`](Self::forecast) takes from its predictions where they are NaN.
    pub fn fed_back(&self) -> Vec<i64> {
        self.places().into_iter().map(|(_, _, feature)| feature).collect()
    }

    /// Predicts `steps` rows from each of N `starts` within a series, x `[1, T, I]` and dt `[1, T]`, as [`forecast`](Self::forecast) would from
    /// the rows before it: values that the model predicts are fed back, all other features are those of the series. The starts increase.
    /// Returns `[N, steps, O]`, float64, which may grow without bound.
    ///
    /// # Errors
    /// As [`forecast`](Self::forecast).
    ///
    /// # Panics
    /// If a forecast would reach beyond the series, or there is no start.
    pub fn backtest(
        &self,
        series: &Input,
        starts: &[i64],
        steps: i64,
        training: Training,
    ) -> Result<Tensor, Error> {
        self.check(series)?;
        let futures: Vec<Input> =
            starts.iter().map(|start| series.map(|tensor| tensor.narrow(1, *start, steps).copy())).collect();
        let future = side_by_side(&futures);
        for (_, _, feature) in self.places() {
            let _ = future.x.select(2, feature).fill_(f64::NAN);
        }
        self.check_future(&future, training)?;
        let mut seen = self.before_each(series, starts, training)?;
        self.go_on(&mut seen, &future, training, 0.0)
    }

    /// Refuses a future that the model cannot reach.
    fn check_future(&self, future: &Input, training: Training) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Forecast(reason));
        if self.task().is_classification() {
            return refuse("the model predicts classes, which are not among its inputs".into());
        }
        if training.horizon < 1 {
            return refuse("the model predicts a value of the row that it sees, and no later one".into());
        }
        self.input().check(&future.x.size())?;
        let fed_back: Vec<&str> = self.places().into_iter().map(|(name, _, _)| name).collect();
        let InputShape::Sequences { features } = &self.input().shape else { return Ok(()) };
        let unknown: Vec<&str> = (0..)
            .zip(features)
            .filter(|(i, name)| {
                let gaps = future.x.select(2, *i).isnan().any().int64_value(&[]) == 1;
                gaps && !fed_back.contains(&name.as_str()) && !self.input().may_miss()
            })
            .map(|(_, name)| name.as_str())
            .collect();
        if !unknown.is_empty() {
            let names = unknown.join(", ");
            return refuse(format!(
                "{names}: the model sees it and does not predict it, so its values in the rows to come must be given"
            ));
        }
        let size = future.x.size();
        Ok(future.check_time([size[0], size[1]])?)
    }

    /// What the model has seen of a series before each of `ends`, which do not decrease.
    fn before_each(&self, series: &Input, ends: &[i64], training: Training) -> Result<Seen, Error> {
        let needed = self.window_seen(training).unwrap_or(1).saturating_add(training.horizon - 1);
        if let Some(past) = ends.iter().find(|end| **end < needed) {
            let reason = format!("expected at least {needed} rows of the series, found {past}");
            return Err(Error::Forecast(reason));
        }
        if self.window_seen(training).is_some() {
            let last = |end: &i64| series.map(|tensor| tensor.narrow(1, end - needed, needed));
            return Ok(Seen::Rows(side_by_side(&ends.iter().map(last).collect::<Vec<_>>())));
        }
        let (mut state, mut recent, mut row) = (self.first_state(1)?, Vec::new(), 0);
        let (mut states, mut predictions) = (Vec::new(), Vec::new());
        for end in ends {
            while row < *end {
                let count = ROWS_AT_A_TIME.min(end - row);
                let (predicted, next) =
                    self.advance(&series.map(|tensor| tensor.narrow(1, row, count)), &state)?;
                recent.extend(self.input().point(&predicted).unbind(1));
                recent.drain(..recent.len().saturating_sub(training.horizon as usize));
                (state, row) = (next, row + count);
            }
            states.push(state.tensors().iter().map(Tensor::shallow_clone).collect::<Vec<_>>());
            predictions.push(Tensor::stack(&recent, 0));
        }
        let of_tensor = |place: usize| {
            Tensor::cat(&states.iter().map(|state| state[place].shallow_clone()).collect::<Vec<_>>(), 0)
        };
        let state = ModelState::new((0..states[0].len()).map(of_tensor).collect());
        Ok(Seen::State(state, Tensor::cat(&predictions, 1).unbind(0)))
    }

    /// Predicts the rows of `future`, x `[N, S, I]`, into whose gaps predictions are fed back: `[N, S, O]`, float64, on the CPU. `noise` is the
    /// deviation of the noise on what is fed back.
    fn go_on(
        &self,
        seen: &mut Seen,
        future: &Input,
        training: Training,
        noise: f64,
    ) -> Result<Tensor, Error> {
        let future = future.to_floating(Kind::Double).map(|tensor| tensor.to_device(Device::Cpu).copy());
        let mut predictions = Vec::new();
        for row in 0..future.x.size()[1] {
            let prediction = match seen {
                Seen::Rows(rows) => {
                    let prediction = self.with_noise(self.of_window(rows, training)?, noise);
                    self.feed_back(&future.x, row, &prediction);
                    *rows = moved_on(rows, &future.map(|tensor| tensor.narrow(1, row, 1)));
                    prediction
                }
                Seen::State(state, recent) => {
                    let prediction = self.with_noise(recent.remove(0), noise);
                    self.feed_back(&future.x, row, &prediction);
                    let rows = future.map(|tensor| tensor.narrow(1, row, 1));
                    let (predicted, next) = self.advance(&rows, state)?;
                    recent.push(self.input().point(&predicted.select(1, 0)));
                    *state = next;
                    prediction
                }
            };
            predictions.push(prediction);
        }
        Ok(Tensor::stack(&predictions, 1))
    }

    /// The prediction `[N, O]` of the row behind `rows`.
    fn of_window(&self, rows: &Input, training: Training) -> Result<Tensor, Error> {
        let window = rows.x.size()[1] - (training.horizon - 1);
        let device = self.parameters().device();
        let shown = rows.map(|tensor| tensor.narrow(1, 0, window).to_device(device));
        let prediction = tch::no_grad(|| self.run(shown, Mode::Evaluation))?.prediction;
        let prediction = match self.input().per {
            Per::Sequence => prediction,
            Per::Step => prediction.select(1, -1),
        };
        Ok(self.input().point(&prediction).to_device(Device::Cpu).to_kind(Kind::Double))
    }

    /// The predictions `[B, T, O]` after each of the rows x `[B, T, I]`, float64, on the CPU, and the state after the last one.
    pub(super) fn advance(&self, rows: &Input, state: &ModelState) -> Result<(Tensor, ModelState), Error> {
        let device = self.parameters().device();
        let rows = self.preprocessing.apply(rows.map(|tensor| tensor.to_device(device)));
        let (seen, next) = tch::no_grad(|| self.network.advance(&rows, state))?;
        let readout = readout(self)?;
        let output = tch::no_grad(|| readout.forward(&seen)).to_kind(Kind::Double);
        Ok((self.preprocessing.to_units(output).to_device(Device::Cpu), next))
    }

    /// The values that are features, too: name, place among the values, place among the features.
    fn places(&self) -> Vec<(&str, i64, i64)> {
        let (InputShape::Sequences { features }, Task::Regression { value_names }) =
            (&self.input().shape, self.task())
        else {
            return Vec::new();
        };
        let place = |name: &String| features.iter().position(|feature| feature == name);
        let found = (0..).zip(value_names);
        found.filter_map(|(i, name)| Some((name.as_str(), i, place(name)? as i64))).collect()
    }

    /// Predictions `[N, O]` with noise on those that are features, too.
    fn with_noise(&self, predictions: Tensor, noise: f64) -> Tensor {
        let Some(unit) = self.feature_deviation().filter(|_| noise > 0.0) else { return predictions };
        for (_, value, feature) in self.places() {
            let mut predicted = predictions.select(1, value);
            let deviation = noise * unit.double_value(&[0, 0, feature]);
            predicted += random::randn_like(&predicted) * deviation;
        }
        predictions
    }

    /// Writes predictions `[N, O]` into the gaps of a row of x `[N, S, I]`.
    fn feed_back(&self, x: &Tensor, row: i64, predictions: &Tensor) {
        let row = x.select(1, row);
        for (_, value, feature) in self.places() {
            let mut gaps = row.select(1, feature);
            let filled = predictions.select(1, value).where_self(&gaps.isnan(), &gaps);
            gaps.copy_(&filled);
        }
    }
}

/// `rows` without the first one and with `next` behind the last one.
fn moved_on(rows: &Input, next: &Input) -> Input {
    let moved =
        |rows: &Tensor, next: &Tensor| Tensor::cat(&[&rows.narrow(1, 1, rows.size()[1] - 1), next], 1);
    let dt = rows.dt.as_ref().zip(next.dt.as_ref()).map(|(rows, next)| moved(rows, next));
    Input { dt, ..Input::new(moved(&rows.x, &next.x)) }
}

/// Inputs of one series each as one of all.
fn side_by_side(inputs: &[Input]) -> Input {
    let cat = |tensors: Vec<&Tensor>| Tensor::cat(&tensors, 0).to_kind(Kind::Double);
    let dt: Option<Vec<&Tensor>> = inputs.iter().map(|input| input.dt.as_ref()).collect();
    Input { dt: dt.map(cat), ..Input::new(cat(inputs.iter().map(|input| &input.x).collect())) }
}
