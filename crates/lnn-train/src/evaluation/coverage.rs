//! How often the targets lie below predicted quantiles, and between them.

use crate::error::Error;
use crate::ranks::Ranks;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// A predicted quantile beside the targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QuantileScore {
    /// The part of the targets that is to lie below it.
    pub level: f64,
    /// The part that does.
    pub below: f64,
}

/// The interval between two predicted quantiles beside the targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IntervalScore {
    /// The levels of its ends.
    pub levels: [f64; 2],
    /// The part of the targets that lies within.
    pub coverage: f64,
    /// Its mean width, in the unit of the value.
    pub width: f64,
}

impl IntervalScore {
    /// Formats the score as `0.7900 in the interval of 0.80, of mean width 1.2000`.
    pub(super) fn in_words(&self) -> String {
        let [low, high] = self.levels;
        format!(
            "{:.4} in the interval of {:.2}, of mean width {}",
            self.coverage,
            high - low,
            crate::digits::in_digits(self.width)
        )
    }
}

/// The scores of the quantiles of one value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Coverage {
    pub(crate) quantiles: Vec<QuantileScore>,
    /// The widest interval first.
    pub(crate) intervals: Vec<IntervalScore>,
}

/// Sums over the blocks of an evaluation, on the device.
pub(crate) struct CoverageSums {
    levels: Vec<f64>,
    /// `[O, Q]`: targets below each quantile; `[O, Q / 2]`: targets within each interval, and the widths.
    sums: Option<[Tensor; 3]>,
    count: i64,
}

impl CoverageSums {
    /// No targets yet of quantiles of these ascending `levels`.
    pub(crate) fn new(levels: &[f64]) -> Self {
        Self { levels: levels.to_vec(), sums: None, count: 0 }
    }

    /// Adds predictions `[.., O·Q]` and targets `[.., O]`.
    pub(crate) fn add(&mut self, prediction: &Tensor, targets: &Tensor) {
        let (levels, outputs) = (self.levels.len() as i64, targets.size().last().copied().unwrap_or(1));
        let targets = targets.to_kind(Kind::Double).reshape([-1, outputs, 1]);
        let quantiles = prediction.to_kind(Kind::Double).reshape([-1, outputs, levels]);
        let sum = |tensor: &Tensor| tensor.sum_dim_intlist(0, false, Kind::Double);
        let low = quantiles.narrow(2, 0, levels / 2);
        let high = quantiles.flip([2]).narrow(2, 0, levels / 2);
        let within = targets.ge_tensor(&low).logical_and(&targets.le_tensor(&high));
        let found = [sum(&targets.lt_tensor(&quantiles)), sum(&within), sum(&(high - low))];
        self.sums = Some(match self.sums.take() {
            Some(sums) => std::array::from_fn(|i| &sums[i] + &found[i]),
            None => found,
        });
        self.count += targets.size()[0];
    }

    /// Adds up the sums of all ranks, of which one without samples knows only the number of values and the device.
    pub(crate) fn join(&mut self, ranks: &Ranks, outputs: i64, device: Device) -> Result<(), Error> {
        let levels = self.levels.len() as i64;
        let zeros = || {
            [levels, levels / 2, levels / 2]
                .map(|width| Tensor::zeros([outputs, width], (Kind::Double, device)))
        };
        self.sums.get_or_insert_with(zeros).iter_mut().try_for_each(|sum| ranks.sum(sum))?;
        let mut count = Tensor::from_slice(&[self.count]);
        ranks.sum(&mut count)?;
        self.count = count.int64_value(&[0]);
        Ok(())
    }

    /// Reads the scores of each value from the device.
    pub(crate) fn scores(&self) -> Vec<Coverage> {
        let Some([below, within, width]) = &self.sums else { return Vec::new() };
        let count = self.count as f64;
        let of = |value: i64| Coverage {
            quantiles: (0..)
                .zip(&self.levels)
                .map(|(i, level)| QuantileScore {
                    level: *level,
                    below: below.double_value(&[value, i]) / count,
                })
                .collect(),
            intervals: (0..self.levels.len() / 2)
                .map(|i| {
                    let mean = |sums: &Tensor| sums.double_value(&[value, i as i64]) / count;
                    let levels = [self.levels[i], self.levels[self.levels.len() - 1 - i]];
                    IntervalScore { levels, coverage: mean(within), width: mean(width) }
                })
                .collect(),
        };
        (0..below.size()[0]).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_counted_below_each_quantile_and_within_each_interval() {
        let mut sums = CoverageSums::new(&[0.1, 0.5, 0.9]);
        let prediction = |numbers: &[f64]| Tensor::from_slice(numbers).view([-1, 6]);
        let targets = |numbers: &[f64]| Tensor::from_slice(numbers).view([-1, 2]);
        sums.add(&prediction(&[0.0, 1.0, 2.0, 0.0, 10.0, 20.0]), &targets(&[1.5, -1.0]));
        sums.add(
            &prediction(&[0.0, 1.0, 4.0, 0.0, 10.0, 20.0, 0.0, 1.0, 3.0, 0.0, 10.0, 20.0]),
            &targets(&[0.5, 5.0, 9.0, 15.0]),
        );
        let scores = sums.scores();
        let below = |value: usize| scores[value].quantiles.iter().map(|q| (q.below * 3.0).round() as i64);
        assert_eq!(below(0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(below(1).collect::<Vec<_>>(), [1, 2, 3]);
        let interval = scores[0].intervals[0];
        assert_eq!((scores[0].intervals.len(), interval.levels), (1, [0.1, 0.9]));
        assert!((interval.coverage - 2.0 / 3.0).abs() < 1e-12 && (interval.width - 3.0).abs() < 1e-12);
        assert_eq!(interval.in_words(), "0.6667 in the interval of 0.80, of mean width 3.0000");
    }
}
