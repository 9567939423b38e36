//! The data of a run, on the device, as the trainer takes it.

use super::{fetching, progress_bar, ridge_readout};
use crate::config::RunConfig;
use crate::data::{Dataset, split, thinned};
use crate::failure::Failure;
use crate::training::{Augmentation, Form, Samples, feature_bytes, run_front};
use lnn_models::{InputShape, InputSpec, Model};
use tch::Device;

/// The three parts of the data on the device.
pub(super) struct RunData {
    pub(super) input: InputSpec,
    pub(super) train: Samples,
    pub(super) validation: Samples,
    pub(super) test: Samples,
}

impl RunData {
    pub(super) fn open(config: &RunConfig, device: Device) -> Result<Self, Failure> {
        let data = fetching::open(&config.data)?;
        let input = data.input_spec();
        let fraction = config.validation_fraction;
        // How many of the limit are held out.
        let held_out = |limit: usize| (limit as f64 * fraction).round().max(1.0) as usize;
        let parts = match &data {
            Dataset::Images(data) => {
                let (mut train, mut validation) = split(data.train.len(), fraction, config.seed)?;
                if let Some(limit) = config.limit.filter(|limit| *limit < data.train.len()) {
                    validation = thinned(&validation, held_out(limit));
                    train = thinned(&train, limit - held_out(limit));
                }
                let all = Samples::of_images(&data.train, device);
                [all.select(&train), all.select(&validation), Samples::of_images(&data.test, device)]
            }
            Dataset::Sequences(data) => {
                let mut parts = data.parts(fraction)?;
                if let Some(limit) = config.limit {
                    parts.validation.truncate(held_out(limit));
                    parts.train.truncate(limit - held_out(limit));
                }
                [parts.train, parts.validation, parts.test].map(|set| Samples::of_sequences(&set, device))
            }
        };
        let [train, validation, test] = parts;
        if train.len() < 2 || validation.is_empty() {
            return Err(Failure::request(format!(
                "expected at least 2 samples to train on and 1 to validate on, found {} and {}",
                train.len(),
                validation.len()
            )));
        }
        if train.form == Form::Sequences && config.augmentation != Augmentation::NONE {
            return Err(Failure::request(
                "augmentation changes images, the data has sequences; hint: leave its amounts at 0",
            ));
        }
        if let InputShape::Images { height, width, .. } = input.shape
            && let Some(problem) = config.augmentation.problem_with([height, width])
        {
            return Err(Failure::request(format!("augmentation: {problem}")));
        }
        Ok(Self { input, train, validation, test })
    }
}

/// The test samples of a data set.
pub(super) fn test_samples(data: &Dataset, device: Device) -> Result<Samples, Failure> {
    Ok(match data {
        Dataset::Images(data) => Samples::of_images(&data.test, device),
        // Where validation begins does not move the test.
        Dataset::Sequences(data) => Samples::of_sequences(&data.parts(0.5)?.test, device),
    })
}

/// Where nothing before the readout trains: fits the readout of a new run that draws its weights, and computes the
/// features of training and validation once, if they may be kept. What a user should know of it joins `notices`.
pub(super) fn prepare_features(
    config: &RunConfig,
    data: &RunData,
    model: &Model,
    new: bool,
    notices: &mut Vec<String>,
) -> Result<Option<[Samples; 2]>, Failure> {
    if ridge_readout::asked(config) {
        return Ok(None);
    }
    let Some(readout) = model.readout() else {
        return match config.readout_start {
            Some(_) => {
                Err(Failure::request("readout_start needs a model that trains its readout alone, as lnn"))
            }
            None => Ok(None),
        };
    };
    let start = config.readout_start.as_ref();
    let mut fit = match new && config.init.is_none() && readout.must_fit(start) {
        true => Some(readout.fit(config.readout_start, model.parameters().device())?),
        false => None,
    };
    let bytes = feature_bytes(model, &data.train, data.train.len() + data.validation.len())?;
    let fits = bytes <= config.feature_cache_mb << 20;
    let keep = fits && config.augmentation == Augmentation::NONE;
    if !fits {
        let (need, limit) = (bytes.div_ceil(1 << 20), config.feature_cache_mb);
        let text = format!(
            "the features take {need} MB, more than feature_cache_mb = {limit}: each epoch recomputes them"
        );
        notices.push(text);
    }
    if !keep && fit.is_none() {
        return Ok(None);
    }
    let bar = progress_bar("reservoir states", (data.train.len() + data.validation.len()) as u64);
    let train = run_front(model, &data.train, fit.as_mut(), keep, &mut |done| bar.set_position(done as u64))?;
    if let Some(fit) = fit {
        bar.set_message("solving the readout");
        fit.finish()?;
    }
    let Some(train) = train else { return Ok(None) };
    let done = data.train.len();
    let progress = &mut |images| bar.set_position((done + images) as u64);
    let validation = run_front(model, &data.validation, None, true, progress)?;
    bar.finish_and_clear();
    Ok(validation.map(|validation| [train, validation]))
}
