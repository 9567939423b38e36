//! Noise on the input of a model, in training and in tests.

use lnn_core::{Input, random};
use lnn_models::Model;

/// The input with noise N(0, `deviation`²) added to every value, drawn from the generator that [`seeded`](lnn_core::seeded) sets. The unit of
/// `deviation` is the range of an image, 0 to 1, or the deviation of each feature over the training set.
pub(crate) fn noisy(model: &Model, input: Input, deviation: f64) -> Input {
    let mut noise = random::randn_like(&input.x) * deviation;
    if let Some(unit) = model.feature_deviation() {
        noise *= unit;
    }
    // Not in place: the input may share its memory with the samples.
    Input { x: &input.x + noise, ..input }
}
