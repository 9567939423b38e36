//! The axes over which the input of a model is standardised.

use crate::error::Error;
use lnn_core::{InputShape, InputSpec};
use serde::{Deserialize, Serialize};

/// Over what mean and standard deviation are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standardization {
    /// The input stays as it is.
    None,
    /// One mean and deviation per channel of images, or per feature of sequences.
    Channels,
    /// One mean and deviation per image column, over all channels and rows: the scaler of the articles, which read an image as
    /// rows of features. A column that is nearly always black gets a huge scale.
    Columns,
}

impl Standardization {
    pub(crate) fn shape(self, input: &InputSpec) -> Result<Vec<i64>, Error> {
        Ok(match (&input.shape, self) {
            (InputShape::Images { .. }, Self::None) => vec![1, 1, 1, 1],
            (InputShape::Images { channels, .. }, Self::Channels) => vec![1, *channels, 1, 1],
            (InputShape::Images { width, .. }, Self::Columns) => vec![1, 1, 1, *width],
            (InputShape::Sequences { .. }, Self::None) => vec![1, 1, 1],
            (InputShape::Sequences { features }, Self::Channels) => vec![1, 1, features.len() as i64],
            (InputShape::Sequences { .. }, Self::Columns) => {
                return Err(Error::Standardization("sequences have no image columns".into()));
            }
        })
    }
}
