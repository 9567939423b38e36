//! The state of a model between two steps.

use crate::error::Error;
use tch::Tensor;

/// What a model carries from one step to the next: the same list of tensors as the methods `sequence` and `step` of its
/// exported module take and return.
///
/// For recurrent networks it holds the state of each layer, `[B, H]` each, then, where the readout sees the mean, the sum of the
/// states `[B, H]` and the number of steps `[B, 1]`. For spiking networks it holds membranes and spikes, the sums of both, the
/// number of steps and, where changes are encoded, the step before.
#[derive(Debug)]
pub struct ModelState(Vec<Tensor>);

impl ModelState {
    /// A state of the given tensors, as [`tensors`](Self::tensors) returned them.
    pub fn new(tensors: Vec<Tensor>) -> Self {
        Self(tensors)
    }

    /// The tensors, in the order of the exported module.
    pub fn tensors(&self) -> &[Tensor] {
        &self.0
    }

    /// Refuses a state that is not one of `expected`'s shapes, which is the state before the first step.
    ///
    /// # Errors
    /// [`Error::State`].
    pub(crate) fn check(&self, expected: &Self) -> Result<(), Error> {
        let describe = |state: &Self| -> Vec<_> {
            state.0.iter().map(|tensor| (tensor.size(), tensor.kind(), tensor.device())).collect()
        };
        let (expected, found) = (describe(expected), describe(self));
        if expected == found {
            return Ok(());
        }
        let text = |tensors: &[(Vec<i64>, tch::Kind, tch::Device)]| {
            let each = tensors.iter().map(|(size, kind, device)| format!("{kind:?} {size:?} on {device:?}"));
            each.collect::<Vec<_>>().join(", ")
        };
        Err(Error::State { expected: text(&expected), found: text(&found) })
    }
}
