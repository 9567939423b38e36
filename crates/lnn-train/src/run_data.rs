//! The data of a run on the device, and the features that are computed from it once.

use crate::batches::Augmentation;
use crate::config::RunConfig;
use crate::error::Error;
use crate::fixed_front::{feature_bytes, run_front};
use crate::method::Method;
use lnn_core::{InputShape, InputSpec, SampleSet};
use lnn_data::{DataSource, Parts, SplitRequest, usable_memory};
use lnn_models::Model;
use tch::Device;

/// Progress callback: receives the name of the computation, the number of finished samples and the number of all samples.
pub type Progress<'a> = &'a mut dyn FnMut(&'static str, i64, i64);

/// The three parts of the data, on the device.
#[derive(Debug)]
pub struct RunData {
    /// What a model for this data takes and predicts.
    pub input: InputSpec,
    /// Training, validation and test.
    pub parts: Parts,
}

impl RunData {
    /// Divides the data of `source` as `config` specifies, and moves it to `device`.
    ///
    /// # Errors
    /// [`Error::Data`] if it cannot be divided; [`Error::Configuration`] if it does not fit the configuration.
    pub fn new(config: &RunConfig, source: &dyn DataSource, device: Device) -> Result<Self, Error> {
        let input = source.spec();
        let RunConfig { validation_fraction, seed, limit, .. } = *config;
        let parts = source.parts(&SplitRequest { validation_fraction, seed, limit })?;
        let [training, validating] = [&parts.train, &parts.validation].map(SampleSet::len);
        if training < 2 || validating < 1 {
            return Err(Error::configuration(format!(
                "expected at least 2 samples to train on and 1 to validate on, found {training} and {validating}"
            )));
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
        Ok(Self { input, parts: parts.to_device(device) })
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
        progress: Progress<'_>,
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
        let keep = fits && config.augmentation == Augmentation::NONE;
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
        let features =
            run_front(model, train, fit.as_mut(), keep, &mut |done| progress(what, done, samples))?;
        if let Some(fit) = fit {
            progress("solving the readout", train.len(), samples);
            fit.finish()?;
        }
        let Some(features) = features else { return Ok(None) };
        let validation = run_front(model, validation, None, true, &mut |done| {
            progress(what, train.len() + done, samples);
        })?;
        Ok(validation.map(|validation| [features, validation]))
    }
}
