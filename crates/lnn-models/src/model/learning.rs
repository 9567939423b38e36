//! The readout of a model that learns from a stream.

use crate::error::Error;
use crate::model::Model;
use crate::parts::readout::Readout;
use lnn_core::{OnlineRegression, OnlineRule, RidgeSolution};
use std::collections::VecDeque;
use tch::{Kind, Tensor};

/// A readout in float64 that follows its targets.
#[derive(Debug)]
pub(super) struct Learning {
    regression: OnlineRegression,
    /// What the readout saw at the last rows whose target has not arrived, the oldest first; `None` for a row that is left out of the
    /// training, too.
    waiting: VecDeque<Option<Vec<f64>>>,
    delay: usize,
    /// Number D + 1 of features, the last of which is 1.
    features: usize,
    outputs: usize,
    classifies: bool,
}

impl Learning {
    pub(super) fn new(model: &Model, rule: OnlineRule, delay: usize) -> Result<Self, Error> {
        let readout = readout(model)?;
        let classifies = model.task().is_classification();
        if classifies && matches!(rule, OnlineRule::Rls { .. }) {
            let reason = "the model predicts classes, and recursive least squares is for values; hint: lms is for both";
            return Err(Error::Stream(reason.into()));
        }
        if !model.input.quantiles.is_empty() {
            let reason =
                "the model predicts quantiles, and both rules follow the mean; hint: train it with loss=mse";
            return Err(Error::Stream(reason.into()));
        }
        let weights = readout.weights_and_bias();
        let [outputs, features] = [0, 1].map(|axis| weights.size()[axis] as usize);
        let regression = OnlineRegression::new(rule, features, numbers(&weights)?)?;
        Ok(Self { regression, waiting: VecDeque::new(), delay, features, outputs, classifies })
    }

    /// The predictions `[T, O]` after each of the rows of which the readout sees `seen [T, D]`; the first `left_out` of them teach nothing. The target that
    /// arrives with a row is learnt before the prediction after that row is made.
    pub(super) fn advance(
        &mut self,
        model: &Model,
        seen: &Tensor,
        targets: Option<&Tensor>,
        left_out: usize,
    ) -> Result<Tensor, Error> {
        let readout = readout(model)?;
        let standardized = readout.standardized(seen).to_kind(Kind::Double);
        let one = standardized.narrow(1, 0, 1).ones_like();
        let rows = numbers(&Tensor::cat(&[standardized, one], 1))?;
        let targets = match targets {
            Some(targets) if self.classifies => Some(numbers(&targets.to_kind(Kind::Double))?),
            Some(targets) => Some(numbers(&model.preprocessing.standardized_values(targets))?),
            None => None,
        };
        let width = if self.classifies { 1 } else { self.outputs };
        let mut predictions = vec![0.0; seen.size()[0] as usize * self.outputs];
        let rows = rows.chunks_exact(self.features).zip(predictions.chunks_exact_mut(self.outputs));
        for (t, (row, prediction)) in rows.enumerate() {
            let counts = t >= left_out && row.iter().all(|x| x.is_finite());
            self.waiting.push_back(counts.then(|| row.to_vec()));
            if self.waiting.len() > self.delay {
                let of_target = self.waiting.pop_front().flatten();
                if let (Some(features), Some(targets)) = (of_target, &targets) {
                    self.learn(&features, &targets[t * width..(t + 1) * width]);
                }
            }
            self.regression.predict(row, prediction);
            if counts && !prediction.iter().all(|number| number.is_finite()) {
                return Err(Error::Diverged);
            }
        }
        let predictions = Tensor::from_slice(&predictions).view([-1, self.outputs as i64]);
        Ok(model.preprocessing.to_units(predictions.to_device(seen.device())))
    }

    /// Learns the target of `features`: standardised values, or a label.
    fn learn(&mut self, features: &[f64], target: &[f64]) {
        let mut errors = vec![0.0; self.outputs];
        self.regression.predict(features, &mut errors);
        if self.classifies {
            let label = target[0];
            if !(label >= 0.0 && label < self.outputs as f64) {
                return;
            }
            // The gradient of the cross-entropy.
            let largest = errors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for logit in &mut errors {
                *logit = (*logit - largest).exp();
            }
            let sum: f64 = errors.iter().sum();
            for part in &mut errors {
                *part = -*part / sum;
            }
            errors[label as usize] += 1.0;
        } else {
            for (error, target) in errors.iter_mut().zip(target) {
                // A value that is missing teaches nothing.
                *error = if target.is_nan() { 0.0 } else { target - *error };
            }
        }
        if errors.iter().any(|error| *error != 0.0) {
            self.regression.update(features, &errors);
        }
    }

    /// Writes the weights into the readout of the model.
    pub(super) fn write_to(&self, model: &Model) -> Result<(), Error> {
        self.check()?;
        let weights = self.weights();
        let last = self.features as i64 - 1;
        let solution = RidgeSolution { weight: weights.narrow(1, 0, last), bias: weights.select(1, last) };
        tch::no_grad(|| readout(model)?.set(&solution))
    }

    /// Refuses weights that are not finite.
    pub(super) fn check(&self) -> Result<(), Error> {
        let (root, _) = self.regression.memory();
        let numbers = self.regression.weights().iter().chain(root);
        if numbers.copied().all(f64::is_finite) { Ok(()) } else { Err(Error::Diverged) }
    }

    fn weights(&self) -> Tensor {
        Tensor::from_slice(self.regression.weights()).view([self.outputs as i64, self.features as i64])
    }

    /// Everything that the readout needs to go on, by name.
    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        let (root, turn) = self.regression.memory();
        let left_out = vec![f64::NAN; self.features];
        let waiting: Vec<f64> =
            self.waiting.iter().flat_map(|row| row.as_ref().unwrap_or(&left_out)).copied().collect();
        let tensors = [
            ("readout.weights", self.weights()),
            ("readout.root", Tensor::from_slice(root)),
            ("readout.turn", Tensor::from_slice(&[turn as i64])),
            ("readout.waiting", Tensor::from_slice(&waiting).view([-1, self.features as i64])),
        ];
        tensors.map(|(name, tensor)| (name.to_owned(), tensor)).into()
    }

    /// Goes on from what [`tensors`](Self::tensors) returned.
    pub(super) fn restore<'a>(&mut self, named: &impl Fn(&str) -> Option<&'a Tensor>) -> Result<(), Error> {
        let of = |name: &str| match named(name) {
            Some(tensor) => numbers(&tensor.to_kind(Kind::Double)),
            None => Err(Error::Stream(format!(
                "the saved state has no {name}: its stream did not learn, or in another way"
            ))),
        };
        let (weights, root) = (of("readout.weights")?, of("readout.root")?);
        if root.len() != self.regression.memory().0.len() {
            return Err(Error::Stream("the saved state is of a stream that learnt by another rule".into()));
        }
        let turn = of("readout.turn")?.first().map_or(0, |turn| *turn as usize);
        self.regression.restore(weights, (root, turn))?;
        let waiting = of("readout.waiting")?;
        if waiting.len() > self.delay * self.features || !waiting.len().is_multiple_of(self.features) {
            return Err(Error::Stream(
                "the saved state is of a stream with another delay of its targets".into(),
            ));
        }
        let rows = waiting.chunks_exact(self.features);
        self.waiting = rows.map(|row| row.iter().all(|x| x.is_finite()).then(|| row.to_vec())).collect();
        Ok(())
    }
}

/// The linear readout of a model of series.
pub(super) fn readout(model: &Model) -> Result<&Readout, Error> {
    model.network.last_layer().ok_or(Error::NoSteps { model: model.config.name() })
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>, Error> {
    Ok(Vec::<f64>::try_from(tensor.contiguous().view(-1))?)
}
