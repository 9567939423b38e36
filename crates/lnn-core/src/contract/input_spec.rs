//! What a model takes and what it is to predict, with all names.

use super::error::ContractError;
use super::loss::MEDIAN;
use super::task::Per;
use super::task::Task;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

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

/// What NaN in a sequence means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// A mistake: the model takes finite numbers.
    #[default]
    Refused,
    /// A missing value. The network sees each feature, 0 in units of its deviation from the mean where it is missing, and beside it one
    /// number that is 1 where it is present and 0 where it is missing.
    Mask,
}

impl Missing {
    /// How many numbers the network sees of each feature.
    pub fn numbers_per_feature(self) -> i64 {
        match self {
            Self::Refused => 1,
            Self::Mask => 2,
        }
    }

    /// Whether this is [`Missing::Refused`], which descriptions leave out.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    fn is_refused(&self) -> bool {
        *self == Self::Refused
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
    /// Whether values of sequences may be missing.
    #[serde(default, skip_serializing_if = "Missing::is_refused")]
    pub missing: Missing,
    /// The levels of the quantiles that are predicted of each value, see [`Loss::Quantile`](super::Loss::Quantile); none if each value has a
    /// single prediction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

impl InputSpec {
    /// Images `[channels, height, width]` of classes.
    pub fn images([channels, height, width]: [i64; 3], class_names: Vec<String>) -> Self {
        let task = Task::Classification { class_names };
        let shape = InputShape::Images { channels, height, width };
        Self::new(shape, task)
    }

    /// Inputs of a shape and one target for each, without time and without missing values.
    pub fn new(shape: InputShape, task: Task) -> Self {
        let (per, missing) = (Per::Sequence, Missing::Refused);
        Self { shape, task, per, timing: None, missing, quantiles: Vec::new() }
    }

    /// Sequences of features with values to predict, one row of values for each sequence.
    pub fn sequences(features: Vec<String>, value_names: Vec<String>) -> Self {
        let task = Task::Regression { value_names };
        let shape = InputShape::Sequences { features };
        Self::new(shape, task)
    }

    /// Width of the output: the number of classes or values, or Q of each value where Q quantiles are predicted.
    pub fn outputs(&self) -> i64 {
        self.task.outputs() * self.quantiles.len().max(1) as i64
    }

    /// The names of the columns of the output, in their order: the classes, the values, or the quantiles of each value, as `power_q0.9`.
    pub fn output_names(&self) -> Vec<String> {
        if self.quantiles.is_empty() {
            return self.task.names().to_vec();
        }
        let of_value = |name: &String| {
            let name = name.clone();
            self.quantiles.iter().map(move |level| format!("{name}_q{level}"))
        };
        self.task.names().iter().flat_map(of_value).collect()
    }

    /// The predictions `[.., O]` of the values, of an `output [.., outputs]`: their medians where quantiles are predicted, otherwise all.
    pub fn point(&self, output: &Tensor) -> Tensor {
        match self.quantiles.iter().position(|level| level.total_cmp(&MEDIAN).is_eq()) {
            Some(place) => output
                .unflatten(-1, [self.task.outputs(), self.quantiles.len() as i64])
                .select(-1, place as i64),
            None => output.shallow_clone(),
        }
    }

    /// `[C, H, W]` of images; `None` for sequences.
    pub fn image(&self) -> Option<[i64; 3]> {
        match self.shape {
            InputShape::Images { channels, height, width } => Some([channels, height, width]),
            InputShape::Sequences { .. } => None,
        }
    }

    /// Whether NaN stands for a missing value.
    pub fn may_miss(&self) -> bool {
        self.missing == Missing::Mask
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
        let missing = if self.may_miss() { ", where values may be missing" } else { "" };
        format!("{shape} {task}{per}{missing}")
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

    /// Refuses a batch with infinite numbers, and with NaN where that does not stand for a missing value. Waits for the device.
    ///
    /// # Errors
    /// [`ContractError::Value`].
    pub fn check_values(&self, x: &Tensor) -> Result<(), ContractError> {
        let wrong = if self.may_miss() { x.isinf() } else { x.isfinite().logical_not() };
        if wrong.any().int64_value(&[]) == 0 {
            return Ok(());
        }
        let mut index = wrong.flatten(0, -1).to_kind(Kind::Int8).argmax(0, false).int64_value(&[]);
        let mut place = Vec::new();
        for extent in x.size().iter().rev() {
            place.insert(0, index % extent);
            index /= extent;
        }
        let found = x.double_value(&place);
        let hint = match &self.shape {
            InputShape::Sequences { .. } if found.is_nan() => {
                "; hint: a model that was trained with missing=mask takes NaN for a missing value"
            }
            _ => "",
        };
        Err(ContractError::Value { found, place, hint })
    }
}
