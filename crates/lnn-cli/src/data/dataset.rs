//! What `--data` may name: images with classes, or sequences with values.

use super::{ImageData, SequenceData};
use lnn_models::InputSpec;

/// A data set.
#[derive(Debug, Clone, PartialEq)]
pub enum Dataset {
    /// Images, each of a class.
    Images(ImageData),
    /// Sequences, each with values to tell.
    Sequences(SequenceData),
}

impl Dataset {
    /// What a model for this data takes and tells.
    pub fn input_spec(&self) -> InputSpec {
        match self {
            Self::Images(data) => {
                InputSpec::images(data.image_shape().map(|extent| extent as i64), data.class_names.clone())
            }
            Self::Sequences(data) => InputSpec::sequences(data.features.clone(), data.values.clone()),
        }
    }
}
