//! Noise on the input of a model, in training and in tests.

use lnn_core::random::{f_randn, of_share};
use lnn_core::{Error, Input};
use lnn_models::Model;

/// The input with noise N(0, `deviation`²) added to every value, drawn from the generator that [`seeded`](lnn_core::seeded) sets. The unit of
/// `deviation` is the range of an image, 0 to 1, or the deviation of each feature over the training set.
///
/// # Errors
/// [`Error::Torch`] or [`Error::Sys`] if libtorch throws, for lack of memory.
pub(crate) fn noisy(model: &Model, input: Input, deviation: f64) -> Result<Input, Error> {
    let size = input.x.size();
    let options = (input.x.kind(), input.x.device());
    // Of a batch that several processes share, each takes the noise of its samples.
    let drawn = of_share(size[0], 0, |samples| f_randn([&[samples], &size[1..]].concat(), options))?;
    let mut noise = drawn * deviation;
    if let Some(unit) = model.feature_deviation() {
        noise *= unit;
    }
    // Not in place: the input may share its memory with the samples.
    Ok(Input { x: &input.x + noise, ..input })
}
