//! The samples of each step, and their augmentation.

mod augmentation;
mod order;
mod streams;

pub use augmentation::Augmentation;
pub use order::Batches;
pub(crate) use streams::{Stream, stream_seed};
