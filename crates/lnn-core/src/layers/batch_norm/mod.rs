//! Batch normalisation, and its faster form together with a pooling and an activation.

pub(crate) mod channel_moments;
pub(crate) mod layer;
pub(crate) mod normalized_activation;
pub(crate) mod normalized_passes;
pub(crate) mod pooling_passes;
pub(crate) mod synchronized;

pub use layer::BatchNorm;
pub use synchronized::{SharedBatch, sharing_batches};
