//! A sweep: many runs whose configurations are drawn from a space, of which the promising ones are trained to the end.
//!
//! ```text
//! Plan ─► SweepFolder ─next─► Job ─ a process trains its run up to a rung ─ report ─► SweepFolder ─► leaderboard, pictures
//! ```
//! Trials are compared by validation alone, as the key `selection` of their configuration says: `loss` minimises the validation loss;
//! `accuracy` maximises the validation accuracy, that is, minimises the error 1 − accuracy, and the loss among equal accuracies. What
//! counts is the best epoch up to a rung, whose weights a run keeps. The test part is not looked at.

mod folder;
mod halving;
mod hand_out;
mod importance;
mod leaderboard;
mod lease;
#[cfg(feature = "plots")]
mod pictures;
mod plan;
mod range;
mod range_text;
mod ranking;
mod space;
mod take_back;
mod trial;

pub use folder::SweepFolder;
pub use halving::{Decision, Search, Standing, decide};
pub use hand_out::{Job, Next, Worker};
pub use importance::{Importance, importance};
pub use leaderboard::write_leaderboard;
pub use lease::Lease;
pub use plan::{Plan, SweepFile};
pub use range::{Range, Scale};
pub use range_text::range_of_text;
pub use ranking::{rank, status, winner};
pub use space::{Parameter, Space, Values};
pub use trial::{RungResult, Trial};
