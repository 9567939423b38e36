//! The order of a fused scan's inputs, and so of its gradients: projected input, weights, and behind them the initial state and
//! the further numbers of each step, as far as they are given.

use lnn_sys::PassError;
use tch::Tensor;

/// Which inputs there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScanInputs {
    /// H: the width of the cell's output.
    pub(crate) units: usize,
    /// Number of matrices.
    pub(crate) weights: usize,
    pub(crate) initial: bool,
    pub(crate) extra: bool,
}

/// The inputs behind the projected one.
pub(crate) struct Behind<'a> {
    /// `[N, M]` each.
    pub(crate) weights: &'a [Tensor],
    /// `[B, E H]`
    pub(crate) initial: Option<&'a Tensor>,
    /// `[T, B, N]`, or `[1, 1, N]` if it is the same for all steps and samples.
    pub(crate) extra: Option<&'a Tensor>,
}

impl ScanInputs {
    /// Names the inputs behind the projected one.
    pub(crate) fn behind(self, tensors: &[Tensor]) -> Result<Behind<'_>, PassError> {
        let expected = self.weights + usize::from(self.initial) + usize::from(self.extra);
        if tensors.len() != expected {
            return Err(format!("expected {expected} tensors of a scan, found {}", tensors.len()).into());
        }
        let (weights, rest) = tensors.split_at(self.weights);
        let initial = self.initial.then(|| &rest[0]);
        Ok(Behind { weights, initial, extra: self.extra.then(|| &rest[usize::from(self.initial)]) })
    }

    /// Whether the gradient of the further numbers is asked for.
    pub(crate) fn asks_for_extra(self, needs: &[bool]) -> bool {
        self.extra && needs[1 + self.weights + usize::from(self.initial)]
    }

    /// The gradients in the order of the inputs.
    pub(crate) fn gradients(
        self,
        of_projected: Option<Tensor>,
        of_weights: Vec<Option<Tensor>>,
        of_initial: Tensor,
        of_extra: Option<Tensor>,
    ) -> Vec<Option<Tensor>> {
        let mut found = vec![of_projected];
        found.extend(of_weights);
        found.extend(self.initial.then_some(Some(of_initial)));
        found.extend(self.extra.then_some(of_extra));
        found
    }
}
