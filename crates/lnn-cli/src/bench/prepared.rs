//! A benchmark that is ready to be repeated.

use crate::failure::Failure;

/// A benchmark that is ready to be repeated.
pub(super) struct Prepared {
    /// Number of steps per repetition.
    pub(super) steps: i64,
    pub(super) repeat: Repetition,
}

/// One repetition.
pub(super) type Repetition = Box<dyn FnMut() -> Result<(), Failure>>;
