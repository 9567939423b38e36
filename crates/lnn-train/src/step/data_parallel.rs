//! A training step of several ranks: each computes the gradients of its share of the batch, and all take the step of the whole batch.
//!
//! ```text
//! L = Σ w L_r / W      dL/dp = Σ w dL_r/dp / W      W = Σ w
//! ```
//! `L_r` is the mean loss of the targets of rank r, and w their weight: their number, or the sum of the weights of their classes. So the loss
//! is that of the whole batch, however uneven the shares are. The gradients of w `L_r` lie one after the other in one flat tensor, with the
//! weight and the sums of the step behind them, and one all-reduce adds them up.

use super::descent::{Descent, Pass};
use super::{Step, StepResult};
use crate::error::Error;
use crate::ranks::Ranks;
use lnn_core::{Samples, Share, SharedBatch, sharing_batches};
use lnn_models::{Activity, Mode};
use tch::{Device, Kind, Tensor};

/// Runs every step operation by operation, with gradients that are summed over the ranks.
#[derive(Debug)]
pub(crate) struct DataParallel {
    ranks: Ranks,
    /// Whether batches are normalised over all ranks.
    sync_batch_norm: bool,
    /// Whether the ranks are known to have gradients of the same number of weights.
    agreed: bool,
}

impl DataParallel {
    /// Steps of `ranks`.
    pub(crate) fn new(ranks: Ranks, sync_batch_norm: bool) -> Self {
        Self { ranks, sync_batch_norm, agreed: false }
    }

    /// The processes that share a batch, if it is normalised over them.
    fn shared(&self, device: Device, counts: bool) -> Option<SharedBatch> {
        let group = self.ranks.group(device).filter(|_| self.sync_batch_norm)?;
        Some(SharedBatch { group, counts })
    }

    /// Replaces the gradients by those of the whole batch, and returns the sums over the ranks of `tallies [M]`, the first of which is the
    /// weight of the gradients.
    fn reduce(&mut self, descent: &Descent<'_>, tallies: &Tensor) -> Result<Tensor, Error> {
        let trainable = descent.model.parameters().trainable();
        let mut gradients: Vec<Tensor> = trainable.iter().map(Tensor::grad).filter(Tensor::defined).collect();
        let kind = descent.model.parameters().kind();
        let flat = gradients.iter().map(|gradient| gradient.reshape([-1]));
        let flat: Vec<Tensor> = flat.chain([tallies.to_kind(kind)]).collect();
        let lengths: Vec<i64> = flat.iter().map(|part| part.size()[0]).collect();
        if !std::mem::replace(&mut self.agreed, true) {
            let numbers: i64 = lengths.iter().sum();
            self.ranks.agree(
                "number of tensors with gradients, and of their elements",
                &[lengths.len() as i64, numbers],
            )?;
        }
        let mut flat = tch::no_grad(|| Tensor::f_cat(&flat, 0)).map_err(lnn_core::Error::from)?;
        self.ranks.sum(&mut flat)?;
        let parts = flat.split_with_sizes(lengths, 0);
        let sums = parts[gradients.len()].to_kind(Kind::Double);
        let weight = sums.get(0);
        // Where nothing counts, all gradients are 0.
        let factor = (&weight + weight.le(0.0)).reciprocal().to_kind(kind);
        tch::no_grad(|| {
            for (gradient, sum) in gradients.iter_mut().zip(&parts) {
                gradient.copy_(&(sum * &factor).view_as(gradient));
            }
        });
        Ok(sums)
    }
}

impl Step for DataParallel {
    fn take(
        &mut self,
        descent: &mut Descent<'_>,
        batch: &Samples,
        share: Share,
    ) -> Result<StepResult, Error> {
        let counts = share.count > 0;
        let shared = self.shared(batch.targets.device(), counts);
        let pass = sharing_batches(shared, || descent.forward(batch, Mode::Training))?;
        let part = if counts { 1.0 } else { 0.0 };
        let weight = descent.loss_weight(batch, &pass) * part;
        (&pass.loss * weight.to_kind(pass.loss.kind())).backward();
        let sums = self.reduce(descent, &tallies(&pass, &descent.reported(batch, &pass), &weight, share))?;
        descent.descend()?;
        let (targets, samples) = (sums.get(1).clamp_min(1.0), share.total as f64);
        let correct = pass.correct.map(|_| sums.get(3) * samples / &targets);
        let activity = pass
            .activity
            .map(|_| Activity { spike_rate: sums.get(4) / samples, mean_state: sums.get(5) / samples });
        Ok(StepResult { loss: sums.get(2) / &targets, correct, activity, norms: None })
    }

    fn network_changed(&mut self) {
        self.agreed = false;
    }
}

/// The sums of a step in this rank, `[6]`: the weight of its gradients, the number of its targets, the sum of their reported losses, the
/// number of those that are right, and the sums over samples of spike rate and mean state.
fn tallies(pass: &Pass, reported: &Tensor, weight: &Tensor, share: Share) -> Tensor {
    let zero = Tensor::zeros([], (Kind::Double, weight.device()));
    let part = if share.count > 0 { 1.0 } else { 0.0 };
    let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
    let targets = &pass.targets * part;
    let correct =
        pass.correct.as_ref().map_or_else(|| zero.shallow_clone(), |correct| double(correct) * part);
    let [spike_rate, mean_state] = match &pass.activity {
        Some(Activity { spike_rate, mean_state }) => {
            [spike_rate, mean_state].map(|mean| double(mean) * share.count as f64)
        }
        None => [&zero, &zero].map(Tensor::shallow_clone),
    };
    Tensor::stack(
        &[
            weight.shallow_clone(),
            targets.shallow_clone(),
            double(reported) * targets,
            correct,
            spike_rate,
            mean_state,
        ],
        0,
    )
}
