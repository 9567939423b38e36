//! The errors of each value in its own unit, beside those of two forecasts that need no model.

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
    /// 0.2000)`.
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
        if shown.is_empty() { own } else { format!("{own} ({shown})") }
    }
}

/// Sums over the blocks of an evaluation, on the device.
pub(crate) struct ErrorSums {
    outputs: i64,
    /// `[O]`, the mean of the training part.
    mean: Option<Tensor>,
    model: Option<[Tensor; 2]>,
    training_mean: Option<[Tensor; 2]>,
    last_value: Option<[Tensor; 2]>,
    count: i64,
}

impl ErrorSums {
    /// No errors yet of `outputs` values; `mean [O]` is that of the training part.
    pub(crate) fn new(outputs: i64, mean: Option<&Tensor>) -> Self {
        let mean = mean.map(Tensor::shallow_clone);
        Self { outputs, mean, model: None, training_mean: None, last_value: None, count: 0 }
    }

    /// Adds predictions and targets, `[.., O]`, and the last values before the targets, if there are such.
    pub(crate) fn add(&mut self, prediction: &Tensor, targets: &Tensor, last: Option<Tensor>) {
        let rows = |tensor: &Tensor| tensor.to_kind(Kind::Double).reshape([-1, self.outputs]);
        let targets = rows(targets);
        let add = |sums: &mut Option<[Tensor; 2]>, prediction: &Tensor| {
            let error = rows(prediction) - &targets;
            let found =
                [error.square(), error.abs()].map(|error| error.sum_dim_intlist(0, false, Kind::Double));
            *sums = Some(match sums.take() {
                Some([squares, distances]) => [squares + &found[0], distances + &found[1]],
                None => found,
            });
        };
        add(&mut self.model, prediction);
        if let Some(mean) = &self.mean {
            add(&mut self.training_mean, &mean.expand_as(&targets));
        }
        if let Some(last) = last {
            add(&mut self.last_value, &last);
        }
        self.count += targets.size()[0];
    }

    /// Adds up the sums of all ranks. `last` says whether there are last values, which a rank without samples does not know.
    pub(crate) fn join(&mut self, ranks: &Ranks, device: Device, last: bool) -> Result<(), Error> {
        let zeros = || [(); 2].map(|()| Tensor::zeros([self.outputs], (Kind::Double, device)));
        let mut count = Tensor::from_slice(&[self.count]);
        let mean = self.mean.is_some();
        let sums = [(&mut self.model, true), (&mut self.training_mean, mean), (&mut self.last_value, last)];
        for (sums, _) in sums.into_iter().filter(|(_, present)| *present) {
            for sum in sums.get_or_insert_with(zeros) {
                ranks.sum(sum)?;
            }
        }
        ranks.sum(&mut count)?;
        self.count = count.int64_value(&[0]);
        Ok(())
    }

    /// Reads the means of the values called `names` from the device.
    pub(crate) fn means(&self, names: &[String]) -> Vec<TargetErrors> {
        let mean = |sums: &Option<[Tensor; 2]>, place: usize| {
            let sums = sums.as_ref()?;
            let [mse, mae] = [0, 1].map(|i| sums[i].double_value(&[place as i64]) / self.count as f64);
            Some(Errors { mse, mae })
        };
        let of = |(place, name): (usize, &String)| {
            Some(TargetErrors {
                name: name.clone(),
                model: mean(&self.model, place)?,
                training_mean: mean(&self.training_mean, place),
                last_value: mean(&self.last_value, place),
                seasonal: None,
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
}
