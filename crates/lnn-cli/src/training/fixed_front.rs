//! A fixed front is computed once: its features depend on the image alone, not on the epoch.

use super::{Form, Samples};
use lnn_models::{Error, Model, ReadoutFit};
use tch::{Kind, Tensor};

/// How many images are computed at once: bounds the memory.
const BLOCK: i64 = 500;

/// Runs the fixed front of `model` over all samples, lets `fit` see every block, and, if `keep`, gives the features back
/// as samples. `progress` hears of the images done.
///
/// # Errors
/// Those of [`Model::front`] and [`ReadoutFit::add`].
pub fn run_front(
    model: &Model,
    images: &Samples,
    mut fit: Option<&mut ReadoutFit<'_>>,
    keep: bool,
    progress: &mut dyn FnMut(i64),
) -> Result<Option<Samples>, Error> {
    let mut kept: Option<Tensor> = None;
    let mut done = 0;
    for block in images.blocks(BLOCK) {
        let features = tch::no_grad(|| model.front(block.input()))?.x;
        if let Some(fit) = &mut fit {
            fit.add(&features, &block.targets)?;
        }
        if keep {
            let all = kept.get_or_insert_with(|| {
                Tensor::empty([images.len(), features.size()[1]], (Kind::Float, features.device()))
            });
            all.narrow(0, done, block.len()).copy_(&features);
        }
        done += block.len();
        progress(done);
    }
    let targets = || images.targets.shallow_clone();
    Ok(kept.map(|inputs| Samples { inputs, dt: None, targets: targets(), form: Form::Features }))
}

/// Bytes that the features of `images` images take.
///
/// # Errors
/// Those of [`Model::front`].
pub fn feature_bytes(model: &Model, images: &Samples, count: i64) -> Result<u64, Error> {
    let one = tch::no_grad(|| model.front(images.select(&[0]).input()))?.x;
    Ok(one.numel() as u64 * 4 * count as u64)
}
