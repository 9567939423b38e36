//! What a model takes and what it is to predict, with all names.

use super::error::ContractError;
use super::task::Per;
use super::task::Task;
use serde::{Deserialize, Serialize};

/// The shape of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum InputShape {
    /// Images `[C, H, W]`.
    Images {
        /// Channels of an image.
        channels: i64,
        /// Rows of an image.
        height: i64,
        /// Columns of an image.
        width: i64,
    },
    /// Sequences `[T, I]` of any length T.
    Sequences {
        /// Names of the I features of a step.
        features: Vec<String>,
    },
}

/// The time between steps that a model was trained with. `dt` comes in the unit of the data's column of time, seconds for dates; the
/// model divides it by `unit`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// What `dt` is divided by.
    pub unit: f64,
    /// The median `dt` of the training data, divided by `unit`.
    pub typical_dt: f64,
}

impl Timing {
    /// The median `dt` of the training data, in the unit of the data.
    pub fn typical(&self) -> f64 {
        self.unit * self.typical_dt
    }
}

/// What a model takes and what it is to predict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// The shape of one input.
    pub shape: InputShape,
    /// What is to be predicted.
    pub task: Task,
    /// Whether a sequence has one target or one for each step.
    #[serde(default, skip_serializing_if = "Per::is_sequence")]
    pub per: Per,
    /// The time between steps, if the data has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

impl InputSpec {
    /// Images `[channels, height, width]` of classes.
    pub fn images([channels, height, width]: [i64; 3], class_names: Vec<String>) -> Self {
        let task = Task::Classification { class_names };
        Self { shape: InputShape::Images { channels, height, width }, task, per: Per::Sequence, timing: None }
    }

    /// Sequences of features with values to predict, one row of values for each sequence.
    pub fn sequences(features: Vec<String>, value_names: Vec<String>) -> Self {
        let task = Task::Regression { value_names };
        Self { shape: InputShape::Sequences { features }, task, per: Per::Sequence, timing: None }
    }

    /// Width of the output: the number of classes or values.
    pub fn outputs(&self) -> i64 {
        self.task.outputs()
    }

    /// `[C, H, W]` of images; `None` for sequences.
    pub fn image(&self) -> Option<[i64; 3]> {
        match self.shape {
            InputShape::Images { channels, height, width } => Some([channels, height, width]),
            InputShape::Sequences { .. } => None,
        }
    }

    /// As `images [1, 28, 28] of 10 classes`.
    pub(super) fn describe(&self) -> String {
        let shape = match &self.shape {
            InputShape::Images { channels, height, width } => {
                format!("images [{channels}, {height}, {width}]")
            }
            InputShape::Sequences { features } => format!("sequences [T, {}]", features.len()),
        };
        let task = match &self.task {
            Task::Classification { class_names } => format!("of {} classes", class_names.len()),
            Task::Regression { value_names } => format!("with {} values", value_names.len()),
        };
        let per = if self.per == Per::Step { " per step" } else { "" };
        format!("{shape} {task}{per}")
    }

    /// The shape of a batch in letters and numbers, as `images [N, 1, 28, 28]`.
    pub fn batch_shape(&self) -> String {
        match &self.shape {
            InputShape::Images { channels, height, width } => {
                format!("images [N, {channels}, {height}, {width}]")
            }
            InputShape::Sequences { features } => format!("sequences [N, T, {}]", features.len()),
        }
    }

    /// Refuses a batch that is not `[N, C, H, W]` or `[N, T, I]`, as [`batch_shape`](Self::batch_shape) says.
    ///
    /// # Errors
    /// [`ContractError::Input`].
    pub fn check(&self, size: &[i64]) -> Result<(), ContractError> {
        let fits = match (&self.shape, size) {
            (InputShape::Images { channels, height, width }, [_, c, h, w]) => {
                (c, h, w) == (channels, height, width)
            }
            (InputShape::Sequences { features }, [_, steps, width]) => {
                *steps > 0 && *width == features.len() as i64
            }
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(ContractError::Input { expected: self.batch_shape(), found: size.to_vec() })
        }
    }
}
