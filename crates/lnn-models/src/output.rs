//! What a forward pass is for, and what it returns.

use tch::{Kind, Tensor};

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prediction: no dropout, running statistics.
    Evaluation,
    /// A training step: dropout is applied, and batches are normalised by their own statistics.
    Training,
    /// A training step that also returns the sequence that enters the recurrent part, with gradients.
    Traced,
}

impl Mode {
    /// Whether the parts of a network behave as in training.
    pub fn training(self) -> bool {
        self != Self::Evaluation
    }

    /// The sequence that enters a recurrent part whose weights have dtype `kind`: of that dtype, also where mixed precision has
    /// made it shorter, and collecting gradients if it is to be traced.
    pub(crate) fn trace(self, sequence: &Tensor, kind: Kind) -> Tensor {
        let sequence = sequence.to_kind(kind);
        if self == Self::Traced && !sequence.requires_grad() {
            return sequence.detach().set_requires_grad(true);
        }
        sequence
    }
}

/// What a model returns for a batch.
#[derive(Debug)]
pub struct Output {
    /// Logits `[B, classes]` or values `[B, O]`.
    pub prediction: Tensor,
    /// The activity of a spiking reservoir.
    pub activity: Option<Activity>,
    /// The sequence `[B, T, I]` that entered the recurrent part, if the pass was [traced](Mode::Traced). The gradient of the loss
    /// with respect to it shows how much of the error reaches each step.
    pub steps: Option<Tensor>,
}

impl Output {
    pub(crate) fn new(prediction: Tensor) -> Self {
        Self { prediction, activity: None, steps: None }
    }

    pub(crate) fn traced(self, mode: Mode, sequence: &Tensor) -> Self {
        let steps = (mode == Mode::Traced).then(|| sequence.shallow_clone());
        Self { steps, ..self }
    }
}

/// Means over the batch, the steps and the active units, as scalars on the device.
#[derive(Debug)]
pub struct Activity {
    /// Spikes per unit and step, in 0..1.
    pub spike_rate: Tensor,
    /// Absolute value of the membrane.
    pub mean_state: Tensor,
}

impl Activity {
    /// The activity of membranes and spikes, both `[B, T, N]`.
    pub(crate) fn of(membranes: &Tensor, spikes: &Tensor) -> Self {
        let mean = |tensor: Tensor| tensor.detach().mean(Kind::Float);
        Self { spike_rate: mean(spikes.shallow_clone()), mean_state: mean(membranes.detach().abs()) }
    }
}
