//! What a model takes and what it is asked for.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

/// A batch as a model takes it.
#[derive(Debug)]
pub struct Input {
    /// Images `[B, C, H, W]` in 0..1, or sequences `[B, T, I]`.
    pub x: Tensor,
    /// `[B, T]`, the time that passes in each step of a sequence; 1 where it is not given.
    pub dt: Option<Tensor>,
    /// `[B, T]`, bool: which steps of a sequence count; all where it is not given.
    pub mask: Option<Tensor>,
}

impl Input {
    /// A batch whose steps, if it has any, all count and take one unit of time.
    pub fn new(x: Tensor) -> Self {
        Self { x, dt: None, mask: None }
    }

    /// The same tensors, sharing their memory.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        let shared = |tensor: &Option<Tensor>| tensor.as_ref().map(Tensor::shallow_clone);
        Self { x: self.x.shallow_clone(), dt: shared(&self.dt), mask: shared(&self.mask) }
    }

    /// Refuses a `dt` that is not `[batch, steps]`, or that holds what time cannot be.
    pub(crate) fn check_time(&self, expected: [i64; 2]) -> Result<(), Error> {
        let Some(dt) = &self.dt else { return Ok(()) };
        if dt.size() != expected {
            return Err(Error::TimeShape { expected, found: dt.size() });
        }
        // Written so that NaN is wrong, too.
        let wrong = dt.ge(0.0).logical_and(&dt.isfinite()).logical_not().nonzero();
        if wrong.size()[0] == 0 {
            return Ok(());
        }
        let place = [0, 1].map(|axis| wrong.int64_value(&[0, axis]));
        Err(Error::TimeValue { found: dt.double_value(&place), place })
    }
}

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

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Task {
    /// One of several classes.
    Classification {
        /// Their names, in the order of the logits.
        class_names: Vec<String>,
    },
    /// One or more numbers.
    Regression {
        /// Their names.
        value_names: Vec<String>,
    },
}

impl Task {
    /// Width of the output: classes or values.
    pub fn outputs(&self) -> i64 {
        match self {
            Self::Classification { class_names: names } | Self::Regression { value_names: names } => {
                names.len() as i64
            }
        }
    }

    /// The loss of an `output [B, O]`: the mean cross-entropy for labels `[B]`, or the mean squared error for values `[B, O]`
    /// in units of `deviation [O]`.
    pub(crate) fn loss(
        &self,
        output: &Tensor,
        targets: &Tensor,
        label_smoothing: f64,
        deviation: Option<&Tensor>,
    ) -> Tensor {
        match self {
            Self::Classification { .. } => {
                output.cross_entropy_loss::<Tensor>(targets, None, Reduction::Mean, -100, label_smoothing)
            }
            Self::Regression { .. } => {
                let error = output - targets;
                deviation
                    .map_or_else(|| error.shallow_clone(), |unit| &error / unit)
                    .square()
                    .mean(error.kind())
            }
        }
    }

    /// How many of the `output [B, classes]` are highest at their label, as a scalar; none for values.
    pub fn correct(&self, output: &Tensor, targets: &Tensor) -> Option<Tensor> {
        match self {
            Self::Classification { .. } => Some(output.argmax(1, false).eq_tensor(targets).sum(Kind::Double)),
            Self::Regression { .. } => None,
        }
    }
}

/// What a model takes and what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// The shape of one input.
    pub shape: InputShape,
    /// What is asked for.
    pub task: Task,
}

impl InputSpec {
    /// Images `[channels, height, width]` of classes.
    pub fn images([channels, height, width]: [i64; 3], class_names: Vec<String>) -> Self {
        Self {
            shape: InputShape::Images { channels, height, width },
            task: Task::Classification { class_names },
        }
    }

    /// Sequences of features, of which values are to be told.
    pub fn sequences(features: Vec<String>, value_names: Vec<String>) -> Self {
        Self { shape: InputShape::Sequences { features }, task: Task::Regression { value_names } }
    }

    /// Width of the output: classes or values.
    pub fn outputs(&self) -> i64 {
        self.task.outputs()
    }

    /// `[C, H, W]`, for a model that takes images alone.
    ///
    /// # Errors
    /// [`Error::Config`] for sequences.
    pub(crate) fn image(&self, model: &'static str) -> Result<[i64; 3], Error> {
        match self.shape {
            InputShape::Images { channels, height, width } => Ok([channels, height, width]),
            InputShape::Sequences { .. } => Err(Error::Config {
                model,
                reason: "expected images, found sequences; hint: the model liquid takes sequences".into(),
            }),
        }
    }

    /// Refuses data of another shape, or with another number of classes or values.
    ///
    /// # Errors
    /// [`Error::OtherData`].
    pub fn check_same(&self, found: &Self) -> Result<(), Error> {
        let (expected, found) = (self.describe(), found.describe());
        if expected == found { Ok(()) } else { Err(Error::OtherData { expected, found }) }
    }

    /// As `images [1, 28, 28] of 10 classes`.
    fn describe(&self) -> String {
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
        format!("{shape} {task}")
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
    /// [`Error::Input`].
    pub fn check(&self, size: &[i64]) -> Result<(), Error> {
        let fits = match (&self.shape, size) {
            (InputShape::Images { channels, height, width }, [_, c, h, w]) => {
                (c, h, w) == (channels, height, width)
            }
            (InputShape::Sequences { features }, [_, steps, width]) => {
                *steps > 0 && *width == features.len() as i64
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(Error::Input { expected: self.batch_shape(), found: size.to_vec() }) }
    }
}
