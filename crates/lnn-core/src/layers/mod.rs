//! The layers that are not recurrent.

pub(crate) mod activation;
pub(crate) mod batch_norm;
pub(crate) mod convolution;
pub(crate) mod dense;
pub(crate) mod image_parts;
pub(crate) mod sequence_whitening;
pub(crate) mod whitening;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, SharedBatch, sharing_batches};
pub use convolution::{Convolution, ConvolutionConfig};
pub use dense::Dense;
pub use sequence_whitening::SequenceWhitening;
pub use whitening::Whitening;
