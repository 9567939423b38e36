//! The features of a fixed front, computed once because they do not change between epochs.

use crate::evaluation::block_size;
use lnn_core::{Input, SampleSet, Samples};
use lnn_models::{Error, Model, ReadoutFit};
use tch::Tensor;

/// Runs the fixed front of `model` over all samples and adds every block to `fit`. With `keep`, returns the features `[N, D]` as
/// samples; those after each step, `[N, T, D]`, keep their mask. `progress` receives the number of samples done.
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
    let (mut masks, mut targets) = (Vec::new(), Vec::new());
    let mut done = 0;
    for block in set.blocks(block_size(model, set)?) {
        let block = block.to_floating(model.parameters().kind());
        let features = tch::no_grad(|| model.front(block.input.shallow_clone()))?;
        if let Some(fit) = &mut fit {
            let [rows, targets] = model.readout_rows(&features, &block);
            fit.add(&rows, &targets)?;
        }
        if keep {
            let Input { x, mask, .. } = features;
            let all = kept.get_or_insert_with(|| {
                let extents: Vec<i64> =
                    std::iter::once(set.len()).chain(x.size().into_iter().skip(1)).collect();
                Tensor::empty(extents, (x.kind(), x.device()))
            });
            all.narrow(0, done, block.len()).copy_(&x);
            masks.extend(mask);
            targets.push(block.targets.shallow_clone());
        }
        done += block.len();
        progress(done);
    }
    Ok(kept.map(|features| {
        // Either all blocks have a mask or none has.
        let mask = (!masks.is_empty()).then(|| Tensor::cat(&masks, 0));
        let input = Input { mask, ..Input::new(features) };
        SampleSet::Stored(Samples { input, targets: Tensor::cat(&targets, 0) })
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
