//! The fast forms of the time loop: on plain numbers over the batch or over the units of one sample, and on other devices by
//! operations of libtorch.

pub(crate) mod device;
pub(crate) mod extents;
pub(crate) mod fused;
pub(crate) mod inputs;
pub(crate) mod one_sample;
pub(crate) mod passes;
pub(crate) mod pointwise;
