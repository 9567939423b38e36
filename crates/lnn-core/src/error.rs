//! The errors of this crate.

use tch::{Kind, TchError};

/// A wrong argument, or an exception of libtorch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor has the wrong shape.
    #[error("{what} must have the shape {expected}, found {found:?}")]
    Shape {
        /// Which tensor.
        what: String,
        /// The shape in words and letters, as `[B, T, 28]`.
        expected: String,
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// A tensor has another dtype or device than the cell.
    #[error("{what} must be {expected}, found {found}")]
    Options {
        /// Which tensor.
        what: &'static str,
        /// Dtype and device of the cell.
        expected: String,
        /// Dtype and device that were found.
        found: String,
    },
    /// A sequence has time steps, but the cell does not use them.
    #[error(
        "the sequence has time steps `dt`, but this cell does not use the time between steps; hint: leave `dt` out"
    )]
    NoTime,
    /// A hyper-parameter lies outside its range.
    #[error("{name} must be {expected}, found {found}")]
    Value {
        /// Name of the hyper-parameter.
        name: &'static str,
        /// Its range in words.
        expected: &'static str,
        /// The value that was found.
        found: String,
    },
    /// A wiring is not possible.
    #[error("the wiring {reason}")]
    Wiring {
        /// What it needs, and what was found.
        reason: String,
    },
    /// Two parameters of one model have the same name.
    #[error("the parameter name `{0}` is taken: names are unique within a model")]
    DuplicateName(String),
    /// A stored tensor does not fit its parameter.
    #[error("the tensor `{name}` must be {expected_kind:?} {expected:?}, found {found_kind:?} {found:?}")]
    Mismatch {
        /// Name of the parameter.
        name: String,
        /// Shape of the parameter.
        expected: Vec<i64>,
        /// Dtype of the parameter.
        expected_kind: Kind,
        /// Shape that was found.
        found: Vec<i64>,
        /// Dtype that was found.
        found_kind: Kind,
    },
    /// A parameter has no stored tensor.
    #[error("the tensor `{0}` is missing")]
    MissingTensor(String),
    /// A stored tensor belongs to no parameter.
    #[error("the tensor `{0}` belongs to no parameter of this model")]
    UnexpectedTensor(String),
    /// libtorch threw an exception.
    #[error("libtorch: {}", without_stack(.0))]
    Torch(#[from] TchError),
    /// A call of `lnn-sys` failed.
    #[error(transparent)]
    Sys(#[from] lnn_sys::Error),
}

impl Error {
    /// Refuses an extent below 1, with its name.
    pub(crate) fn refuse_empty(extents: &[(&'static str, i64)]) -> Result<(), Self> {
        match extents.iter().find(|(_, extent)| *extent < 1) {
            Some((name, extent)) => {
                Err(Self::Value { name, expected: "at least 1", found: extent.to_string() })
            }
            None => Ok(()),
        }
    }
}

/// libtorch's messages end in a C++ stack trace, which does not help a user.
fn without_stack(error: &TchError) -> String {
    let text = error.to_string();
    let end = ["\nException raised from", "\nframe #"].iter().filter_map(|mark| text.find(mark)).min();
    let text = text[..end.unwrap_or(text.len())].trim();
    if text.contains("allocate memory") || text.contains("out of memory") {
        let text = text.rsplit("allocate memory: ").next().unwrap_or(text);
        return format!("not enough memory: {text}; hint: a smaller model or batch needs less");
    }
    text.to_owned()
}
