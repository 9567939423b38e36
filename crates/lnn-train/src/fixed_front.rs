//! The features of a fixed front, computed once because they do not change between epochs.

use crate::batches::{Stream, stream_seed};
use crate::error::Error as TrainError;
use crate::evaluation::{block_size, features_of_one, own_blocks};
use crate::input_noise::noisy;
use crate::ranks::Ranks;
use lnn_core::{Input, SampleSet, Samples, seeded};
use lnn_models::{Error, Model, ReadoutFit};
use tch::{Kind, Tensor};

/// Runs the fixed front of `model` over all samples and adds every block to `fit`. With `keep`, returns the features `[N, D]` as
/// samples; those after each step, `[N, T, D]`, have the mask of their steps. Without it each of the ranks runs it over a part of the
/// samples, and `fit` has seen all of them afterwards. With `noise`, a deviation and the seed of a run, the input is [noisy]. `progress`
/// receives the number of samples done.
///
/// # Errors
/// Those of [`Model::front`] and [`ReadoutFit::add`], and [`TrainError::Model`] if another rank is gone.
pub(crate) fn run_front(
    ranks: &Ranks,
    model: &Model,
    set: &SampleSet,
    mut fit: Option<&mut ReadoutFit<'_>>,
    keep: bool,
    noise: Option<(f64, u64)>,
    progress: &mut dyn FnMut(i64),
) -> Result<Option<SampleSet>, TrainError> {
    let size = block_size(model, set)?;
    let mut kept: Option<Kept> = None;
    let mut done = 0;
    // Features that are kept are those of all samples, because another epoch gives this rank others of them.
    let alone = Ranks::default();
    let computing = if keep { &alone } else { ranks };
    for (start, block) in own_blocks(computing, set, size) {
        let block = block.to_floating(model.parameters().kind());
        let mut input = block.input.shallow_clone();
        if let Some((deviation, seed)) = noise {
            let seed = stream_seed(seed, Stream::InputNoise, start as u64);
            input = seeded(seed, || noisy(model, input, deviation)).map_err(Error::from)?;
        }
        let features = tch::no_grad(|| model.front(input))?;
        if let Some(fit) = &mut fit {
            let [rows, targets] = model.readout_rows(&features, &block);
            fit.add(&rows, &targets)?;
        }
        if keep {
            let kept = kept.get_or_insert_with(|| Kept::new(set, size, &features.x, &block.targets));
            kept.put(done, &features, &block.targets);
        }
        done += block.len();
        progress(done);
    }
    if let Some(fit) = fit.filter(|_| computing.are_several()) {
        let places = [ranks.place().rank, ranks.place().size].map(|number| number as i64);
        fit.join(places, model.parameters().device(), &mut |tensor| ranks.sum(tensor))?;
    }
    Ok(kept.map(Kept::into_samples))
}

/// Features with their targets, which are filled block by block.
struct Kept {
    /// `[N, D]`, or after each step `[N, T, D]` with T the longest sequence.
    features: Tensor,
    targets: Tensor,
    /// `[N, T]`: the steps that count, of features after each step.
    counts: Option<Tensor>,
}

impl Kept {
    /// Room for the features of `set`, which comes in blocks of `size` samples, like those of one block.
    fn new(set: &SampleSet, size: i64, features: &Tensor, targets: &Tensor) -> Self {
        let per_step = features.dim() == 3;
        let longest = || set.blocks(size).map(|block| block.input.x.size()[1]).max().unwrap_or(0);
        let steps: Vec<i64> = per_step.then(longest).into_iter().collect();
        let extents = |like: &Tensor| [&[set.len()], &steps[..], &like.size()[1 + steps.len()..]].concat();
        let options = (features.kind(), features.device());
        // A step behind the end of a sequence has no target.
        let nothing = if targets.kind() == Kind::Int64 { Samples::NO_LABEL as f64 } else { f64::NAN };
        Self {
            features: Tensor::zeros(extents(features), options),
            targets: Tensor::full(extents(targets), nothing, (targets.kind(), targets.device())),
            counts: steps
                .first()
                .map(|longest| Tensor::zeros([set.len(), *longest], (Kind::Bool, features.device()))),
        }
    }

    /// Puts a block behind the first `done` samples.
    fn put(&mut self, done: i64, features: &Input, targets: &Tensor) {
        let samples = features.len();
        let Some(counts) = &self.counts else {
            self.features.narrow(0, done, samples).copy_(&features.x);
            self.targets.narrow(0, done, samples).copy_(targets);
            return;
        };
        let steps = features.x.size()[1];
        let place = |all: &Tensor| all.narrow(0, done, samples).narrow(1, 0, steps);
        place(&self.features).copy_(&features.x);
        place(&self.targets).copy_(targets);
        let all = Tensor::ones([samples, steps], (Kind::Bool, counts.device()));
        place(counts).copy_(features.mask.as_ref().unwrap_or(&all));
    }

    fn into_samples(self) -> SampleSet {
        let mask = self.counts.filter(|counts| counts.all().int64_value(&[]) == 0);
        let input = Input { mask, ..Input::new(self.features) };
        SampleSet::Stored(Samples { input, targets: self.targets })
    }
}

/// Returns the number of bytes of the features of `count` samples.
///
/// # Errors
/// Those of [`Model::front`].
pub(crate) fn feature_bytes(model: &Model, set: &SampleSet, count: i64) -> Result<u64, Error> {
    let width = model.parameters().kind().elt_size_in_bytes();
    Ok(features_of_one(model, set)? as u64 * width as u64 * count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::{Per, Rows, Windows};
    use tch::Device;

    #[test]
    fn features_of_sequences_of_unequal_lengths_are_kept_with_the_mask_of_their_steps() {
        let row = Tensor::arange(14, (Kind::Float, Device::Cpu)).unsqueeze(1);
        let rows = Rows { features: row.shallow_clone(), dt: None, targets: row, per: Per::Step };
        // The blocks of two have three steps, then five.
        let series = [[0, 3], [3, 6], [6, 11], [11, 14]];
        let set = SampleSet::Windows(Windows::whole(&rows, &series, 0).unwrap());
        let mut kept: Option<Kept> = None;
        for (i, block) in set.blocks(2).enumerate() {
            let kept = kept.get_or_insert_with(|| Kept::new(&set, 2, &block.input.x, &block.targets));
            kept.put(2 * i as i64, &block.input, &block.targets);
        }
        let whole = set.narrow(0, 4);
        let SampleSet::Stored(found) = kept.unwrap().into_samples() else { panic!("they are stored") };
        assert_eq!(found.input.x.size(), [4, 5, 1]);
        assert_eq!(found.counts(), whole.counts());
        let counted = |samples: &Samples| samples.input.counted_steps(&samples.targets);
        assert_eq!(counted(&found), counted(&whole));
        assert_eq!(found.input.counted_steps(&found.input.x), whole.input.counted_steps(&whole.input.x));
    }
}
