//! The errors of each value in its own unit, beside those of two forecasts that need no model.

use super::coverage::{IntervalScore, QuantileScore};
use crate::digits::in_digits;
use crate::error::Error;
use crate::ranks::Ranks;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// Mean errors of one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// Mean squared error, in the square of the unit of the value.
    pub mse: f64,
    /// Mean absolute error, in the unit of the value.
    pub mae: f64,
}

/// The errors of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetErrors {
    /// The name of the value.
    pub name: String,
    /// Those of the model.
    #[serde(flatten)]
    pub model: Errors,
    /// Those of predicting the mean of the training part; none for a model that does not know it, because it standardises nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_mean: Option<Errors>,
    /// Those of predicting the value at the last row of the window; none where there is no such row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_value: Option<Errors>,
    /// Those of predicting the value one season before; none without a season.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seasonal: Option<Seasonal>,
    /// How often the targets lie below each predicted quantile; none where each value has a single prediction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<QuantileScore>,
    /// How often they lie between the lowest and the highest quantile, the next ones, and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<IntervalScore>,
}

/// The errors of predicting the value of the last row of the same phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seasonal {
    /// Rows of a season, with which the training part is predicted best.
    pub season: i64,
    /// The errors.
    #[serde(flatten)]
    pub errors: Errors,
}

impl TargetErrors {
    /// Formats the mean absolute errors as `0.1200 (training mean 0.8000, last value 0.3000, last value of a season of 24 rows
    /// 0.2000)`, and behind it the coverage of predicted intervals.
    pub fn in_words(&self) -> String {
        let baselines = [("training mean", self.training_mean), ("last value", self.last_value)];
        let shown = baselines
            .iter()
            .filter_map(|(name, errors)| Some(format!("{name} {}", in_digits(errors.as_ref()?.mae))));
        let seasonal = self.seasonal.map(|Seasonal { season, errors }| {
            format!("last value of a season of {season} rows {}", in_digits(errors.mae))
        });
        let shown = shown.chain(seasonal).collect::<Vec<_>>().join(", ");
        let own = in_digits(self.model.mae);
        let errors = if shown.is_empty() { own } else { format!("{own} ({shown})") };
        let intervals = self.intervals.iter().map(IntervalScore::in_words);
        std::iter::once(errors).chain(intervals).collect::<Vec<_>>().join(", ")
    }
}

/// Sums of the errors of predictions over the blocks of an evaluation, on the device.
#[derive(Default)]
pub(crate) struct ErrorSum {
    /// `[O]` each: squares, distances, and the number of errors.
    sums: Option<[Tensor; 3]>,
}

impl ErrorSum {
    /// Adds the errors of predictions `[N, O]`, all of them.
    pub(crate) fn add(&mut self, prediction: &Tensor, targets: &Tensor) {
        self.add_where(&targets.ones_like().to_kind(Kind::Bool), prediction, targets);
    }

    /// The same where the predictions are not NaN, which is what is not known.
    pub(crate) fn add_known(&mut self, prediction: &Tensor, targets: &Tensor) {
        self.add_where(&prediction.isnan().logical_not(), prediction, targets);
    }

    fn add_where(&mut self, counted: &Tensor, prediction: &Tensor, targets: &Tensor) {
        let [prediction, targets] = [prediction, targets].map(|tensor| tensor.to_kind(Kind::Double));
        let error = (prediction - targets).masked_fill(&counted.logical_not(), 0.0);
        let found = [&error.square(), &error.abs(), counted]
            .map(|tensor| tensor.sum_dim_intlist(0, false, Kind::Double));
        self.sums = Some(match self.sums.take() {
            Some(sums) => std::array::from_fn(|i| &sums[i] + &found[i]),
            None => found,
        });
    }

    /// Adds up the sums of all ranks, of which one without samples knows only the number of outputs and the device.
    fn join(&mut self, ranks: &Ranks, (outputs, device): (i64, Device)) -> Result<(), Error> {
        let zeros = || [(); 3].map(|()| Tensor::zeros([outputs], (Kind::Double, device)));
        self.sums.get_or_insert_with(zeros).iter_mut().try_for_each(|sum| ranks.sum(sum))
    }

    /// Reads the means of the value at `place` from the device; `None` if there is no error.
    pub(crate) fn means(&self, place: usize) -> Option<Errors> {
        let [squares, distances, count] =
            self.sums.as_ref()?.each_ref().map(|sum| sum.double_value(&[place as i64]));
        (count > 0.0).then(|| Errors { mse: squares / count, mae: distances / count })
    }
}

/// The errors of a model and of two baselines over the blocks of an evaluation.
pub(crate) struct ErrorSums {
    outputs: i64,
    /// `[O]`, the mean of the training part.
    mean: Option<Tensor>,
    model: ErrorSum,
    training_mean: ErrorSum,
    last_value: ErrorSum,
}

impl ErrorSums {
    /// No errors yet of `outputs` values; `mean [O]` is that of the training part.
    pub(crate) fn new(outputs: i64, mean: Option<&Tensor>) -> Self {
        let [model, training_mean, last_value] = [(); 3].map(|()| ErrorSum::default());
        Self { outputs, mean: mean.map(Tensor::shallow_clone), model, training_mean, last_value }
    }

    /// Adds predictions and targets, `[.., O]`, and the last values before the targets, if there are such: NaN where none is known.
    pub(crate) fn add(&mut self, prediction: &Tensor, targets: &Tensor, last: Option<Tensor>) {
        let rows = |tensor: &Tensor| tensor.reshape([-1, self.outputs]);
        let targets = rows(targets);
        self.model.add(&rows(prediction), &targets);
        if let Some(mean) = &self.mean {
            self.training_mean.add(&mean.expand_as(&targets), &targets);
        }
        if let Some(last) = last {
            self.last_value.add_known(&rows(&last), &targets);
        }
    }

    /// Adds up the sums of all ranks. `last` says whether there are last values, which a rank without samples does not know.
    pub(crate) fn join(&mut self, ranks: &Ranks, device: Device, last: bool) -> Result<(), Error> {
        let mean = self.mean.is_some();
        let sums = [(&mut self.model, true), (&mut self.training_mean, mean), (&mut self.last_value, last)];
        let mut present = sums.into_iter().filter(|(_, present)| *present);
        present.try_for_each(|(sum, _)| sum.join(ranks, (self.outputs, device)))
    }

    /// Reads the means of the values called `names` from the device.
    pub(crate) fn means(&self, names: &[String]) -> Vec<TargetErrors> {
        let of = |(place, name): (usize, &String)| {
            Some(TargetErrors {
                name: name.clone(),
                model: self.model.means(place)?,
                training_mean: self.training_mean.means(place),
                last_value: self.last_value.means(place),
                seasonal: None,
                quantiles: Vec::new(),
                intervals: Vec::new(),
            })
        };
        names.iter().enumerate().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_errors_of_its_own_and_of_both_baselines() {
        let table = |numbers: &[f64]| Tensor::from_slice(numbers).view([-1, 2]);
        let mut sums = ErrorSums::new(2, Some(&Tensor::from_slice(&[100.0, 0.0])));
        let (targets, last) = (table(&[110.0, 1.0, 90.0, 3.0]), table(&[110.0, 0.0, 110.0, 3.0]));
        sums.add(&table(&[111.0, 1.0, 87.0, 2.0]), &targets, Some(last));
        let means = sums.means(&["power".into(), "height".into()]);
        let errors = |mse, mae| Errors { mse, mae };
        assert_eq!((means[0].model, means[1].model), (errors(5.0, 2.0), errors(0.5, 0.5)));
        assert_eq!(
            (means[0].training_mean, means[1].training_mean),
            (Some(errors(100.0, 10.0)), Some(errors(5.0, 2.0)))
        );
        assert_eq!(
            (means[0].last_value, means[1].last_value),
            (Some(errors(200.0, 10.0)), Some(errors(0.5, 0.5)))
        );
    }

    #[test]
    fn a_last_value_that_is_not_known_is_left_out_and_a_prediction_that_is_no_number_is_not() {
        let column = |numbers: &[f64]| Tensor::from_slice(numbers).view([-1, 1]);
        let of = |prediction: &[f64], last: &[f64]| {
            let mut sums = ErrorSums::new(1, None);
            sums.add(&column(prediction), &column(&[1.0, 2.0]), Some(column(last)));
            sums.means(&["power".into()]).remove(0)
        };
        let found = of(&[1.0, 2.0], &[f64::NAN, 5.0]);
        assert_eq!(found.last_value, Some(Errors { mse: 9.0, mae: 3.0 }));
        assert!(of(&[1.0, 2.0], &[f64::NAN; 2]).last_value.is_none());
        assert!(of(&[1.0, f64::NAN], &[0.0, 0.0]).model.mae.is_nan());
    }
}
