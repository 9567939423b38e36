//! Sequences in memory with the values to tell of them, and how they are parted.

use super::series::{Series, SeriesError};
use ndarray::{Array2, Array3, Axis, concatenate};

/// Sequences with one row of values each.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceSet {
    /// `[N, T, I]`.
    pub inputs: Array3<f32>,
    /// `[N, T]`, the time that passes in each step, if it is known.
    pub dt: Option<Array2<f32>>,
    /// `[N, O]`.
    pub targets: Array2<f32>,
}

impl SequenceSet {
    /// Number of sequences N.
    pub fn len(&self) -> usize {
        self.targets.nrows()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `count` sequences, or all.
    pub fn truncate(&mut self, count: usize) {
        let count = count.min(self.len());
        self.inputs.slice_axis_inplace(Axis(0), (..count).into());
        self.targets.slice_axis_inplace(Axis(0), (..count).into());
        if let Some(dt) = &mut self.dt {
            dt.slice_axis_inplace(Axis(0), (..count).into());
        }
    }
}

/// Training, validation and test.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// To learn from.
    pub train: SequenceSet,
    /// To choose by.
    pub validation: SequenceSet,
    /// To test on, once.
    pub test: SequenceSet,
}

/// Where sequences come from.
#[derive(Debug, Clone, PartialEq)]
pub enum SequenceSource {
    /// Windows of a series of rows, parted by time.
    Series(Series),
    /// A few sequences that are learned by heart: training, validation and test are the same.
    ByHeart(SequenceSet),
}

/// Sequences as they are trained and tested on.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceData {
    /// What was asked for.
    pub name: String,
    /// Names of the I features of a step.
    pub features: Vec<String>,
    /// Names of the O values to tell.
    pub values: Vec<String>,
    /// Where the sequences come from.
    pub source: SequenceSource,
}

impl SequenceData {
    /// Parts the sequences; `validation_fraction` of those that are not for the test are for validation.
    ///
    /// # Errors
    /// [`SeriesError::TooShort`] if a part would have no window.
    pub fn parts(&self, validation_fraction: f64) -> Result<Parts, SeriesError> {
        match &self.source {
            SequenceSource::Series(series) => series.parts(validation_fraction),
            SequenceSource::ByHeart(set) => {
                Ok(Parts { train: set.clone(), validation: set.clone(), test: set.clone() })
            }
        }
    }
}

/// Windows of `rows [N, I]`: sequences of `window` rows, each with the values `horizon` rows behind its last.
pub(super) fn windows(
    rows: &Array2<f32>,
    dt: Option<&[f32]>,
    targets: &Array2<f32>,
    [window, horizon]: [usize; 2],
) -> Option<SequenceSet> {
    let count = (rows.nrows() + 1).checked_sub(window.saturating_add(horizon)).filter(|count| *count > 0)?;
    let stack = |i: usize| rows.slice_axis(Axis(0), (i..i + window).into()).insert_axis(Axis(0));
    let inputs = concatenate(Axis(0), &(0..count).map(stack).collect::<Vec<_>>()).ok()?;
    let told = targets.slice_axis(Axis(0), (window + horizon - 1..).into()).to_owned();
    let dt = dt.map(|dt| Array2::from_shape_fn((count, window), |(i, t)| dt[i + t]));
    Some(SequenceSet { inputs, dt, targets: told })
}
