//! Loss and accuracy of a model on samples with targets.

use super::Samples;
use super::batches::{Stream, stream_seed};
use lnn_core::seeded;
use lnn_models::{Error, Input, Mode, Model};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// How many samples are evaluated at once: bounds the memory.
const BLOCK: i64 = 500;

/// What an evaluation gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Part of the samples that were classified correctly; none if values are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Mean cross-entropy in nats, or mean squared error in units of the values' deviation.
    pub loss: f64,
    /// Mean absolute error in the values' own units; none for classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_absolute_error: Option<f64>,
    /// How many samples there were.
    pub samples: i64,
}

impl Evaluation {
    /// As `accuracy 0.9000, loss 0.3000`.
    pub fn in_words(&self) -> String {
        let accuracy = self.accuracy.map(|accuracy| format!("accuracy {accuracy:.4}, ")).unwrap_or_default();
        let error = self.mean_absolute_error;
        let error =
            error.map(|error| format!(", mean absolute error {}", in_digits(error))).unwrap_or_default();
        format!("{accuracy}loss {}{error}", in_digits(self.loss))
    }
}

/// A loss as a person reads it: `0.1234`, or `1.23e-5` where four digits behind the point would show nothing.
pub fn in_digits(loss: f64) -> String {
    if loss != 0.0 && loss.abs() < 1e-4 { format!("{loss:.2e}") } else { format!("{loss:.4}") }
}

/// Evaluates `model` on `set`; waits for the device once, at the end. `progress` hears of the samples done.
///
/// # Errors
/// Those of [`Samples::run`].
pub fn evaluate(model: &Model, set: &Samples, progress: &mut dyn FnMut(i64)) -> Result<Evaluation, Error> {
    evaluate_with_noise(model, set, 0.0, progress)
}

/// The same with noise N(0, `deviation`²) on every number of the input, the same noise each time. Its unit is the range of
/// an image, 0 to 1, or a feature's own deviation over the training set.
///
/// # Errors
/// Those of [`Samples::run`].
pub fn evaluate_with_noise(
    model: &Model,
    set: &Samples,
    deviation: f64,
    progress: &mut dyn FnMut(i64),
) -> Result<Evaluation, Error> {
    let sum = || Tensor::zeros([], (Kind::Double, set.inputs.device()));
    let (mut loss, mut correct, mut distance) = (sum(), None, sum());
    let mut done = 0;
    for block in set.blocks(BLOCK) {
        let prediction = tch::no_grad(|| {
            if deviation == 0.0 {
                return block.run(model, Mode::Evaluation);
            }
            let input = block.input();
            let mut noise =
                seeded(stream_seed(0, Stream::Noise, done as u64), || input.x.randn_like()) * deviation;
            if let Some(unit) = model.feature_deviation() {
                noise *= unit;
            }
            // Not in place: the input of sequences shares its memory with the samples.
            model.run(Input { x: &input.x + noise, ..input }, Mode::Evaluation)
        })?
        .prediction;
        let samples = block.len() as f64;
        loss += model.loss(&prediction, &block.targets, 0.0).to_kind(Kind::Double) * samples;
        match model.task().correct(&prediction, &block.targets) {
            Some(right) => *correct.get_or_insert_with(sum) += right,
            None => distance += (&prediction - &block.targets).abs().mean(Kind::Double) * samples,
        }
        done += block.len();
        progress(done);
    }
    let samples = set.len() as f64;
    let mean = |sum: &Tensor| sum.double_value(&[]) / samples;
    Ok(Evaluation {
        accuracy: correct.as_ref().map(mean),
        loss: mean(&loss),
        mean_absolute_error: correct.is_none().then(|| mean(&distance)),
        samples: set.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_loss_shows_its_digits_and_nothing_is_nothing() {
        let shown = [0.0, 0.12345, 1e-4, 9.99e-5, 1.234e-9, f64::NAN].map(in_digits);
        assert_eq!(shown, ["0.0000", "0.1235", "0.0001", "9.99e-5", "1.23e-9", "NaN"]);
        let small = Evaluation { accuracy: None, loss: 2e-6, mean_absolute_error: Some(3e-5), samples: 1 };
        assert_eq!(small.in_words(), "loss 2.00e-6, mean absolute error 3.00e-5");
    }
}
