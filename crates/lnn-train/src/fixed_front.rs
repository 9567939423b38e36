//! The features of a fixed front, computed once because they do not change between epochs.

use crate::evaluation::BLOCK;
use lnn_core::{Input, SampleSet, Samples};
use lnn_models::{Error, Model, ReadoutFit};
use tch::Tensor;

/// Runs the fixed front of `model` over all samples and adds every block to `fit`. With `keep`, returns the features `[N, D]` as
/// samples. `progress` receives the number of samples done.
///
/// # Errors
/// Those of [`Model::front`] and [`ReadoutFit::add`].
pub(crate) fn run_front(
    model: &Model,
    set: &SampleSet,
    mut fit: Option<&mut ReadoutFit<'_>>,
    keep: bool,
    progress: &mut dyn FnMut(i64),
) -> Result<Option<SampleSet>, Error> {
    let mut kept: Option<Tensor> = None;
    let mut targets = Vec::new();
    let mut done = 0;
    for block in set.blocks(BLOCK) {
        let block = block.to_floating(model.parameters().kind());
        let features = tch::no_grad(|| model.front(block.input.shallow_clone()))?.x;
        if let Some(fit) = &mut fit {
            fit.add(&features, &block.targets)?;
        }
        if keep {
            let all = kept.get_or_insert_with(|| {
                Tensor::empty([set.len(), features.size()[1]], (features.kind(), features.device()))
            });
            all.narrow(0, done, block.len()).copy_(&features);
            targets.push(block.targets.shallow_clone());
        }
        done += block.len();
        progress(done);
    }
    Ok(kept.map(|features| {
        SampleSet::Stored(Samples { input: Input::new(features), targets: Tensor::cat(&targets, 0) })
    }))
}

/// Returns the number of bytes of the features of `count` samples.
///
/// # Errors
/// Those of [`Model::front`].
pub(crate) fn feature_bytes(model: &Model, set: &SampleSet, count: i64) -> Result<u64, Error> {
    let one = tch::no_grad(|| model.front(set.narrow(0, 1).input))?.x;
    let width = one.kind().elt_size_in_bytes();
    Ok(one.numel() as u64 * width as u64 * count as u64)
}
