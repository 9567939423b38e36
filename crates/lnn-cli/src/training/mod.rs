//! The trainer and its pieces: each policy is a small pure thing with its own file.

mod augmentation;
mod batches;
mod early_stopping;
mod evaluation;
mod event;
mod fixed_front;
mod samples;
mod schedule;
mod state;
mod trainer;

pub use augmentation::Augmentation;
pub use batches::Batches;
pub use early_stopping::{EarlyStopping, Selection};
pub use evaluation::{Evaluation, evaluate};
pub use event::{EpochMetrics, Event, Started};
pub use fixed_front::{feature_bytes, run_front};
pub use samples::{Form, Samples};
pub use schedule::{Plateau, Schedule};
pub use state::TrainingState;
pub use trainer::{Outcome, TrainError, Trainer};
