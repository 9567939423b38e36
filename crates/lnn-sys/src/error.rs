//! What can go wrong at the border to C++.

/// An error of a call into libtorch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch threw an exception; the text is its message.
    #[error("libtorch: {0}")]
    Torch(String),
    /// The arguments do not fit each other, so libtorch was not called.
    #[error("{0}")]
    Argument(String),
}
