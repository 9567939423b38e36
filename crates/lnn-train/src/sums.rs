//! The sums over an epoch, kept on the device so that a step does not wait for them.

use crate::state::{ActivitySums, TrainingState};
use lnn_models::Activity;
use tch::{Device, Kind, Tensor};

/// The number of steps between two reads of the losses on CUDA, where reading a loss waits for the device.
const CUDA_STEPS_BETWEEN_READS: u64 = 50;

/// Running sums of an epoch.
pub(super) struct Sums {
    loss: Tensor,
    correct: Tensor,
    /// Sums of spike rate and mean state since the last read; `active_steps` is their number of steps.
    activity: Tensor,
    active_steps: u64,
    unread: Vec<Tensor>,
    seen: u64,
    steps_between_reads: u64,
}

impl Sums {
    /// Creates the sums of an epoch, starting from the sums in `state`.
    pub(super) fn new(device: Device, state: &TrainingState) -> Self {
        let scalar = |value: f64| Tensor::full([], value, (Kind::Double, device));
        Self {
            loss: scalar(state.loss_sum),
            correct: scalar(state.correct),
            activity: Tensor::zeros([2], (Kind::Double, device)),
            active_steps: 0,
            unread: Vec::new(),
            seen: state.seen,
            steps_between_reads: if device == Device::Cpu { 1 } else { CUDA_STEPS_BETWEEN_READS },
        }
    }

    /// Adds a step of `samples` samples.
    pub(super) fn add(
        &mut self,
        loss: &Tensor,
        correct: Option<Tensor>,
        activity: Option<&Activity>,
        samples: i64,
    ) {
        self.loss += loss.to_kind(Kind::Double) * samples;
        if let Some(correct) = correct {
            self.correct += correct;
        }
        if let Some(Activity { spike_rate, mean_state }) = activity {
            self.activity += Tensor::stack(&[spike_rate, mean_state], 0).to_kind(Kind::Double);
            self.active_steps += 1;
        }
        self.unread.push(loss.shallow_clone());
        self.seen += samples as u64;
    }

    /// Whether the sums should be read after `step` of `steps` steps.
    pub(super) fn must_read(&self, step: u64, steps: u64) -> bool {
        step == steps || self.unread.len() as u64 >= self.steps_between_reads
    }

    /// Returns the first loss since the last read that is not finite, and how many steps ago it was.
    pub(super) fn first_non_finite(&mut self) -> Option<(u64, f64)> {
        let unread = std::mem::take(&mut self.unread);
        if unread.is_empty() {
            return None;
        }
        let losses: Vec<f64> = Tensor::stack(&unread, 0).to_kind(Kind::Double).try_into().unwrap_or_default();
        let first = losses.iter().position(|loss| !loss.is_finite())?;
        Some(((losses.len() - 1 - first) as u64, losses[first]))
    }

    /// Returns the sum of the losses and the number of correct predictions.
    pub(super) fn totals(&self) -> (f64, f64) {
        (self.loss.double_value(&[]), self.correct.double_value(&[]))
    }

    /// Returns the number of processed samples.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns the activity since the last call.
    pub(super) fn take_activity(&mut self) -> ActivitySums {
        if self.active_steps == 0 {
            return ActivitySums::ZERO;
        }
        let steps = std::mem::take(&mut self.active_steps);
        let [spike_rate, mean_state] = [0, 1].map(|i| self.activity.double_value(&[i]));
        let _ = self.activity.zero_();
        ActivitySums { spike_rate, mean_state, steps }
    }
}
