//! The error of this crate.

/// An error of a call into libtorch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch threw an exception with this message.
    #[error("libtorch: {0}")]
    Torch(String),
    /// The arguments are wrong or do not fit each other; libtorch was not called.
    #[error("{0}")]
    Argument(String),
}
