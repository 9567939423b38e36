//! Weights of the classes in the training loss.

use lnn_core::{SampleSet, Samples};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// The number of samples whose labels are counted at a time.
const BLOCK: i64 = 4096;

/// How much the samples of a class weigh in the training loss. The losses that are reported, and that choose the best epoch, have no
/// weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// All samples weigh the same.
    #[default]
    Equal,
    /// All classes weigh the same: a sample of class k has the weight n / (K · `n_k`) of the labels of the training part.
    Balanced,
}

impl ClassWeights {
    /// The weights `[classes]`, on the device of the samples; `None` if they are equal. A class without a sample has the weight 0.
    pub(crate) fn of(self, train: &SampleSet, classes: i64, kind: Kind) -> Option<Tensor> {
        match self {
            Self::Equal => None,
            Self::Balanced => {
                let counts = label_counts(train, classes);
                let (present, total) = (counts.gt(0.0), counts.sum(Kind::Double));
                let weights = total / (counts.clamp_min(1.0) * classes);
                Some((weights * present).to_kind(kind))
            }
        }
    }
}

/// How many labels of each class there are, `[classes]`, float64: those of the samples, or of the steps that count.
pub(crate) fn label_counts(set: &SampleSet, classes: i64) -> Tensor {
    let mut counts = Tensor::zeros([classes], (Kind::Double, set.device()));
    for block in set.blocks(BLOCK) {
        counts += labels(&block).bincount::<Tensor>(None, classes).to_kind(Kind::Double);
    }
    counts
}

/// The labels of samples, or of the steps that count, `[M]`.
fn labels(samples: &Samples) -> Tensor {
    match samples.counts() {
        Some(counts) => samples.targets.masked_select(&counts),
        None => samples.targets.masked_select(&samples.targets.ge(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::Input;
    use tch::Device;

    fn set(labels: &Tensor) -> SampleSet {
        let size = labels.size();
        let x = Tensor::zeros([size[0], 4, 1], (Kind::Float, Device::Cpu));
        SampleSet::Stored(Samples { input: Input::new(x), targets: labels.shallow_clone() })
    }

    fn numbers(weights: &Tensor) -> Vec<f64> {
        Vec::try_from(weights.to_kind(Kind::Double)).unwrap()
    }

    #[test]
    fn balanced_classes_weigh_the_same_whatever_their_size() {
        let labels = Tensor::from_slice(&[0i64, 0, 0, 0, 0, 0, 1, 1, 3, 3, 3, 3]);
        let weights = ClassWeights::Balanced.of(&set(&labels), 4, Kind::Double).unwrap();
        assert_eq!(numbers(&weights), [0.5, 1.5, 0.0, 0.75]);
        assert!(ClassWeights::Equal.of(&set(&labels), 4, Kind::Double).is_none());
    }

    #[test]
    fn steps_without_a_label_are_not_counted() {
        let labels = Tensor::from_slice(&[0i64, 0, 0, Samples::NO_LABEL, 1, -1, -1, -1]).view([2, 4]);
        assert_eq!(numbers(&label_counts(&set(&labels), 2)), [3.0, 1.0]);
    }
}
