//! The files in which models are kept: checkpoints, and modules for Python.

pub(crate) mod atomic_write;
pub(crate) mod checkpoint;
pub(crate) mod export;
pub(crate) mod exported;
pub(crate) mod stream_state;
pub(crate) mod tensor_info;
pub(crate) mod torchscript;
pub(crate) mod transfer;
