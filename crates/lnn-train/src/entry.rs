//! The place where samples enter a model.

use lnn_core::Input;
use lnn_models::{Error, Mode, Model, Output};

/// The place where samples enter a model: its input, or the head behind its fixed front, whose features were computed
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Samples are images or sequences.
    Input,
    /// Samples are features `[N, D]` computed by the fixed front.
    Head,
}

impl Entry {
    /// Runs the model, or its head alone.
    ///
    /// # Errors
    /// Those of [`Model::run`].
    pub fn run(self, model: &Model, input: Input, mode: Mode) -> Result<Output, Error> {
        match self {
            Self::Head => model.head(&input, mode),
            Self::Input => model.run(input, mode),
        }
    }
}
