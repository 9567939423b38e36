//! The data of a run on the device, and the features that are computed from it once.

use crate::baselines::Baselines;
use crate::batches::Augmentation;
use crate::config::RunConfig;
use crate::error::Error;
use crate::fixed_front::{feature_bytes, run_front};
use crate::method::Method;
use crate::ranks::Ranks;
use lnn_core::{InputShape, InputSpec, Matching, Per, SampleSet};
use lnn_data::{DataSource, Fingerprints, Kept, Parts, SplitRequest, usable_memory};
use lnn_models::{Checkpoint, Model, Transfer};
use tch::{Device, Tensor};

/// Progress callback: receives the name of the computation, the number of finished samples and the number of all samples.
pub type Progress<'a> = &'a mut dyn FnMut(&'static str, i64, i64);

/// The three parts of the data, on the device.
#[derive(Debug)]
pub struct RunData {
    /// What a model for this data takes and predicts.
    pub input: InputSpec,
    /// Training, validation and test.
    pub parts: Parts,
    /// Whether the run is resumed and its samples are not those that it knew.
    pub(crate) changed: bool,
    /// Remarks for the user.
    pub notices: Vec<String>,
    /// What predicts without the model; none before [`Self::find_baselines`].
    baselines: Baselines,
}

/// What the data of a run must fit.
#[derive(Debug)]
pub enum Fit<'a> {
    /// Nothing: the model is built for the data.
    New,
    /// The features of the model that the run starts from.
    Start(&'a Transfer),
    /// The model and the samples of the run that is resumed.
    Resumed {
        /// Its last checkpoint.
        last: &'a Checkpoint,
        /// Whether the run goes on where samples have changed.
        accept_changes: bool,
    },
}

/// What a model of this data takes and predicts with the loss of `config`.
pub(crate) fn to_predict(config: &RunConfig, data: InputSpec) -> InputSpec {
    let levels = if data.task.is_classification() { &[] } else { config.loss.levels() };
    InputSpec { quantiles: levels.to_vec(), ..data }
}

/// The smallest number of validation samples for which the choice of the best epoch is more than chance.
const FEW: i64 = 30;

impl RunData {
    /// Divides the data of `source` as `config` specifies, matches it by names to what it must `fit`, and moves it to `device`.
    ///
    /// # Errors
    /// [`Error::Data`] if it cannot be divided; [`Error::Configuration`] or [`Error::Model`] if it does not fit.
    pub fn new(
        config: &RunConfig,
        source: &dyn DataSource,
        fit: &Fit<'_>,
        device: Device,
    ) -> Result<Self, Error> {
        let spec = source.spec();
        let (input, matching) = match fit {
            Fit::New => (to_predict(config, spec), Matching::default()),
            Fit::Start(transfer) => (transfer.input.clone(), transfer.matching.clone()),
            Fit::Resumed { last, .. } => {
                let own = &last.description.input;
                let matching = own.matching(&spec)?;
                if !matching.is_complete() {
                    return Err(own.mismatch(&spec).into());
                }
                (own.clone(), matching)
            }
        };
        let RunConfig { validation_fraction, seed, limit, split: scheme, .. } = *config;
        let (known, accept_changes) = match fit {
            Fit::Resumed { last, accept_changes } => (known_samples(last), *accept_changes),
            Fit::New | Fit::Start(_) => (None, false),
        };
        let kept = known.as_ref().map(|fingerprints| Kept { fingerprints, accept_changes });
        let parts = source.parts(&SplitRequest { validation_fraction, seed, limit, scheme, kept })?;
        let parts = parts.map(|part| matching.apply(part));
        let mut notices = matching.remarks();
        notices.extend(parts.notices.iter().cloned());
        let [training, validating] = [&parts.train, &parts.validation].map(SampleSet::len);
        // A series with a target for each step is as good as many samples.
        let least = if input.per == Per::Step { 1 } else { 2 };
        if training < least || validating < 1 {
            return Err(Error::configuration(format!(
                "expected at least {least} samples to train on and 1 to validate on, found {training} and {validating}"
            )));
        }
        if validating < FEW {
            notices.push(format!(
                "warning: only {validating} samples are held out for validation, so the choice of the best epoch is hardly more than \
                 chance; hint: a larger validation_fraction, or more data"
            ));
        }
        match input.shape {
            InputShape::Sequences { .. } if config.augmentation != Augmentation::NONE => {
                return Err(Error::configuration(
                    "augmentation changes images, the data has sequences; hint: leave its amounts at 0",
                ));
            }
            InputShape::Sequences { .. } => {}
            InputShape::Images { height, width, .. } => {
                if let Some(problem) = config.augmentation.problem_with([height, width]) {
                    return Err(Error::configuration(format!("augmentation: {problem}")));
                }
            }
        }
        let changed = known.is_some_and(|known| known != parts.fingerprints);
        Ok(Self { input, parts: parts.to_device(device), changed, notices, baselines: Baselines::default() })
    }

    /// Fits the predictions that need no model to the training part.
    ///
    /// # Errors
    /// [`Error::Model`] if libtorch fails, for lack of memory.
    pub(crate) fn find_baselines(&mut self) -> Result<(), Error> {
        self.baselines = Baselines::fitted(&self.input, &self.parts.train, &self.parts.validation)?;
        Ok(())
    }

    /// Numbers that differ where the samples of two ranks do.
    pub(crate) fn signature(&self) -> [i64; 4] {
        let Parts { train, validation, test, fingerprints, .. } = &self.parts;
        let hashes = fingerprints.train.iter().chain(&fingerprints.validation);
        let sum = hashes.fold(0_u64, |sum, hash| sum.wrapping_mul(31).wrapping_add(*hash));
        [train.len(), validation.len(), test.len(), sum.cast_signed()]
    }

    /// What the checkpoints of the run store besides the model, see [`Checkpoint::data`]: the hashes of the samples, by which a run
    /// recognises them, and the baselines.
    pub(crate) fn stored(&self) -> Vec<(String, Tensor)> {
        self.fingerprints().into_iter().chain(self.baselines.stored()).collect()
    }

    /// What is known of the samples.
    fn fingerprints(&self) -> Vec<(String, Tensor)> {
        let Fingerprints { train, validation } = &self.parts.fingerprints;
        let tensor = |hashes: &[u64]| {
            let hashes: Vec<i64> = hashes.iter().map(|hash| hash.cast_signed()).collect();
            Tensor::from_slice(&hashes)
        };
        [(TRAIN, train), (VALIDATION, validation)].map(|(name, hashes)| (name.into(), tensor(hashes))).into()
    }

    /// For a model in which only the readout trains: fits the readout of a new run that draws its weights, and computes the
    /// features of training and validation samples once if they fit into the feature cache. Messages for the user are added to
    /// `notices`.
    pub(crate) fn prepare_features(
        &self,
        config: &RunConfig,
        model: &Model,
        new: bool,
        notices: &mut Vec<String>,
        (ranks, progress): (&Ranks, Progress<'_>),
    ) -> Result<Option<[SampleSet; 2]>, Error> {
        let Method::Gradient(method) = config.method else { return Ok(None) };
        let Some(readout) = model.readout() else {
            return match method.readout_start {
                Some(_) => Err(Error::configuration(
                    "readout_start needs a model that trains its readout alone, as lnn",
                )),
                None => Ok(None),
            };
        };
        let start = method.readout_start.as_ref();
        let mut fit = match new && config.init.is_none() && readout.must_fit(start) {
            true => Some(readout.fit(method.readout_start, model.parameters().device())?),
            false => None,
        };
        let Parts { train, validation, .. } = &self.parts;
        let samples = train.len() + validation.len();
        let bytes = feature_bytes(model, train, samples)?;
        // No cache may be larger than the memory, whatever its key says.
        let usable =
            usable_memory().filter(|_| model.parameters().device() == Device::Cpu).unwrap_or(u64::MAX);
        let fits = bytes <= method.feature_cache_mb.saturating_mul(1 << 20).min(usable);
        let noise = config.noise_of_training();
        let keep = fits && config.augmentation == Augmentation::NONE && noise.is_none();
        if !fits {
            let (need, limit) = (bytes.div_ceil(1 << 20), method.feature_cache_mb);
            let limit = match bytes > usable {
                true => format!("the {} MB that this process may use", usable >> 20),
                false => format!("feature_cache_mb = {limit}"),
            };
            notices
                .push(format!("the features take {need} MB, more than {limit}: each epoch recomputes them"));
        }
        if !keep && fit.is_none() {
            return Ok(None);
        }
        let what = "reservoir states";
        let features = run_front(ranks, model, train, fit.as_mut(), keep, noise, &mut |done| {
            progress(what, done, samples);
        })?;
        if let Some(fit) = fit {
            progress("solving the readout", train.len(), samples);
            fit.finish()?;
        }
        let Some(features) = features else { return Ok(None) };
        let validation = run_front(ranks, model, validation, None, true, None, &mut |done| {
            progress(what, train.len() + done, samples);
        })?;
        Ok(validation.map(|validation| [features, validation]))
    }
}

/// Names of the fingerprints in a checkpoint.
const TRAIN: &str = "train";
const VALIDATION: &str = "validation";

/// Returns what a checkpoint knows of the samples of its training and validation; none in those of earlier versions and where the data
/// never changes.
pub fn known_samples(checkpoint: &Checkpoint) -> Option<Fingerprints> {
    let hashes = |name: &str| {
        let (_, tensor) = checkpoint.data.iter().find(|(found, _)| found == name)?;
        let hashes = Vec::<i64>::try_from(tensor).ok()?;
        Some(hashes.into_iter().map(i64::cast_unsigned).collect::<Vec<u64>>())
    };
    let known = Fingerprints { train: hashes(TRAIN)?, validation: hashes(VALIDATION)? };
    Some(known).filter(|known| *known != Fingerprints::default())
}
