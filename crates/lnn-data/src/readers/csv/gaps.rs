//! Cells without a value.

/// Cells that mean that there is no value.
const GAPS: [&str; 10] = ["", "?", "-", "na", "n/a", "nan", "null", "none", "nil", "."];

/// What is done with cells that have no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    /// They are refused.
    Refuse,
    /// They become NaN.
    Mask,
    /// They have the value of the row before.
    Previous,
}

/// Whether a cell means that there is no value.
pub(super) fn is_gap(cell: &str) -> bool {
    GAPS.contains(&cell.to_lowercase().as_str())
}
