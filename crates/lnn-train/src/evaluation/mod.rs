//! The scores of a model on samples with targets.

mod class_counts;
mod coverage;
mod passes;
mod target_errors;

pub(crate) use class_counts::ClassCounts;
pub use coverage::{IntervalScore, QuantileScore};
pub(crate) use passes::{block_size, evaluate_among, evaluate_each, features_of_one, own_blocks};
pub use passes::{evaluate, evaluate_with_noise, predict, unfamiliar};
pub(crate) use target_errors::{ErrorSum, ErrorSums};
pub use target_errors::{Errors, Seasonal, TargetErrors};

use crate::digits::in_digits;
use serde::{Deserialize, Serialize};

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The fraction of the samples that were classified correctly; none for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The mean over the classes of the fraction of their samples that were classified correctly; none for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_accuracy: Option<f64>,
    /// Mean cross-entropy in nats, or the mean of the loss of the errors of values in units of their deviation: the squared error
    /// unless the model was trained with another loss.
    pub loss: f64,
    /// Mean absolute error in the unit of the value, if there is one value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_absolute_error: Option<f64>,
    /// Number of samples.
    pub samples: i64,
    /// The errors of each value, in its own unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetErrors>,
    /// How many samples of each class, by row, were classified as each class, by column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<Vec<u64>>,
    /// The scores of the class that is most frequent in the training part; none for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority_class: Option<ClassScores>,
    /// The scores of a linear classifier of the raw values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ridge_on_raw_values: Option<ClassScores>,
    /// Why a baseline is missing, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines_left_out: Vec<String>,
}

/// The scores of predicted classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The fraction of the samples that were classified correctly.
    pub accuracy: f64,
    /// The mean of this fraction over the classes that have samples.
    pub macro_accuracy: f64,
}

impl Evaluation {
    /// Formats the result as `accuracy 0.9000, loss 0.3000; baselines: majority class 0.5000`.
    pub fn in_words(&self) -> String {
        let accuracy = self.accuracy.map(|accuracy| format!("accuracy {accuracy:.4}, ")).unwrap_or_default();
        // Classes of equal size have equal weight in both.
        let classes =
            self.macro_accuracy.filter(|mean| self.accuracy.is_some_and(|all| (all - mean).abs() > 0.005));
        let classes = classes.map(|mean| format!("mean over classes {mean:.4}, ")).unwrap_or_default();
        let errors = match &self.targets[..] {
            [] => String::new(),
            [only] => format!(", mean absolute error {}", only.in_words()),
            several => {
                let named = several.iter().map(|target| format!("{} {}", target.name, target.in_words()));
                format!("; {}", named.collect::<Vec<_>>().join("; "))
            }
        };
        let baselines =
            [("majority class", self.majority_class), ("ridge on raw values", self.ridge_on_raw_values)];
        let baselines = baselines.into_iter().filter_map(|(name, scores)| Some((name, scores?.accuracy)));
        let baselines: Vec<String> =
            baselines.map(|(name, accuracy)| format!("{name} {accuracy:.4}")).collect();
        let baselines = match baselines.is_empty() {
            true => String::new(),
            false => format!("; baselines: {}", baselines.join(", ")),
        };
        format!("{accuracy}{classes}loss {}{errors}{baselines}", in_digits(self.loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(absolute: f64) -> Errors {
        Errors { mse: absolute * absolute, mae: absolute }
    }

    #[test]
    fn each_value_is_shown_with_its_baselines() {
        let target = |name: &str, absolute| TargetErrors {
            name: name.into(),
            model: errors(absolute),
            training_mean: Some(errors(2.0)),
            last_value: Some(errors(1.5)),
            seasonal: None,
            quantiles: Vec::new(),
            intervals: Vec::new(),
        };
        let result = Evaluation {
            accuracy: None,
            macro_accuracy: None,
            loss: 2e-6,
            mean_absolute_error: Some(3e-5),
            samples: 1,
            targets: vec![target("power", 3e-5)],
            confusion: Vec::new(),
            majority_class: None,
            ridge_on_raw_values: None,
            baselines_left_out: Vec::new(),
        };
        let words = result.in_words();
        assert_eq!(
            words,
            "loss 2.00e-6, mean absolute error 3.00e-5 (training mean 2.0000, last value 1.5000)"
        );
        let both = Evaluation { targets: vec![target("power", 1.0), target("height", 0.5)], ..result };
        assert!(
            both.in_words().contains("; power 1.0000 (") && both.in_words().contains("; height 0.5000 (")
        );
        let interval = IntervalScore { levels: [0.1, 0.9], coverage: 0.75, width: 2.0 };
        let target = TargetErrors { intervals: vec![interval], last_value: None, ..target("power", 1.0) };
        assert_eq!(
            target.in_words(),
            "1.0000 (training mean 2.0000), 0.7500 in the interval of 0.80, of mean width 2.0000"
        );
    }
}
