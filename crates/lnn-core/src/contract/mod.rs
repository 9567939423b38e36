//! The contract between data and models: what a model takes, what it predicts, and samples with their targets.
//!
//! Data sources produce an [`InputSpec`] and [`SampleSet`]s, models consume them, and neither knows the other.

mod error;
mod input;
mod input_spec;
mod loss;
mod matching;
mod nearest;
mod sample_set;
mod samples;
mod seasons;
mod task;
mod windows;

pub use error::ContractError;
pub use input::{Input, steps_where};
pub use input_spec::{InputShape, InputSpec, Missing, Timing};
pub use loss::Loss;
pub use matching::Matching;
pub use nearest::nearest_name;
pub use sample_set::SampleSet;
pub use samples::Samples;
pub use task::{Criterion, Per, Task};
pub use windows::{Cut, Rows, Windows, last_known};
