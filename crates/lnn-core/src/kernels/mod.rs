//! Loops on plain numbers that use the vector instructions of the CPU: packed matrices and elementary functions.

pub(crate) mod functions;
pub(crate) mod panels;
pub(crate) mod real;
pub(crate) mod tiles;
