//! The errors of each value in its own unit, beside those of two forecasts that need no model.

use super::in_digits;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

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
    /// Those of predicting the mean of the training part.
    pub training_mean: Errors,
    /// Those of predicting the value at the last row of the window; none where there is no such row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_value: Option<Errors>,
}

impl TargetErrors {
    /// Formats the mean absolute errors as `0.1200 (training mean 0.8000, last value 0.3000)`.
    pub fn in_words(&self) -> String {
        let last = self.last_value.map(|last| format!(", last value {}", in_digits(last.mae))).unwrap_or_default();
        format!("{} (training mean {}{last})", in_digits(self.model.mae), in_digits(self.training_mean.mae))
    }
}

/// Sums over the blocks of an evaluation, on the device.
pub(super) struct ErrorSums {
    /// `[O]`, the mean of the training part.
    mean: Tensor,
    model: [Tensor; 2],
    training_mean: [Tensor; 2],
    last_value: Option<[Tensor; 2]>,
    count: i64,
}

impl ErrorSums {
    /// No errors yet; `mean [O]` is that of the training part.
    pub(super) fn new(mean: &Tensor) -> Self {
        let sums = || [0, 1].map(|_| mean.zeros_like().to_kind(Kind::Double));
        Self { mean: mean.shallow_clone(), model: sums(), training_mean: sums(), last_value: None, count: 0 }
    }

    /// Adds predictions and targets, `[.., O]`, and the last values before the targets, if there are such.
    pub(super) fn add(&mut self, prediction: &Tensor, targets: &Tensor, last: Option<Tensor>) {
        let outputs = self.mean.size()[0];
        let targets = targets.to_kind(Kind::Double).reshape([-1, outputs]);
        let add = |[squares, distances]: &mut [Tensor; 2], prediction: &Tensor| {
            let error = prediction.to_kind(Kind::Double).reshape([-1, outputs]) - &targets;
            *squares += error.square().sum_dim_intlist(0, false, Kind::Double);
            *distances += error.abs().sum_dim_intlist(0, false, Kind::Double);
        };
        add(&mut self.model, prediction);
        add(&mut self.training_mean, &self.mean.expand_as(&targets));
        if let Some(last) = last {
            let zeros = || [0, 1].map(|_| self.mean.zeros_like().to_kind(Kind::Double));
            add(self.last_value.get_or_insert_with(zeros), &last);
        }
        self.count += targets.size()[0];
    }

    /// Reads the means of the values called `names` from the device.
    pub(super) fn means(&self, names: &[String]) -> Vec<TargetErrors> {
        let mean = |sums: &[Tensor; 2], place: usize| {
            let [mse, mae] = [0, 1].map(|i| sums[i].double_value(&[place as i64]) / self.count as f64);
            Errors { mse, mae }
        };
        let of = |(place, name): (usize, &String)| TargetErrors {
            name: name.clone(),
            model: mean(&self.model, place),
            training_mean: mean(&self.training_mean, place),
            last_value: self.last_value.as_ref().map(|sums| mean(sums, place)),
        };
        names.iter().enumerate().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_errors_of_its_own_and_of_both_baselines() {
        let table = |numbers: &[f64]| Tensor::from_slice(numbers).view([-1, 2]);
        let mut sums = ErrorSums::new(&Tensor::from_slice(&[100.0, 0.0]));
        let (targets, last) = (table(&[110.0, 1.0, 90.0, 3.0]), table(&[110.0, 0.0, 110.0, 3.0]));
        sums.add(&table(&[111.0, 1.0, 87.0, 2.0]), &targets, Some(last));
        let means = sums.means(&["power".into(), "height".into()]);
        let errors = |mse, mae| Errors { mse, mae };
        assert_eq!((means[0].model, means[1].model), (errors(5.0, 2.0), errors(0.5, 0.5)));
        assert_eq!((means[0].training_mean, means[1].training_mean), (errors(100.0, 10.0), errors(5.0, 2.0)));
        assert_eq!((means[0].last_value, means[1].last_value), (Some(errors(200.0, 10.0)), Some(errors(0.5, 0.5))));
    }
}
