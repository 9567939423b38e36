//! What is decided between steps and epochs: each policy is a small pure thing.

mod early_stopping;
mod schedule;

pub use early_stopping::{EarlyStopping, Scores, Selection};
pub use schedule::{Plateau, Schedule};
