//! The data of a run, on the device, as the trainer takes it.

use super::{fetching, progress_bar};
use crate::config::RunConfig;
use crate::data::{ImageData, split};
use crate::failure::Failure;
use crate::training::{Augmentation, Samples, feature_bytes, run_front};
use lnn_models::{InputSpec, Model};
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
        let (mut train, mut validation) = split(data.train.len(), config.validation_fraction, config.seed)?;
        if let Some(limit) = config.limit.filter(|limit| *limit < data.train.len()) {
            let held_out = (limit as f64 * config.validation_fraction).round().max(1.0) as usize;
            validation.truncate(held_out);
            train.truncate(limit - held_out);
        }
        if train.len() < 2 || validation.is_empty() {
            return Err(Failure::request(format!(
                "expected at least 2 images to train on and 1 to validate on, found {} and {}",
                train.len(),
                validation.len()
            )));
        }
        let all = Samples::on(device, &data.train);
        Ok(Self {
            input: input_spec(&data),
            train: all.select(&train),
            validation: all.select(&validation),
            test: Samples::on(device, &data.test),
        })
    }
}

/// What a model for this data takes.
pub(super) fn input_spec(data: &ImageData) -> InputSpec {
    let [channels, height, width] = data.image_shape().map(|extent| extent as i64);
    InputSpec { channels, height, width, class_names: data.class_names.clone() }
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
