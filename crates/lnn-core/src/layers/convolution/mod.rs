//! Two-dimensional convolution, and the faster form of 3×3 kernels on a CPU.

pub(crate) mod images;
pub(crate) mod layer;
pub(crate) mod passes;
pub(crate) mod transforms;
pub(crate) mod winograd;

pub use layer::{Convolution, ConvolutionConfig};
