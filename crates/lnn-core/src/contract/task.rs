//! What a model is to predict, and how a prediction is judged.

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

    /// The loss of an `output [B, O]`, a scalar: the mean cross-entropy for labels `[B]`, or the mean squared error for values
    /// `[B, O]` in units of `deviation [O]`. With targets per step, `[B, T, O]` and `[B, T]` or `[B, T, O]`, the mean is over the
    /// steps that `mask [B, T]` counts.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn loss(
        &self,
        output: &Tensor,
        targets: &Tensor,
        mask: Option<&Tensor>,
        label_smoothing: f64,
        deviation: Option<&Tensor>,
    ) -> Tensor {
        let (output, targets) = match counted(output, targets, mask) {
            Some(counted) => counted,
            None => (output.shallow_clone(), targets.shallow_clone()),
        };
        match self {
            Self::Classification { .. } => {
                output.cross_entropy_loss::<Tensor>(&targets, None, Reduction::Mean, -100, label_smoothing)
            }
            Self::Regression { .. } => {
                let error = &output - &targets;
                deviation
                    .map_or_else(|| error.shallow_clone(), |unit| &error / unit)
                    .square()
                    .mean(error.kind())
            }
        }
    }

    /// How many of the `output [B, classes]`, or `[B, T, classes]`, are highest at their label, as a scalar in float64; `None` for
    /// values. Steps that `mask [B, T]` does not count are left out.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn correct(&self, output: &Tensor, targets: &Tensor, mask: Option<&Tensor>) -> Option<Tensor> {
        if !self.is_classification() {
            return None;
        }
        let right = output.argmax(-1, false).eq_tensor(targets);
        let right = match mask.filter(|_| output.dim() == 3) {
            Some(mask) => right.logical_and(mask),
            None => right,
        };
        Some(right.sum(Kind::Double))
    }
}

/// Outputs and targets per step, `[M, O]` and `[M]` or `[M, O]`, of the M steps that count; `None` for one target each sequence.
fn counted(output: &Tensor, targets: &Tensor, mask: Option<&Tensor>) -> Option<(Tensor, Tensor)> {
    if output.dim() < 3 {
        return None;
    }
    let (output, targets) = (output.flatten(0, 1), targets.flatten(0, 1));
    let Some(mask) = mask else { return Some((output, targets)) };
    let places = mask.flatten(0, 1).nonzero().squeeze_dim(1);
    Some((output.index_select(0, &places), targets.index_select(0, &places)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

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
        let expected = classes().loss(&alone, &truth, None, 0.1, None);
        assert_eq!(classes().loss(&output, &labels, Some(&mask), 0.1, None), expected);
        let values = Task::Regression { value_names: vec!["y".into(); 3] };
        let expected = values.loss(&alone, &alone.zeros_like(), None, 0.0, None);
        assert_eq!(values.loss(&output, &output.zeros_like(), Some(&mask), 0.0, None), expected);
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
