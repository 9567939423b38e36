//! How many samples of each class were classified as each class.

use crate::error::Error;
use crate::ranks::Ranks;
use tch::{Device, Kind, Tensor};

/// The largest number of classes for which all counts are reported.
const REPORTED: i64 = 100;

/// The counts over the blocks of an evaluation, on the device.
pub(crate) struct ClassCounts {
    /// `[classes · classes]`, int64: the label times the number of classes, plus the prediction.
    counts: Tensor,
    classes: i64,
}

/// The scores of a classification.
#[derive(Debug, PartialEq)]
pub(crate) struct Scores {
    /// The fraction of all samples that were classified correctly.
    pub(crate) accuracy: f64,
    /// The mean of this fraction over the classes that have samples.
    pub(crate) macro_accuracy: f64,
    /// Labels by row, predictions by column; empty for very many classes.
    pub(crate) confusion: Vec<Vec<u64>>,
}

impl ClassCounts {
    pub(crate) fn new(classes: i64, device: Device) -> Self {
        Self { counts: Tensor::zeros([classes * classes], (Kind::Int64, device)), classes }
    }

    /// Adds predictions and labels, int64, of the same shape.
    pub(crate) fn add(&mut self, predictions: &Tensor, labels: &Tensor) {
        let pairs = (labels * self.classes + predictions).flatten(0, -1);
        self.counts += pairs.bincount::<Tensor>(None, self.classes * self.classes);
    }

    /// Adds up the counts of all ranks.
    pub(crate) fn join(&mut self, ranks: &Ranks) -> Result<(), Error> {
        ranks.sum(&mut self.counts)
    }

    /// Reads the counts from the device.
    pub(crate) fn scores(&self) -> Scores {
        let counts = self.counts.view([self.classes, self.classes]).to_kind(Kind::Double);
        let (right, all) = (counts.diag(0), counts.sum_dim_intlist(1, false, Kind::Double));
        let present = all.gt(0.0);
        let accuracy = (right.sum(Kind::Double) / all.sum(Kind::Double)).double_value(&[]);
        let macro_accuracy = (right / all).masked_select(&present).mean(Kind::Double).double_value(&[]);
        let confusion = match self.classes <= REPORTED {
            true => Vec::<i64>::try_from(&self.counts).unwrap_or_default(),
            false => Vec::new(),
        };
        let confusion = confusion
            .chunks(self.classes.max(1) as usize)
            .map(|row| row.iter().map(|count| count.cast_unsigned()).collect())
            .collect();
        Scores { accuracy, macro_accuracy, confusion }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_few_samples_counts_as_much_as_one_of_many_in_the_mean_over_classes() {
        let mut counts = ClassCounts::new(3, Device::Cpu);
        let labels = Tensor::from_slice(&[0i64, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
        counts.add(&labels.zeros_like(), &labels);
        let Scores { accuracy, macro_accuracy, confusion } = counts.scores();
        assert!((accuracy - 0.8).abs() < 1e-12 && (macro_accuracy - 0.5).abs() < 1e-12);
        assert_eq!(confusion, [[8, 0, 0], [0, 0, 0], [2, 0, 0]]);
    }
}
