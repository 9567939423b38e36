//! All samples of a part of the data, from which batches are gathered by index.

use super::samples::Samples;
use super::windows::Windows;
use tch::{Device, Kind, Tensor};

/// The samples of one part of the data: for training, validation or test.
#[derive(Debug)]
pub enum SampleSet {
    /// Samples that lie one after the other in memory.
    Stored(Samples),
    /// Windows of a series.
    Windows(Windows),
}

impl SampleSet {
    /// Number of samples N.
    pub fn len(&self) -> i64 {
        match self {
            Self::Stored(samples) => samples.len(),
            Self::Windows(windows) => windows.len(),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        match self {
            Self::Stored(samples) => samples.targets.device(),
            Self::Windows(windows) => windows.device(),
        }
    }

    /// The samples at `indices [M]`, int64.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn gather(&self, indices: &Tensor) -> Samples {
        match self {
            Self::Stored(samples) => samples.select(indices),
            Self::Windows(windows) => windows.gather(indices),
        }
    }

    /// The `count` samples from `start` on.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn narrow(&self, start: i64, count: i64) -> Samples {
        match self {
            Self::Stored(samples) => samples.narrow(start, count),
            Self::Windows(windows) => {
                windows.gather(&Tensor::arange_start(start, start + count, (Kind::Int64, self.device())))
            }
        }
    }

    /// Of windows of a series with values as targets, the values `[count, O]` at their last row, or per step `[count, T, O]` at each
    /// row, for the `count` windows from `start` on.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn last_values(&self, start: i64, count: i64) -> Option<Tensor> {
        match self {
            Self::Stored(_) => None,
            Self::Windows(windows) => windows.last_values(start, count),
        }
    }

    /// The same for the values of the last row of the target's phase in seasons of `season` rows, or the last value where this row lies
    /// before the window.
    ///
    /// # Panics
    /// If there are fewer windows, or `season` is below 1.
    pub fn seasonal_values(&self, start: i64, count: i64, season: i64) -> Option<Tensor> {
        match self {
            Self::Stored(_) => None,
            Self::Windows(windows) => windows.seasonal_values(start, count, season),
        }
    }

    /// Of windows of a series, the first row of the table that one of them has.
    pub fn first_row(&self) -> Option<i64> {
        match self {
            Self::Windows(windows) if !windows.is_empty() => Some(windows.starts.min().int64_value(&[])),
            _ => None,
        }
    }

    /// Whether the rows are about equally far apart in time, as far as they have times.
    pub fn evenly_timed(&self) -> bool {
        match self {
            Self::Stored(samples) => samples.input.dt.is_none(),
            Self::Windows(windows) => windows.evenly_timed(),
        }
    }

    /// The rows of the longest window, or the steps of stored sequences; the height of stored images is none.
    pub fn longest(&self) -> Option<i64> {
        match self {
            Self::Stored(samples) => {
                let size = samples.input.x.size();
                (size.len() == 3).then(|| size[1])
            }
            Self::Windows(windows) => Some(windows.cut.window),
        }
    }

    /// At most `count` samples, evenly spread over the set, because it may be sorted by class or time.
    #[must_use]
    pub fn spread(&self, count: i64) -> Samples {
        let count = count.min(self.len());
        let places = Tensor::arange(count, (Kind::Int64, self.device())) * self.len();
        self.gather(&places.divide_scalar_mode(count.max(1), "floor"))
    }

    /// Consecutive blocks of at most `size` samples.
    pub fn blocks(&self, size: i64) -> impl Iterator<Item = Samples> {
        let starts = (0..self.len()).step_by(size.max(1) as usize);
        starts.map(move |start| self.narrow(start, size.min(self.len() - start)))
    }

    /// The set of the samples at `indices`.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        let indices: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
        let indices = Tensor::from_slice(&indices).to_device(self.device());
        match self {
            Self::Stored(samples) => Self::Stored(samples.select(&indices)),
            Self::Windows(windows) => Self::Windows(windows.select(&indices)),
        }
    }

    /// The same samples on `device`.
    #[must_use]
    pub fn to_device(&self, device: Device) -> Self {
        match self {
            Self::Stored(samples) => Self::Stored(samples.to_device(device)),
            Self::Windows(windows) => Self::Windows(windows.to_device(device)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::input::Input;
    use crate::contract::task::Per;
    use crate::contract::windows::{Cut, Rows};

    /// Seven stored samples and the eight windows of two rows of a table of ten.
    fn sets() -> [SampleSet; 2] {
        let numbers = |count| Tensor::arange(count, (Kind::Float, Device::Cpu)).view([count, 1]);
        let stored = Samples { input: Input::new(numbers(7)), targets: numbers(7) };
        let table = numbers(10);
        let rows = Rows { features: table.shallow_clone(), dt: None, targets: table, per: Per::Sequence };
        let windows = Windows::within(&rows, [0, 10], Cut::new(2, 1)).unwrap();
        [SampleSet::Stored(stored), SampleSet::Windows(windows)]
    }

    #[test]
    fn a_spread_selection_has_samples_of_every_part() {
        for (set, expected) in sets().iter().zip([[0.0, 2.0, 4.0], [2.0, 4.0, 7.0]]) {
            let targets = set.spread(3).targets.view(-1);
            assert_eq!(Vec::<f32>::try_from(targets).unwrap(), expected);
            assert_eq!(set.spread(100).len(), set.len());
        }
    }

    #[test]
    fn blocks_hold_every_sample_once_in_order() {
        for set in sets() {
            let all = set.narrow(0, set.len());
            let blocks: Vec<Samples> = set.blocks(3).collect();
            let join = |part: fn(&Samples) -> &Tensor| {
                Tensor::cat(&blocks.iter().map(|block| part(block).shallow_clone()).collect::<Vec<_>>(), 0)
            };
            assert_eq!(join(|samples| &samples.input.x), all.input.x);
            assert_eq!(join(|samples| &samples.targets), all.targets);
            assert!(blocks.iter().all(|block| block.len() <= 3));
        }
    }

    #[test]
    fn a_subset_holds_the_samples_at_its_indices() {
        for set in sets() {
            let chosen = set.subset(&[5, 0, 2]);
            let expected = set.gather(&Tensor::from_slice(&[5i64, 0, 2]));
            assert_eq!(chosen.len(), 3);
            assert_eq!(chosen.narrow(0, 3).input.x, expected.input.x);
            assert_eq!(chosen.narrow(0, 3).targets, expected.targets);
        }
    }
}
