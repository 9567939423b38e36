//! Forecasts from several starts within a series, and their errors step by step.

use super::target_errors::{ErrorSums, TargetErrors};
use lnn_core::Input;
use lnn_models::{Error, Model, Training};
use serde::Serialize;
use tch::{Kind, Tensor};

/// Forecasts from several starts.
#[derive(Debug)]
pub struct Backtest {
    /// `[N, S, O]`, the predictions of each start.
    pub predictions: Tensor,
    /// `[N, S, O]`, the truth, NaN for what is missing.
    pub truth: Tensor,
    /// The errors of each step.
    pub steps: Vec<StepErrors>,
}

/// The errors of a step, over all starts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepErrors {
    /// How many rows after the last known one, from 1.
    pub step: i64,
    /// Number of forecasts whose truth is known.
    pub forecasts: i64,
    /// The errors of each value.
    pub targets: Vec<TargetErrors>,
}

/// `count` starts spread evenly over the rows from `first` to the last one from which `steps` rows follow, of `rows`. `None` if there are fewer.
pub fn starts(count: i64, first: i64, steps: i64, rows: i64) -> Option<Vec<i64>> {
    let span = rows - steps - first;
    if count < 1 || span + 1 < count {
        return None;
    }
    Some((0..count).map(|place| first + if count == 1 { 0 } else { place * span / (count - 1) }).collect())
}

/// Forecasts `steps` rows from each of `starts` within a series, x `[1, T, I]`, whose values are `values [T, O]`; see [`Model::backtest`]. The
/// baselines are the mean of the training part and the last known value.
///
/// # Errors
/// Those of [`Model::backtest`].
pub fn backtest(
    model: &Model,
    (series, values): (&Input, &Tensor),
    starts: &[i64],
    steps: i64,
    training: Training,
) -> Result<Backtest, Error> {
    let predictions = model.backtest(series, starts, steps, training)?;
    let values = values.to_kind(Kind::Double);
    let each = |first: i64, count: i64| {
        let parts: Vec<Tensor> = starts.iter().map(|start| values.narrow(0, start + first, count)).collect();
        Tensor::stack(&parts, 0)
    };
    let (truth, last) = (each(0, steps), each(-1, 1).squeeze_dim(1));
    let names = model.task().names();
    let of_step = |step: i64| {
        let [prediction, truth] = [&predictions, &truth].map(|tensor| tensor.select(1, step));
        let known =
            truth.isnan().logical_or(&last.isnan()).any_dim(1, false).logical_not().nonzero().squeeze_dim(1);
        let [prediction, truth, last] =
            [&prediction, &truth, &last].map(|tensor| tensor.index_select(0, &known));
        let mut sums = ErrorSums::new(names.len() as i64, model.value_mean());
        sums.add(&prediction, &truth, Some(last));
        let targets = if known.size()[0] > 0 { sums.means(names) } else { Vec::new() };
        StepErrors { step: step + 1, forecasts: known.size()[0], targets }
    };
    let steps = (0..steps).map(of_step).collect();
    Ok(Backtest { predictions, truth, steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_spread_from_the_first_to_the_last_that_has_enough_rows() {
        assert_eq!(starts(3, 10, 5, 25), Some(vec![10, 15, 20]));
        assert_eq!(starts(1, 10, 5, 25), Some(vec![10]));
        assert_eq!(starts(11, 10, 5, 25).map(|starts| starts[10]), Some(20));
        assert_eq!(starts(12, 10, 5, 25), None);
        assert_eq!(starts(1, 21, 5, 25), None);
        assert_eq!(starts(0, 1, 5, 25), None);
    }
}
