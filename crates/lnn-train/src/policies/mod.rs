//! Policies: decisions between steps and epochs, each a small type without side effects.

mod early_stopping;
mod schedule;

pub use early_stopping::{EarlyStopping, Scores, Selection};
pub use schedule::{Plateau, Schedule};
