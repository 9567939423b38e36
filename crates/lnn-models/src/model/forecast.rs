//! Going on from the end of a series: predictions are fed back as the values of rows that have not come yet.

use crate::error::Error;
use crate::model::Model;
use crate::output::Mode;
use lnn_core::{Input, InputShape, Per, Task};
use tch::{Device, Kind, Tensor};

/// How a model was trained on a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Training {
    /// Rows of a window, each of which began from rest; a model of whole series if absent.
    pub window: Option<i64>,
    /// How many rows after the last row that it sees, or after each, its target lies.
    pub horizon: i64,
}

impl Model {
    /// Predicts the rows that follow a series: `history`, x `[1, T, I]` and dt `[1, T]`, in the units of the data. `future`, x `[1, S, I]` and
    /// dt `[1, S]`, are the S rows to come: NaN where a feature is to be the prediction of the value of its name, and numbers that are
    /// known before. Returns the predicted values `[S, O]`, float64.
    ///
    /// A model that was trained on windows sees the last window before each row, from rest; a model of whole series carries its state
    /// through all rows.
    ///
    /// # Errors
    /// [`Error::Forecast`] if the model predicts classes or the row that it sees, if a feature is neither predicted nor known, or if the
    /// history is shorter than a window; those of [`Model::check`], [`Model::run`] and [`Model::step`].
    pub fn forecast(&self, history: &Input, future: &Input, training: Training) -> Result<Tensor, Error> {
        let rows = self.rows_with_gaps(history, future, training)?;
        let past = history.x.size()[1];
        let predicted = match training.window {
            Some(window) => self.by_windows(&rows, past, window, training.horizon)?,
            None => self.by_steps(&rows, past, training.horizon)?,
        };
        let predicted = predicted.to_device(Device::Cpu).to_kind(Kind::Double);
        if predicted.isfinite().all().int64_value(&[]) == 0 {
            return Err(Error::Forecast("the predictions grew without bound when they were fed back".into()));
        }
        Ok(predicted)
    }

    /// The places of the features that [`forecast`](Self::forecast) takes from its predictions where they are NaN.
    pub fn fed_back(&self) -> Vec<i64> {
        self.places().into_iter().map(|(_, _, feature)| feature).collect()
    }

    /// History and future in one input of their own memory, checked.
    fn rows_with_gaps(&self, history: &Input, future: &Input, training: Training) -> Result<Input, Error> {
        let refuse = |reason: String| Err(Error::Forecast(reason));
        if self.task().is_classification() {
            return refuse("the model predicts classes, which are not among its inputs".into());
        }
        if training.horizon < 1 {
            return refuse("the model predicts a value of the row that it sees, and no later one".into());
        }
        self.check(history)?;
        self.input().check(&future.x.size())?;
        let past = history.x.size()[1];
        let needed = training.window.unwrap_or(1).saturating_add(training.horizon - 1);
        if past < needed {
            return refuse(format!("expected at least {needed} rows of the series, found {past}"));
        }
        let fed_back: Vec<&str> = self.places().into_iter().map(|(name, _, _)| name).collect();
        let InputShape::Sequences { features } = &self.input().shape else { return Ok(history.copy()) };
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
        let joined =
            |a: &Tensor, b: &Tensor| Tensor::cat(&[a.to_kind(Kind::Double), b.to_kind(Kind::Double)], 1);
        let dt = match (&history.dt, &future.dt) {
            (Some(a), Some(b)) => Some(joined(a, b)),
            _ => None,
        };
        let rows = Input { dt, ..Input::new(joined(&history.x, &future.x)) };
        let size = rows.x.size();
        rows.check_time([size[0], size[1]])?;
        Ok(rows)
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

    /// Writes a prediction `[O]` into the gaps of a row.
    fn feed_back(&self, rows: &Tensor, row: i64, prediction: &Tensor) {
        let row = rows.select(1, row).select(0, 0);
        for (_, value, feature) in self.places() {
            if row.double_value(&[feature]).is_nan() {
                let _ = row.narrow(0, feature, 1).fill_(prediction.double_value(&[value]));
            }
        }
    }

    /// Each row from the last window before it.
    fn by_windows(&self, rows: &Input, past: i64, window: i64, horizon: i64) -> Result<Tensor, Error> {
        let count = rows.x.size()[1];
        let mut predictions = Vec::new();
        for row in past..count {
            let start = row - horizon + 1 - window;
            let shown =
                rows.map(|tensor| tensor.narrow(1, start, window).to_device(self.parameters().device()));
            let prediction = tch::no_grad(|| self.run(shown, Mode::Evaluation))?.prediction.select(0, 0);
            let prediction = match self.input().per {
                Per::Sequence => prediction,
                Per::Step => prediction.select(0, -1),
            };
            self.feed_back(&rows.x, row, &prediction);
            predictions.push(prediction);
        }
        Ok(Tensor::stack(&predictions, 0))
    }

    /// Each row from the state that all rows before it have left.
    fn by_steps(&self, rows: &Input, past: i64, horizon: i64) -> Result<Tensor, Error> {
        let (count, device) = (rows.x.size()[1], self.parameters().device());
        let (mut state, mut after) = (self.start(1)?, Vec::new());
        for row in 0..count {
            if row >= past {
                self.feed_back(&rows.x, row, &after[(row - horizon) as usize]);
            }
            let [x, dt] = [Some(&rows.x), rows.dt.as_ref()]
                .map(|tensor| tensor.map(|tensor| tensor.select(1, row).to_device(device)));
            let x = x.expect("there are rows");
            let (prediction, next) = tch::no_grad(|| self.step(&x, dt.as_ref(), &state))?;
            after.push(prediction.select(0, 0));
            state = next;
        }
        Ok(Tensor::stack(&after[(past - horizon) as usize..(count - horizon) as usize], 0))
    }
}
