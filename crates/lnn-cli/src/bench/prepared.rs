//! A work that is ready to be repeated.

use crate::failure::Failure;

/// A work that is ready to be repeated.
pub(super) struct Prepared {
    /// How many steps one repetition takes.
    pub(super) steps: i64,
    pub(super) repeat: Repetition,
}

/// One repetition.
pub(super) type Repetition = Box<dyn FnMut() -> Result<(), Failure>>;
