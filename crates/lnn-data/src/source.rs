//! The interface of every reader: an [`InputSpec`] and samples for training, validation and test.

use crate::error::DataError;
use lnn_core::{InputSpec, SampleSet};
use std::fmt::Debug;
use tch::Device;

/// Data for training a model. A new format implements this trait and is added to the table in `readers/mod.rs`.
pub trait DataSource: Debug {
    /// Returns what a model for this data takes and predicts, with all names.
    fn spec(&self) -> InputSpec;

    /// Returns the samples for training, validation and test, on the CPU.
    ///
    /// # Errors
    /// [`DataError`] if a part would be empty.
    fn parts(&self, request: &SplitRequest) -> Result<Parts, DataError>;

    /// Returns the samples for the test alone, on the CPU.
    ///
    /// # Errors
    /// [`DataError`] if there are none.
    fn test(&self) -> Result<SampleSet, DataError>;
}

/// How samples are divided into parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitRequest {
    /// The fraction of the samples outside the test part that is held out for validation.
    pub validation_fraction: f64,
    /// Seed of a random split; series are split in time instead.
    pub seed: u64,
    /// The maximum number of samples for training and validation together.
    pub limit: Option<usize>,
}

impl SplitRequest {
    /// Returns the limits for training and for validation; `None` without a limit.
    pub fn limits(&self) -> Option<[usize; 2]> {
        let limit = self.limit?;
        let held_out = ((limit as f64 * self.validation_fraction).round().max(1.0) as usize).min(limit);
        Some([limit - held_out, held_out])
    }
}

/// Training, validation and test.
#[derive(Debug)]
pub struct Parts {
    /// The samples for training.
    pub train: SampleSet,
    /// The samples for choosing the best epoch and the hyper-parameters.
    pub validation: SampleSet,
    /// The samples for the test, used once.
    pub test: SampleSet,
}

impl Parts {
    /// Returns the same parts on `device`.
    #[must_use]
    pub fn to_device(&self, device: Device) -> Self {
        let [train, validation, test] =
            [&self.train, &self.validation, &self.test].map(|part| part.to_device(device));
        Self { train, validation, test }
    }

    /// Keeps the first samples of training and validation, as many as the limit of `request` allows.
    #[must_use]
    pub(crate) fn limited_to_the_first(self, request: &SplitRequest) -> Self {
        let Some([train, validation]) = request.limits() else { return self };
        let first = |set: SampleSet, count: usize| match set.len() as usize > count {
            true => set.subset(&(0..count).collect::<Vec<_>>()),
            false => set,
        };
        Self {
            train: first(self.train, train),
            validation: first(self.validation, validation),
            test: self.test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_divided_like_the_whole_and_leaves_one_for_validation() {
        let limits =
            |validation_fraction, limit| SplitRequest { validation_fraction, seed: 0, limit }.limits();
        assert_eq!(limits(0.1, Some(100)), Some([90, 10]));
        assert_eq!(limits(0.01, Some(10)), Some([9, 1]));
        assert_eq!(limits(0.1, None), None);
    }
}
