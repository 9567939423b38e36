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
    /// Processes that train together cannot find each other, or one of them has left.
    #[error("rank {rank} of {size}: {operation} with {peers} failed: {reason}")]
    Collective {
        /// The rank of this process.
        rank: usize,
        /// The number of ranks.
        size: usize,
        /// What failed.
        operation: &'static str,
        /// The other ranks, and what those that left have said.
        peers: String,
        /// The message of libtorch.
        reason: String,
    },
}
