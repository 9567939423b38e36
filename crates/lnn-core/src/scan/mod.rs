//! The fast forms of the time loop, and the step of a cell that they run.

pub(crate) mod board;
pub(crate) mod device;
pub(crate) mod extents;
pub(crate) mod fused;
pub(crate) mod inputs;
pub(crate) mod one_sample;
pub(crate) mod passes;
pub(crate) mod products;
pub(crate) mod rows;
pub(crate) mod step;
pub(crate) mod stream;
