//! The interface of every reader: an [`InputSpec`] and samples for training, validation and test.

use crate::error::DataError;
use crate::kept::{Fingerprints, Kept};
use crate::split::SplitScheme;
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
    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError>;

    /// Returns the samples for the test alone, on the CPU.
    ///
    /// # Errors
    /// [`DataError`] if there are none.
    fn test(&self) -> Result<SampleSet, DataError>;

    /// Returns remarks for the user about what was read, one sentence each.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The model that data is opened for, to test it.
#[derive(Debug, Clone, Copy)]
pub struct Trained<'a> {
    /// The data of its training, as the value of `--data`.
    pub data: &'a str,
    /// What it takes and predicts.
    pub input: &'a InputSpec,
    /// What it was trained and validated on, if it is known: such rows of a series are left out of a test.
    pub known: Option<&'a Fingerprints>,
}

/// How samples are divided into parts.
#[derive(Debug, Clone, Copy)]
pub struct SplitRequest<'a> {
    /// The fraction of the samples outside the test part that is held out for validation.
    pub validation_fraction: f64,
    /// Seed of a random split; series are split in time instead.
    pub seed: u64,
    /// The maximum number of samples for training and validation together.
    pub limit: Option<usize>,
    /// The rule of the split.
    pub scheme: SplitScheme,
    /// The parts of the run that is resumed; they go before the rule.
    pub kept: Option<Kept<'a>>,
}

impl SplitRequest<'_> {
    /// A split of all samples by the current rule.
    pub fn new(validation_fraction: f64, seed: u64) -> Self {
        Self { validation_fraction, seed, limit: None, scheme: SplitScheme::Stratified, kept: None }
    }

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
    /// What training and validation hold, to recognise it later; empty if the data never changes.
    pub fingerprints: Fingerprints,
    /// Remarks for the user about the split, one sentence each.
    pub notices: Vec<String>,
}

impl Parts {
    /// Joins the parts of data that never changes, without remarks.
    pub fn new(train: SampleSet, validation: SampleSet, test: SampleSet) -> Self {
        Self { train, validation, test, fingerprints: Fingerprints::default(), notices: Vec::new() }
    }

    /// Returns the parts with each of them changed by `change`.
    #[must_use]
    pub fn map(self, change: impl Fn(SampleSet) -> SampleSet) -> Self {
        let Self { train, validation, test, .. } = self;
        let [train, validation, test] = [train, validation, test].map(change);
        Self { train, validation, test, ..self }
    }

    /// Returns the same parts on `device`.
    #[must_use]
    pub fn to_device(self, device: Device) -> Self {
        self.map(|part| part.to_device(device))
    }

    /// Keeps the first samples of training and validation, as many as the limit of `request` allows.
    #[must_use]
    pub(crate) fn limited_to_the_first(self, request: &SplitRequest<'_>) -> Self {
        let Some([train, validation]) = request.limits() else { return self };
        let first = |set: SampleSet, count: usize| match set.len() as usize > count {
            true => set.subset(&(0..count).collect::<Vec<_>>()),
            false => set,
        };
        Self { train: first(self.train, train), validation: first(self.validation, validation), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_divided_like_the_whole_and_leaves_one_for_validation() {
        let limits = |validation_fraction, limit| {
            SplitRequest { limit, ..SplitRequest::new(validation_fraction, 0) }.limits()
        };
        assert_eq!(limits(0.1, Some(100)), Some([90, 10]));
        assert_eq!(limits(0.01, Some(10)), Some([9, 1]));
        assert_eq!(limits(0.1, None), None);
    }
}
