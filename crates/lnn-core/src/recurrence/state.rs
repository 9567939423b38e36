//! The state of a cell, and what a run over a sequence returns.

use tch::Tensor;

/// The state of a cell: one or more tensors `[B, H]`, the first of which is the cell's output.
#[derive(Debug)]
pub struct State(Vec<Tensor>);

impl State {
    /// A state of the given tensors, the output first.
    ///
    /// # Panics
    /// If there is no tensor.
    pub fn new(tensors: Vec<Tensor>) -> Self {
        assert!(!tensors.is_empty(), "a state has at least its output");
        Self(tensors)
    }

    /// The output of the cell, which the next layer reads, `[B, H]`.
    pub fn output(&self) -> &Tensor {
        &self.0[0]
    }

    /// All tensors, the output first.
    pub fn tensors(&self) -> &[Tensor] {
        &self.0
    }

    /// The same state without its gradient.
    pub(crate) fn detached(&self) -> Self {
        Self(self.0.iter().map(Tensor::detach).collect())
    }

    /// This state where `mask [B]` is true, and `otherwise` elsewhere.
    pub(crate) fn where_counts(&self, mask: &Tensor, otherwise: &Self) -> Self {
        let mask = mask.unsqueeze(1);
        Self(self.0.iter().zip(&otherwise.0).map(|(new, old)| new.where_self(&mask, old)).collect())
    }
}

/// The result of a scan over time.
#[derive(Debug)]
pub struct Run {
    /// The output of every step, `[B, T, H]`; see [`Cell::emit`](crate::Cell::emit).
    pub outputs: Tensor,
    /// The state after the last step.
    pub last: State,
}
