//! What a model is to predict, and how a prediction is judged.

use super::loss::Loss;
use super::samples::Samples;
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

/// What is to be predicted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Task {
    /// One of several classes.
    Classification {
        /// Their names, in the order of the logits.
        class_names: Vec<String>,
    },
    /// One or more values.
    Regression {
        /// Their names.
        value_names: Vec<String>,
    },
}

/// What has a target of its own: a whole sequence, or each of its steps. Images have one target each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// One target for each sequence or image: labels `[B]` or values `[B, O]`.
    #[default]
    Sequence,
    /// One target for each step: labels `[B, T]` or values `[B, T, O]`.
    Step,
}

impl Per {
    /// Whether this is [`Per::Sequence`], which descriptions leave out.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(super) fn is_sequence(&self) -> bool {
        *self == Self::Sequence
    }
}

/// How a prediction is judged beside its targets.
#[derive(Debug, Clone, Default)]
pub struct Criterion<'a> {
    /// The fraction of a label that is spread over all classes.
    pub label_smoothing: f64,
    /// `[classes]`, the weight of a sample by its label; the loss is then the weighted mean.
    pub class_weights: Option<&'a Tensor>,
    /// What the error of a value costs.
    pub loss: Loss,
    /// `[O]`, the unit of the error of each value.
    pub deviation: Option<&'a Tensor>,
}

impl Task {
    /// Width O of the output: the number of classes or values.
    pub fn outputs(&self) -> i64 {
        self.names().len() as i64
    }

    /// Names of the classes or values, in the order of the output.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Classification { class_names: names } | Self::Regression { value_names: names } => names,
        }
    }

    /// Whether classes are predicted.
    pub fn is_classification(&self) -> bool {
        matches!(self, Self::Classification { .. })
    }

    /// The loss of an `output [B, O]`, a scalar: the mean cross-entropy for labels `[B]`, or the mean of a [`Loss`] for the errors of
    /// values `[B, O]` in units of a deviation `[O]`; for the loss of Q quantiles the output is `[B, O·Q]`, the Q of a value side by side. With targets per step, `[B, T, O]` and `[B, T]` or `[B, T, O]`, the mean is over those that
    /// `counts [B, T]` counts, as [`Samples::counts`](super::Samples::counts) returns it, and 0 where none does. Nothing waits for
    /// the device.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn loss(
        &self,
        output: &Tensor,
        targets: &Tensor,
        counts: Option<&Tensor>,
        criterion: &Criterion<'_>,
    ) -> Tensor {
        let Criterion { label_smoothing, class_weights, ref loss, deviation } = *criterion;
        match self {
            Self::Classification { .. } => {
                let cross_entropy = |output: &Tensor, labels: &Tensor, reduction| {
                    output.cross_entropy_loss(
                        labels,
                        class_weights,
                        reduction,
                        Samples::NO_LABEL,
                        label_smoothing,
                    )
                };
                let Some(counts) = counts else { return cross_entropy(output, targets, Reduction::Mean) };
                let labels = targets.masked_fill(&counts.logical_not(), Samples::NO_LABEL);
                let sum = cross_entropy(&output.flatten(0, 1), &labels.flatten(0, 1), Reduction::Sum);
                let total = match class_weights {
                    None => counts.sum(output.kind()).clamp_min(1.0),
                    // As libtorch divides the mean of weighted samples; of no step that counts it is 0.
                    Some(weights) => {
                        let of_labels = weights.index_select(0, &targets.clamp_min(0).view([-1]));
                        let sum = (of_labels * counts.view([-1])).sum(output.kind());
                        &sum + sum.le(0.0)
                    }
                };
                sum / total
            }
            Self::Regression { .. } => {
                let quantiles = loss.levels().len() as i64;
                // The errors of quantiles have an axis of their own.
                let apart = |tensor: &Tensor| match quantiles {
                    0 => tensor.shallow_clone(),
                    _ => tensor.unsqueeze(-1),
                };
                let output = match quantiles {
                    0 => output.shallow_clone(),
                    _ => output.unflatten(-1, [self.outputs(), quantiles]),
                };
                let error = output - apart(targets);
                let error = deviation.map_or_else(|| error.shallow_clone(), |unit| &error / apart(unit));
                let Some(counts) = counts else { return loss.of(&error).mean(error.kind()) };
                // Before the loss is taken, so that the gradient of an error that is NaN is 0.
                let error = error.masked_fill(&apart(&counts.logical_not().unsqueeze(-1)), 0.0);
                let count = counts.sum(error.kind()).clamp_min(1.0) * self.outputs() * quantiles.max(1);
                loss.of(&error).sum(error.kind()) / count
            }
        }
    }

    /// How many of the `output [B, classes]`, or `[B, T, classes]` of the steps that `counts [B, T]` counts, are highest at their label,
    /// as a scalar in float64; `None` for values.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn correct(&self, output: &Tensor, targets: &Tensor, counts: Option<&Tensor>) -> Option<Tensor> {
        if !self.is_classification() {
            return None;
        }
        let right = output.argmax(-1, false).eq_tensor(targets);
        Some(
            counts
                .map_or_else(|| right.shallow_clone(), |counts| right.logical_and(counts))
                .sum(Kind::Double),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::input::Input;
    use tch::Device;

    const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn smoothed() -> Criterion<'static> {
        Criterion { label_smoothing: 0.1, ..Criterion::default() }
    }

    fn classes() -> Task {
        Task::Classification { class_names: vec!["a".into(), "b".into(), "c".into()] }
    }

    #[test]
    fn a_loss_per_step_is_that_of_the_steps_that_count() {
        let output = Tensor::arange(12, FLOAT).sin().view([2, 2, 3]);
        let labels = Tensor::from_slice(&[0i64, 1, 2, 0]).view([2, 2]);
        let mask = Tensor::from_slice(&[true, false, true, true]).view([2, 2]);
        let kept = Tensor::from_slice(&[0i64, 2, 3]);
        let [alone, truth] = [output.view([4, 3]), labels.view([4])].map(|x| x.index_select(0, &kept));
        let close = |found: &Tensor, expected: &Tensor| {
            assert!((found - expected).abs().double_value(&[]) < 1e-6, "{found:?}, expected {expected:?}");
        };
        let expected = classes().loss(&alone, &truth, None, &smoothed());
        close(&classes().loss(&output, &labels, Some(&mask), &smoothed()), &expected);
        let weights = Tensor::from_slice(&[0.5f32, 4.0, 1.0]);
        let weighted = Criterion { class_weights: Some(&weights), ..smoothed() };
        let expected = classes().loss(&alone, &truth, None, &weighted);
        close(&classes().loss(&output, &labels, Some(&mask), &weighted), &expected);
        let values = Task::Regression { value_names: vec!["y".into(); 3] };
        for loss in [Loss::Mse, Loss::Mae, Loss::Huber { delta: 0.4 }] {
            let criterion = Criterion { loss, ..Criterion::default() };
            let expected = values.loss(&alone, &alone.zeros_like(), None, &criterion);
            close(&values.loss(&output, &output.zeros_like(), Some(&mask), &criterion), &expected);
        }
        let one = Task::Regression { value_names: vec!["y".into()] };
        let criterion =
            Criterion { loss: Loss::Quantile { levels: vec![0.2, 0.5, 0.7] }, ..Criterion::default() };
        let expected = one.loss(&alone, &Tensor::zeros([3, 1], FLOAT), None, &criterion);
        close(&one.loss(&output, &Tensor::zeros([2, 2, 1], FLOAT), Some(&mask), &criterion), &expected);
    }

    #[test]
    fn each_quantile_of_each_value_has_an_error_of_its_own_in_the_unit_of_its_value() {
        let values = Task::Regression { value_names: vec!["u".into(), "v".into()] };
        let output = Tensor::from_slice(&[1.0, 2.0, 30.0, 50.0]).view([1, 4]);
        let [targets, unit] = [[2.0, 40.0], [1.0, 10.0]].map(|numbers| Tensor::from_slice(&numbers));
        let loss = Loss::Quantile { levels: vec![0.25, 0.5] };
        let criterion = Criterion { loss, deviation: Some(&unit), ..Criterion::default() };
        // Errors -1 and 0 of u, -1 and 1 of v.
        let expected = (0.25 + 0.0 + 0.25 + 0.5) / 4.0;
        let found = values.loss(&output, &targets.view([1, 2]), None, &criterion).double_value(&[]);
        assert!((found - expected).abs() < 1e-12, "{found}");
    }

    #[test]
    fn a_step_without_a_target_adds_neither_loss_nor_gradient() {
        let values = Task::Regression { value_names: vec!["y".into(); 3] };
        let output = Tensor::arange(12, FLOAT).sin().view([2, 2, 3]).set_requires_grad(true);
        let truth = output.detach() * 0.5;
        let _ = truth.get(1).get(0).narrow(0, 2, 1).fill_(f64::NAN);
        let labels = Tensor::from_slice(&[0i64, 1, Samples::NO_LABEL, 0]).view([2, 2]);
        let weights = Tensor::from_slice(&[0.5f32, 4.0, 1.0]);
        let losses = [Loss::Mse, Loss::Mae, Loss::Huber { delta: 0.4 }];
        let criteria = losses.map(|loss| Criterion { loss, class_weights: Some(&weights), ..smoothed() });
        let cases = [(&values, &truth), (&classes(), &labels)];
        for ((task, targets), criterion) in
            cases.into_iter().flat_map(|case| criteria.iter().map(move |criterion| (case, criterion)))
        {
            let targets = targets.shallow_clone();
            let samples = Samples { input: Input::new(output.detach()), targets };
            let counts = samples.counts();
            let loss = task.loss(&output, &samples.targets, counts.as_ref(), criterion);
            let gradient = Tensor::run_backward(&[&loss], &[&output], false, false).remove(0);
            assert_eq!(samples.target_count().int64_value(&[]), 3);
            assert!(gradient.get(1).get(0).eq(0.0).all().int64_value(&[]) == 1);
            assert!(gradient.isfinite().all().int64_value(&[]) == 1 && loss.double_value(&[]) > 0.0);
            let none = counts.unwrap().zeros_like();
            let loss = task.loss(&output, &samples.targets, Some(&none), criterion);
            assert!(loss.double_value(&[]).abs() < f64::MIN_POSITIVE);
        }
    }

    #[test]
    fn a_weighted_loss_is_the_weighted_mean_of_the_samples() {
        let output = Tensor::arange(12, FLOAT).sin().view([4, 3]);
        let labels = Tensor::from_slice(&[0i64, 1, 1, 2]);
        let weights = Tensor::from_slice(&[2.0f32, 0.5, 1.0]);
        let criterion = Criterion { class_weights: Some(&weights), ..Criterion::default() };
        let found = classes().loss(&output, &labels, None, &criterion).double_value(&[]);
        let logarithms = output.log_softmax(1, Kind::Double);
        let (mut sum, mut total) = (0.0, 0.0);
        for (sample, (label, weight)) in [(0, 2.0), (1, 0.5), (1, 0.5), (2, 1.0)].into_iter().enumerate() {
            sum -= weight * logarithms.double_value(&[sample as i64, label]);
            total += weight;
        }
        assert!((found - sum / total).abs() < 1e-6);
    }

    #[test]
    fn steps_that_do_not_count_are_neither_right_nor_wrong() {
        let output = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 0.0, 1.0, 0.0]).view([1, 2, 3]);
        let labels = Tensor::from_slice(&[0i64, 1]).view([1, 2]);
        let mask = Tensor::from_slice(&[true, false]).view([1, 2]);
        let correct =
            |mask: Option<&Tensor>| classes().correct(&output, &labels, mask).unwrap().double_value(&[]);
        assert_eq!([correct(None), correct(Some(&mask))].map(|count| count as i64), [2, 1]);
        assert!(Task::Regression { value_names: vec![] }.correct(&output, &labels, None).is_none());
    }
}
