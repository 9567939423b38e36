//! The order of a fused scan's inputs, and so of its gradients: projected input, weights, and behind them what is given of the
//! initial state and the further numbers of each step.

use tch::Tensor;

/// Which of the inputs behind the weights there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScanInputs {
    pub(crate) initial: bool,
    pub(crate) extra: bool,
}

impl ScanInputs {
    /// The initial state and the further numbers, from the inputs behind the weights.
    pub(crate) fn optional(self, rest: &[Tensor]) -> (Option<&Tensor>, Option<&Tensor>) {
        (self.initial.then(|| &rest[0]), self.extra.then(|| &rest[usize::from(self.initial)]))
    }

    /// Whether a gradient of the further numbers is asked for.
    pub(crate) fn asks_for_extra(self, needs: &[bool]) -> bool {
        self.extra && needs[2 + usize::from(self.initial)]
    }

    /// The gradients in the order of the inputs.
    pub(crate) fn gradients(
        self,
        of_projected: Option<Tensor>,
        of_weights: Option<Tensor>,
        of_initial: Tensor,
        of_extra: Option<Tensor>,
    ) -> Vec<Option<Tensor>> {
        let mut found = vec![of_projected, of_weights];
        found.extend(self.initial.then_some(Some(of_initial)));
        found.extend(self.extra.then_some(of_extra));
        found
    }
}
