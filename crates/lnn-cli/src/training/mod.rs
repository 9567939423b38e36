//! The trainer and its pieces: each policy is a small pure thing with its own file.

mod augmentation;
mod batch;
mod batches;
mod closed_form;
mod early_stopping;
mod evaluation;
mod event;
mod fixed_front;
mod recorded_step;
mod samples;
mod schedule;
mod state;
mod sums;
mod trainer;

pub use augmentation::Augmentation;
pub use batch::Batch;
pub use batches::Batches;
pub use closed_form::{Candidate, ReadoutMethod, accumulate, choose, save_solved};
pub use early_stopping::{EarlyStopping, Scores, Selection};
pub use evaluation::{Evaluation, evaluate, evaluate_with_noise, in_digits};
pub use event::{EpochMetrics, Event, GradientNorms, Started};
pub use fixed_front::{feature_bytes, run_front};
pub use samples::{Form, Samples};
pub use schedule::{Plateau, Schedule};
pub use state::{ActivitySums, TrainingState};
pub use trainer::{Outcome, TrainError, Trainer};
