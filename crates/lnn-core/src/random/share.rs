//! The part of a batch that one of several processes computes.

/// The samples of a batch that this process computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The place of the first one in the batch.
    pub first: i64,
    /// Their number; it may be 0.
    pub count: i64,
    /// The number of samples of the batch.
    pub total: i64,
}

impl Share {
    /// All `total` samples of a batch.
    pub fn whole(total: i64) -> Self {
        Self { first: 0, count: total, total }
    }
}
