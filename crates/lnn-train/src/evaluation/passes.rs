//! The passes over samples: evaluation, prediction, and the comparison with the training set.

use super::Evaluation;
use super::class_counts::{ClassCounts, Scores};
use super::coverage::{Coverage, CoverageSums};
use super::target_errors::ErrorSums;
use crate::batches::{Stream, stream_seed};
use crate::entry::Entry;
use crate::error::Error as TrainError;
use crate::input_noise::noisy;
use crate::ranks::Ranks;
use lnn_core::{Input, Per, SampleSet, Samples, seeded, steps_where};
use lnn_models::{Error, Mode, Model, Output};
use lnn_sys::Place;
use tch::{Device, Kind, Tensor};

/// The number of samples per forward pass, which bounds the memory.
const BLOCK: i64 = 500;
/// The number of features that a fixed front computes at a time, which bounds the memory where there are features for each step.
const FEATURES: i64 = 1 << 26;

/// Returns the number of samples whose features a fixed front computes at a time.
///
/// # Errors
/// Those of [`Model::front`].
pub(crate) fn block_size(model: &Model, set: &SampleSet) -> Result<i64, Error> {
    if model.readout().is_none() || set.is_empty() {
        return Ok(BLOCK);
    }
    Ok((FEATURES / features_of_one(model, set)?.max(1)).clamp(1, BLOCK))
}

/// Returns the number of features of the first sample.
///
/// # Errors
/// Those of [`Model::front`].
pub(crate) fn features_of_one(model: &Model, set: &SampleSet) -> Result<i64, Error> {
    let input = set.narrow(0, 1).to_floating(model.parameters().kind()).input;
    // Features after each step are as many at each, and a series may be long.
    let steps = if model.input().per == Per::Step { input.x.size()[1] } else { 1 };
    let input = if steps > 1 { input.map(|tensor| tensor.narrow(1, 0, 1)) } else { input };
    Ok(tch::no_grad(|| model.front(input))?.x.numel() as i64 * steps)
}

/// The number of samples that are compared with the training set.
const COMPARED: i64 = 2000;

/// Evaluates `model` on `set`, whose samples enter at `entry`; waits for the device once, at the end. Targets that training leaves out, those
/// of a washout, are left out. `progress` receives the number of samples done.
///
/// # Errors
/// Those of [`Model::run`].
pub fn evaluate(
    model: &Model,
    set: &SampleSet,
    entry: Entry,
    progress: &mut dyn FnMut(i64),
) -> Result<Evaluation, Error> {
    measure(model, set, progress, |input, _| entry.run(model, input, Mode::Evaluation))
}

/// As [`evaluate`], where each of the ranks evaluates a part of `set`; all have the scores of the whole.
///
/// # Errors
/// Those of [`evaluate`], and [`TrainError::Model`] if another rank is gone.
pub(crate) fn evaluate_among(
    ranks: &Ranks,
    model: &Model,
    set: &SampleSet,
    entry: Entry,
) -> Result<Evaluation, TrainError> {
    let mut sums = Sums::new(model, set);
    for (start, block) in own_blocks(ranks, set, BLOCK) {
        let block = block.to_floating(model.parameters().kind());
        let pass = || entry.run(model, block.input.shallow_clone(), Mode::Evaluation);
        let output = tch::no_grad(pass)?;
        sums.add(start, &output.prediction, &trained(model, &block));
    }
    sums.join(ranks)?;
    Ok(sums.means())
}

/// The blocks of `set` that this rank computes, with the place of their first samples.
pub(crate) fn own_blocks(ranks: &Ranks, set: &SampleSet, size: i64) -> impl Iterator<Item = (i64, Samples)> {
    let Place { rank, size: count } = ranks.place();
    let starts = (0..set.len()).step_by(size.max(1) as usize).skip(rank).step_by(count);
    starts.map(move |start| (start, set.narrow(start, size.min(set.len() - start))))
}

/// Names in what the samples do not look like the training set, as warnings: columns that were constant there, other units, other
/// steps of time.
///
/// # Errors
/// Those of [`Model::unfamiliar`].
pub fn unfamiliar(model: &Model, set: &SampleSet) -> Result<Vec<String>, Error> {
    let found = model.unfamiliar(&set.spread(COMPARED).input)?;
    Ok(found.into_iter().map(|text| format!("warning: {text}")).collect())
}

/// Returns the predictions of `model`, `[N, O]` or `[N, T, O]` on the CPU, for an input on any device. The samples are computed
/// in blocks, which bounds the memory.
///
/// # Errors
/// Those of [`Model::check`] and [`Model::run`].
pub fn predict(model: &Model, input: &Input) -> Result<Tensor, Error> {
    model.check(input)?;
    let (count, device) = (input.len(), model.parameters().device());
    let blocks = (0..count).step_by(BLOCK as usize).map(|start| {
        let block = input.map(|tensor| tensor.narrow(0, start, BLOCK.min(count - start)).to_device(device));
        let prediction = tch::no_grad(|| model.run(block, Mode::Evaluation))?.prediction;
        Ok(prediction.to_device(Device::Cpu))
    });
    Ok(Tensor::cat(&blocks.collect::<Result<Vec<_>, Error>>()?, 0))
}

/// Evaluates a model at its input with noise N(0, `deviation`²) added to every input value; every call adds the same noise. The
/// unit of `deviation` is the range of an image, 0 to 1, or the deviation of each feature over the training set.
///
/// # Errors
/// Those of [`Model::run`].
pub fn evaluate_with_noise(
    model: &Model,
    set: &SampleSet,
    deviation: f64,
    progress: &mut dyn FnMut(i64),
) -> Result<Evaluation, Error> {
    measure(model, set, progress, |input, start| {
        let seed = stream_seed(0, Stream::Noise, start as u64);
        model.run(seeded(seed, || noisy(model, input, deviation))?, Mode::Evaluation)
    })
}

/// Scores what `run(input, start)` predicts for the block of samples that begins at `start`, block by block.
fn measure(
    model: &Model,
    set: &SampleSet,
    progress: &mut dyn FnMut(i64),
    run: impl Fn(Input, i64) -> Result<Output, Error>,
) -> Result<Evaluation, Error> {
    let mut sums = Sums::new(model, set);
    for block in set.blocks(BLOCK) {
        let block = block.to_floating(model.parameters().kind());
        let output = tch::no_grad(|| run(block.input.shallow_clone(), sums.samples))?;
        sums.add(sums.samples, &output.prediction, &trained(model, &block));
        progress(sums.samples);
    }
    Ok(sums.means())
}

/// Evaluates `count` heads on one pass of the fixed front; `predict(features, i, mode)` returns the predictions of head i. Targets that
/// training leaves out, those of a washout, are left out. Each of the ranks computes a part of the samples; all have the scores of the
/// whole.
///
/// # Errors
/// Those of [`Model::front`] and of `predict`, and [`TrainError::Model`] if another rank is gone.
pub(crate) fn evaluate_each(
    ranks: &Ranks,
    model: &Model,
    set: &SampleSet,
    count: usize,
    predict: impl Fn(&Input, usize, Mode) -> Result<Tensor, Error>,
) -> Result<Vec<Evaluation>, TrainError> {
    let mut sums: Vec<Sums<'_>> = (0..count).map(|_| Sums::new(model, set)).collect();
    for (start, block) in own_blocks(ranks, set, block_size(model, set)?) {
        let block = block.to_floating(model.parameters().kind());
        let features = tch::no_grad(|| model.front(block.input.shallow_clone()))?;
        let block = trained(model, &block);
        for (i, sums) in sums.iter_mut().enumerate() {
            let prediction = tch::no_grad(|| predict(&features, i, Mode::Evaluation))?;
            sums.add(start, &prediction, &block);
        }
    }
    for sums in &mut sums {
        sums.join(ranks)?;
    }
    Ok(sums.iter().map(Sums::means).collect())
}

/// The samples without the targets per step that training leaves out.
fn trained(model: &Model, block: &Samples) -> Samples {
    let counts = if model.washout() > 0 { model.training_counts(block) } else { None };
    let Some(counts) = counts else { return block.shallow_clone() };
    let left_out = counts.logical_not();
    let targets = match block.targets.kind() {
        Kind::Int64 => block.targets.masked_fill(&left_out, Samples::NO_LABEL),
        _ => block.targets.masked_fill(&left_out.unsqueeze(2), f64::NAN),
    };
    Samples { input: block.input.shallow_clone(), targets }
}

/// The scores of a model over the blocks of an evaluation.
struct Sums<'a> {
    model: &'a Model,
    set: &'a SampleSet,
    /// The sum of the losses, on the device.
    loss: Tensor,
    /// The number of targets, on the device: one per sample, or one per step that counts.
    targets: Tensor,
    samples: i64,
    classes: Option<ClassCounts>,
    values: Option<ErrorSums>,
    quantiles: Option<CoverageSums>,
}

impl<'a> Sums<'a> {
    fn new(model: &'a Model, set: &'a SampleSet) -> Self {
        let sum = || Tensor::zeros([], (Kind::Double, set.device()));
        let (outputs, classified) = (model.task().outputs(), model.task().is_classification());
        let values = (!classified).then(|| ErrorSums::new(outputs, model.value_mean()));
        let classes = classified.then(|| ClassCounts::new(outputs, set.device()));
        let levels = &model.input().quantiles[..];
        let quantiles = (!levels.is_empty()).then(|| CoverageSums::new(levels));
        Self { model, set, loss: sum(), targets: sum(), samples: 0, classes, values, quantiles }
    }

    /// Adds the block of the samples that begins at `start`.
    fn add(&mut self, start: i64, prediction: &Tensor, block: &Samples) {
        let (targets, counts, count) = (&block.targets, block.counts(), block.target_count());
        let loss = self.model.loss(prediction, targets, counts.as_ref(), 0.0);
        self.loss += loss.to_kind(Kind::Double) * &count;
        let counted = |tensor: &Tensor| {
            counts.as_ref().map_or_else(|| tensor.shallow_clone(), |counts| steps_where(tensor, counts))
        };
        if let Some(classes) = &mut self.classes {
            classes.add(&counted(&prediction.argmax(-1, false)), &counted(targets));
        }
        if let Some(values) = &mut self.values {
            let last = self.set.last_values(start, block.len());
            let point = self.model.input().point(prediction);
            values.add(&counted(&point), &counted(targets), last.map(|last| counted(&last)));
        }
        if let Some(quantiles) = &mut self.quantiles {
            quantiles.add(&counted(prediction), &counted(targets));
        }
        self.targets += count;
        self.samples += block.len();
    }

    /// Adds up the sums of all ranks.
    fn join(&mut self, ranks: &Ranks) -> Result<(), TrainError> {
        if !ranks.are_several() {
            return Ok(());
        }
        ranks.sum(&mut self.loss)?;
        ranks.sum(&mut self.targets)?;
        self.samples = self.set.len();
        if let Some(classes) = &mut self.classes {
            classes.join(ranks)?;
        }
        if let Some(values) = &mut self.values {
            let last = self.set.last_values(0, 1.min(self.set.len())).is_some();
            values.join(ranks, self.set.device(), last)?;
        }
        if let Some(quantiles) = &mut self.quantiles {
            quantiles.join(ranks, self.model.task().outputs(), self.set.device())?;
        }
        ranks.settle()
    }

    /// Reads the sums from the device.
    fn means(&self) -> Evaluation {
        let mut targets =
            self.values.as_ref().map(|values| values.means(self.model.task().names())).unwrap_or_default();
        let coverage = self.quantiles.as_ref().map(CoverageSums::scores).unwrap_or_default();
        for (target, Coverage { quantiles, intervals }) in targets.iter_mut().zip(coverage) {
            (target.quantiles, target.intervals) = (quantiles, intervals);
        }
        let classes = self.classes.as_ref().map(ClassCounts::scores);
        let mean_absolute_error = if let [only] = &targets[..] { Some(only.model.mae) } else { None };
        let (accuracy, macro_accuracy, confusion) = match classes {
            Some(Scores { accuracy, macro_accuracy, confusion }) => {
                (Some(accuracy), Some(macro_accuracy), confusion)
            }
            None => (None, None, Vec::new()),
        };
        let loss = self.loss.double_value(&[]) / self.targets.double_value(&[]);
        let samples = self.samples;
        Evaluation {
            accuracy,
            macro_accuracy,
            loss,
            mean_absolute_error,
            samples,
            targets,
            confusion,
            majority_class: None,
            ridge_on_raw_values: None,
            baselines_left_out: Vec::new(),
        }
    }
}
