//! The training library: training loop, steps, policies, run folders, events and the observers that write files.
//!
//! ```text
//! SampleSet ─► Batches ─► Step (model, loss, optimiser) ─► Trainer ─Event─► Observers
//!                                                             └─► Checkpoint
//! ```
//! A [`RunConfig`] contains every number that determines the result of a run. [`Session`] prepares a new run or a resumed one,
//! and [`Trainer`] is the training loop. This crate prints nothing and defines no exit codes.

pub mod advice;
mod alike;
mod backtest;
mod baselines;
mod batches;
mod class_weights;
mod config;
mod digits;
mod entry;
mod epoch_end;
mod error;
mod evaluation;
mod event;
mod fixed_front;
mod growth;
mod input_noise;
mod memory;
mod method;
pub mod observers;
#[cfg(feature = "plots")]
mod picture;
mod place;
mod policies;
mod precision;
mod presets;
mod ranks;
mod request;
mod ridge;
mod run_data;
mod run_folder;
mod session;
pub mod settings;
mod starting_weights;
mod state;
mod step;
mod sums;
pub mod sweep;
mod trainer;
#[cfg(feature = "plots")]
mod wiring_picture;

pub use backtest::{Ahead, Backtest, Forecasts, Origins, backtest};
pub use baselines::Baselines;
pub use batches::{Augmentation, Batches};
pub use class_weights::ClassWeights;
pub use config::{MuonSettings, OptimizerSettings, RunConfig};
pub use digits::in_digits;
pub use entry::Entry;
pub use error::Error;
pub use evaluation::{
    ClassScores, Errors, Evaluation, IntervalScore, QuantileScore, Seasonal, TargetErrors, evaluate,
    evaluate_with_noise, predict, unfamiliar,
};
pub use event::{Candidate, EpochMetrics, Event, GradientNorms, Started};
pub use method::{GradientMethod, Method, RidgeMethod};
pub use observers::{Observer, Observers};
#[cfg(feature = "plots")]
pub use picture::{ForecastPicture, Stretch, draw_forecast};
pub use place::Place;
pub use policies::{EarlyStopping, Plateau, Schedule, Scores, Selection};
pub use precision::Precision;
pub use ranks::Ranks;
pub use request::Request;
pub use run_data::{Fit, Progress, RunData, known_samples};
pub use run_folder::{RunFolder, checkpoint_file, state_of_run, write_atomically};
pub use session::{Resume, Session};
pub use state::{ActivitySums, TrainingState};
pub use trainer::{Outcome, Trainer};
#[cfg(feature = "plots")]
pub use wiring_picture::draw_wirings;

/// The commit that this program was built from, as stored in checkpoints.
pub const COMMIT: &str = env!("LNN_COMMIT");

/// Version and commit of the program.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LNN_COMMIT"), ")");
