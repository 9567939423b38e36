//! A training step of a small network: forward, backward, optimiser.

use super::prepared::Prepared;
use crate::failure::Failure;
use lnn_core::{AdamW, AdamWConfig, Dense, Parameters};
use tch::{Device, Kind, Reduction, Tensor};

/// Adam with the defaults of PyTorch: no weight decay.
const ADAM: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };

/// The learning rate is so low that all repetitions compute the same work; a memorized batch would have vanishing gradients.
const RATE: f64 = 1e-5;

/// Number of classes of a readout.
pub(super) const CLASSES: i64 = 10;

/// Returns random labels `[batch]`.
pub(super) fn labels(batch: i64, device: Device) -> Tensor {
    lnn_core::random::randint(CLASSES, [batch], (Kind::Int64, device))
}

/// Prepares the repetition of a training step of `steps` time steps: `features()` returns `[B, D]`, from which `readout` predicts
/// the labels.
pub(super) fn prepare(
    steps: i64,
    parameters: &Parameters,
    readout: Dense,
    labels: Tensor,
    features: impl Fn() -> Result<Tensor, lnn_core::Error> + 'static,
) -> Result<Prepared, Failure> {
    let mut optimizer = AdamW::new(parameters, ADAM).map_err(of_core)?;
    let repeat = move || {
        let logits = readout.forward(&features().map_err(of_core)?);
        logits.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0).backward();
        optimizer.step(RATE).map_err(of_core)
    };
    Ok(Prepared { steps, repeat: Box::new(repeat) })
}

/// Prepares the repetition of the same computation without gradients.
pub(super) fn inference(
    steps: i64,
    readout: Dense,
    features: impl Fn() -> Result<Tensor, lnn_core::Error> + 'static,
) -> Prepared {
    let repeat = move || {
        let _ = std::hint::black_box(readout.forward(&features().map_err(of_core)?));
        Ok(())
    };
    Prepared { steps, repeat: Box::new(repeat) }
}

/// Returns the failure for an error of a layer, with the same exit code as an error of a model.
pub(super) fn of_core(error: lnn_core::Error) -> Failure {
    lnn_models::Error::from(error).into()
}
