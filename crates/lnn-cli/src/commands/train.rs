//! `lnn-cli train`.

use super::{fetching, prepare};
use crate::args::{ModelName, TrainArguments};
use crate::config::RunConfig;
use crate::data::{ImageData, split};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::observers::{JsonLines, MetricsFile, Observers, Terminal};
use crate::run_folder::RunFolder;
use crate::training::{
    Augmentation, Event, Outcome, Samples, Started, TrainError, Trainer, TrainingState, evaluate,
    feature_bytes, run_front,
};
use crate::{device, settings};
use lnn_core::Role;
use lnn_models::{Checkpoint, InputSpec, Model};
use tch::Device;

pub(super) fn run(arguments: &TrainArguments) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    let device = prepare(&arguments.compute)?;
    match (&arguments.resume, arguments.model) {
        (Some(run), _) => {
            let (folder, mut config) = RunFolder::open(run)?;
            config.epochs = arguments.epochs.unwrap_or(config.epochs);
            config.validate()?;
            let data = Data::open(&config, device)?;
            let last = folder.last();
            if !last.exists() {
                // Killed before its first checkpoint: the run starts from its configuration.
                let model = new_model(&config, &data, device)?;
                return train(arguments, &config, &folder, &data, &model, None, &interrupt);
            }
            let checkpoint = Checkpoint::load(&last)?;
            data.input.check_same(&checkpoint.description.input)?;
            let state: TrainingState = serde_json::from_value(checkpoint.description.training.clone())
                .map_err(|error| {
                    Failure::request(format!("{}: its training state: {error}", last.display()))
                })?;
            let model = checkpoint.model(device)?;
            train(arguments, &config, &folder, &data, &model, Some((state, &checkpoint)), &interrupt)
        }
        (None, Some(name)) => {
            let config = configure(name, arguments)?;
            let data = Data::open(&config, device)?;
            let model = new_model(&config, &data, device)?;
            let preset = serde_json::to_value(config.preset).expect("a preset is a word");
            let name = format!("{}-{}", config.model.name(), preset.as_str().unwrap_or_default());
            let folder = RunFolder::create(arguments.out.as_deref(), &name, &config)?;
            train(arguments, &config, &folder, &data, &model, None, &interrupt)
        }
        (None, None) => Err(Failure::request("expected --model or --resume, found neither")),
    }
}

/// Preset, then file, then `--set`, then the flags of their own.
fn configure(name: ModelName, arguments: &TrainArguments) -> Result<RunConfig, Failure> {
    let mut config = RunConfig::preset(name.into(), arguments.preset.into());
    if let Some(path) = &arguments.config {
        config = settings::apply_file(&config, path)?;
    }
    for assignment in &arguments.set {
        config = settings::apply_assignment(&config, assignment)?;
    }
    config.data = arguments.data.clone().unwrap_or(config.data);
    config.epochs = arguments.epochs.unwrap_or(config.epochs);
    config.batch_size = arguments.batch_size.unwrap_or(config.batch_size);
    config.optimizer.learning_rate = arguments.lr.unwrap_or(config.optimizer.learning_rate);
    config.seed = arguments.seed.unwrap_or(config.seed);
    config.limit = arguments.limit.or(config.limit);
    config.validate()?;
    Ok(config)
}

/// The three parts of the data on the device.
struct Data {
    input: InputSpec,
    train: Samples,
    validation: Samples,
    test: Samples,
}

impl Data {
    fn open(config: &RunConfig, device: Device) -> Result<Self, Failure> {
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

fn new_model(config: &RunConfig, data: &Data, device: Device) -> Result<Model, Failure> {
    let (model, input) = (config.model.clone(), data.input.clone());
    let mut model = Model::new(model, input, config.standardization, config.seed, device)?;
    model.fit_preprocessing(&data.train.inputs)?;
    Ok(model)
}

fn train(
    arguments: &TrainArguments,
    config: &RunConfig,
    folder: &RunFolder,
    data: &Data,
    model: &Model,
    resumed: Option<(TrainingState, &Checkpoint)>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let epochs = resumed.as_ref().map_or(0, |(state, _)| state.epoch);
    let mut observers = Observers::default()
        .with(MetricsFile::open(&folder.metrics(), epochs)?)
        .with(Terminal::new(!arguments.json));
    if arguments.json {
        observers = observers.with(JsonLines);
    }
    let features = prepare_features(config, data, model, resumed.is_none(), &mut observers)?;
    let [train, validation] =
        features.as_ref().map_or([&data.train, &data.validation], |parts| parts.each_ref());
    let mut trainer = Trainer::new(model, config, [train, validation], folder, resumed)?;
    observers.notify(&Event::Started(Started {
        model: config.model.name().into(),
        data: config.data.clone(),
        device: device::name(model.parameters().device()),
        threads: tch::get_num_threads(),
        trainable: model.parameters().count(Role::Trainable),
        fixed: model.parameters().count(Role::Buffer),
        train_images: data.train.len(),
        validation_images: data.validation.len(),
        steps_per_epoch: trainer.steps_per_epoch(),
        epoch: trainer.state().epoch,
        epochs: config.epochs,
        folder: folder.path().to_owned(),
    }))?;
    if trainer.run(&mut observers, interrupt, arguments.pause_after)? == Outcome::Paused {
        return match interrupt.requested() {
            true => Err(Failure::interrupted()),
            false => Ok(()),
        };
    }
    // The test images are seen once, at the end, by the weights that validation chose.
    let best = Checkpoint::load(&folder.best())?.model(model.parameters().device())?;
    let test = evaluate(&best, &data.test, &mut |_| {})?;
    observers.notify(&Event::Test(test))
}

/// Where nothing before the readout trains: fits the readout of a new run, and computes the features of training and
/// validation once, if they may be kept.
fn prepare_features(
    config: &RunConfig,
    data: &Data,
    model: &Model,
    new: bool,
    observers: &mut Observers,
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
    let mut fit = match new && readout.must_fit(start) {
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
        observers.notify(&Event::Notice { text })?;
    }
    if !keep && fit.is_none() {
        return Ok(None);
    }
    let bar = super::progress_bar("reservoir states", (data.train.len() + data.validation.len()) as u64);
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

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Model(error) => error.into(),
            TrainError::Core(error) => lnn_models::Error::from(error).into(),
            TrainError::Observer(failure) => failure,
            TrainError::NonFinite { .. } => Self::run(error),
        }
    }
}
