//! Loss and accuracy of a model on labelled samples.

use super::Samples;
use lnn_models::{Error, Model};
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

/// How many images are evaluated at once: bounds the memory.
const BLOCK: i64 = 500;

/// What an evaluation gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Part of the images that were classified correctly.
    pub accuracy: f64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// How many images there were.
    pub images: i64,
}

/// Evaluates `model` on `set`; waits for the device once, at the end. `progress` hears of the samples done.
///
/// # Errors
/// Those of [`Samples::logits`].
pub fn evaluate(model: &Model, set: &Samples, progress: &mut dyn FnMut(i64)) -> Result<Evaluation, Error> {
    let options = (Kind::Double, set.inputs.device());
    let (mut loss, mut correct) = (Tensor::zeros([], options), Tensor::zeros([], options));
    let mut done = 0;
    for block in set.blocks(BLOCK) {
        let logits = tch::no_grad(|| block.logits(model, None))?;
        let block_loss = logits.cross_entropy_loss::<Tensor>(&block.labels, None, Reduction::Sum, -100, 0.0);
        loss += block_loss.to_kind(Kind::Double);
        correct += logits.argmax(1, false).eq_tensor(&block.labels).sum(Kind::Double);
        done += block.len();
        progress(done);
    }
    let images = set.len() as f64;
    Ok(Evaluation {
        accuracy: correct.double_value(&[]) / images,
        loss: loss.double_value(&[]) / images,
        images: set.len(),
    })
}
