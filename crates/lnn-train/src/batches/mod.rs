//! Which samples a step sees, and how they are changed.

mod augmentation;
mod order;
mod streams;

pub use augmentation::Augmentation;
pub use order::Batches;
pub(crate) use streams::{Stream, stream_seed};
