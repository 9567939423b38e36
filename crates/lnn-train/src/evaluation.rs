//! Loss and accuracy of a model on samples with targets.

use crate::batches::{Stream, stream_seed};
use crate::entry::Entry;
use lnn_core::{Input, SampleSet, Samples, seeded};
use lnn_models::{Error, Mode, Model};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// The number of samples per forward pass, which bounds the memory.
pub(crate) const BLOCK: i64 = 500;

/// The result of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The fraction of the samples that were classified correctly; none for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Mean cross-entropy in nats, or mean squared error in units of the deviation of the values.
    pub loss: f64,
    /// Mean absolute error in the units of the values; none for classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_absolute_error: Option<f64>,
    /// Number of samples.
    pub samples: i64,
}

impl Evaluation {
    /// Formats the result as `accuracy 0.9000, loss 0.3000`.
    pub fn in_words(&self) -> String {
        let accuracy = self.accuracy.map(|accuracy| format!("accuracy {accuracy:.4}, ")).unwrap_or_default();
        let error = self.mean_absolute_error;
        let error =
            error.map(|error| format!(", mean absolute error {}", in_digits(error))).unwrap_or_default();
        format!("{accuracy}loss {}{error}", in_digits(self.loss))
    }
}

/// Formats a loss for display: `0.1234`, or `1.23e-5` where four decimal places would show zeros.
pub fn in_digits(loss: f64) -> String {
    if loss != 0.0 && loss.abs() < 1e-4 { format!("{loss:.2e}") } else { format!("{loss:.4}") }
}

/// Evaluates `model` on `set`, whose samples enter at `entry`; waits for the device once, at the end. `progress` receives the
/// number of samples done.
///
/// # Errors
/// Those of [`Model::run`].
pub fn evaluate(
    model: &Model,
    set: &SampleSet,
    entry: Entry,
    progress: &mut dyn FnMut(i64),
) -> Result<Evaluation, Error> {
    let mut sums = Sums::new(model, set);
    for block in set.blocks(BLOCK) {
        let block = block.to_floating(model.parameters().kind());
        let input = block.input.shallow_clone();
        let prediction = tch::no_grad(|| entry.run(model, input, Mode::Evaluation))?.prediction;
        sums.add(&prediction, &block);
        progress(sums.samples);
    }
    Ok(sums.means())
}

/// Returns the predictions of `model`, `[N, O]` or `[N, T, O]` on the CPU, for an input on any device. The samples are computed
/// in blocks, which bounds the memory.
///
/// # Errors
/// Those of [`Model::check`] and [`Model::run`].
pub fn predict(model: &Model, input: &Input) -> Result<Tensor, Error> {
    model.check(input)?;
    let (count, device) = (input.len(), model.parameters().device());
    let blocks = (0..count).step_by(BLOCK as usize).map(|start| {
        let block = input.map(|tensor| tensor.narrow(0, start, BLOCK.min(count - start)).to_device(device));
        let prediction = tch::no_grad(|| model.run(block, Mode::Evaluation))?.prediction;
        Ok(prediction.to_device(Device::Cpu))
    });
    Ok(Tensor::cat(&blocks.collect::<Result<Vec<_>, Error>>()?, 0))
}

/// Evaluates a model at its input with noise N(0, `deviation`²) added to every input value; every call adds the same noise. The
/// unit of `deviation` is the range of an image, 0 to 1, or the deviation of each feature over the training set.
///
/// # Errors
/// Those of [`Model::run`].
pub fn evaluate_with_noise(
    model: &Model,
    set: &SampleSet,
    deviation: f64,
    progress: &mut dyn FnMut(i64),
) -> Result<Evaluation, Error> {
    let mut sums = Sums::new(model, set);
    for block in set.blocks(BLOCK) {
        let block = block.to_floating(model.parameters().kind());
        let prediction = tch::no_grad(|| {
            let input = block.input.shallow_clone();
            let seed = stream_seed(0, Stream::Noise, sums.samples as u64);
            let mut noise = seeded(seed, || lnn_core::random::randn_like(&input.x)) * deviation;
            if let Some(unit) = model.feature_deviation() {
                noise *= unit;
            }
            // Not in place: the input may share its memory with the samples.
            model.run(Input { x: &input.x + noise, ..input }, Mode::Evaluation)
        })?
        .prediction;
        sums.add(&prediction, &block);
        progress(sums.samples);
    }
    Ok(sums.means())
}

/// Evaluates `count` heads on one pass of the fixed front; `predict(features, i, mode)` returns the predictions of head i.
///
/// # Errors
/// Those of [`Model::front`] and of `predict`.
pub(crate) fn evaluate_each(
    model: &Model,
    set: &SampleSet,
    count: usize,
    predict: impl Fn(&Input, usize, Mode) -> Result<Tensor, Error>,
) -> Result<Vec<Evaluation>, Error> {
    let mut sums: Vec<Sums<'_>> = (0..count).map(|_| Sums::new(model, set)).collect();
    for block in set.blocks(BLOCK) {
        let block = block.to_floating(model.parameters().kind());
        let features = tch::no_grad(|| model.front(block.input.shallow_clone()))?;
        for (i, sums) in sums.iter_mut().enumerate() {
            let prediction = tch::no_grad(|| predict(&features, i, Mode::Evaluation))?;
            sums.add(&prediction, &block);
        }
    }
    Ok(sums.iter().map(Sums::means).collect())
}

/// Sums over the blocks of an evaluation, on the device.
struct Sums<'a> {
    model: &'a Model,
    loss: Tensor,
    correct: Option<Tensor>,
    distance: Tensor,
    /// The targets, whose number divides the sums: one per sample, or one per step that counts.
    targets: Tensor,
    samples: i64,
}

impl<'a> Sums<'a> {
    fn new(model: &'a Model, set: &SampleSet) -> Self {
        let sum = || Tensor::zeros([], (Kind::Double, set.device()));
        let correct = model.task().is_classification().then(sum);
        Self { model, loss: sum(), correct, distance: sum(), targets: sum(), samples: 0 }
    }

    fn add(&mut self, prediction: &Tensor, block: &Samples) {
        let (targets, mask) = (&block.targets, block.input.mask.as_ref());
        let count = block.target_count();
        self.loss += self.model.loss(prediction, targets, mask, 0.0).to_kind(Kind::Double) * &count;
        if let (Some(sum), Some(right)) =
            (&mut self.correct, self.model.task().correct(prediction, targets, mask))
        {
            *sum += right;
        } else {
            let distance = (prediction - targets).abs();
            let per_step = prediction.dim() == 3;
            let distance = if per_step { block.input.counted_steps(&distance) } else { distance };
            self.distance += distance.mean(Kind::Double) * &count;
        }
        self.targets += count;
        self.samples += block.len();
    }

    fn means(&self) -> Evaluation {
        let targets = self.targets.double_value(&[]);
        let mean = |sum: &Tensor| sum.double_value(&[]) / targets;
        Evaluation {
            accuracy: self.correct.as_ref().map(mean),
            loss: mean(&self.loss),
            mean_absolute_error: self.correct.is_none().then(|| mean(&self.distance)),
            samples: self.samples,
        }
    }
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
