//! What data consists of.

/// The kind of samples that a reader returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Images, each with a class.
    Images,
    /// Sequences.
    Sequences,
}
