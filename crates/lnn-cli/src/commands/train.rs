//! `lnn-cli train`.

use super::run_data::{RunData, prepare_features};
use super::{prepare, ridge_readout, starting_weights};
use crate::args::{Diagnosis, ModelName, TrainArguments};
use crate::config::RunConfig;
use crate::data::series;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::observers::{Curves, GradientsFile, JsonLines, MetricsFile, Observers, Terminal};
use crate::run_folder::RunFolder;
use crate::training::{Event, Form, Outcome, Samples, Started, TrainError, Trainer, TrainingState, evaluate};
use crate::{device, settings};
use lnn_core::Role;
use lnn_models::{Checkpoint, Model};
use std::path::Path;
use tch::Device;

pub(super) fn run(arguments: &TrainArguments) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    let device = prepare(&arguments.compute)?;
    match (&arguments.resume, arguments.model) {
        (Some(run), _) => resume(run, arguments, device, &interrupt),
        (None, Some(name)) => start(name, arguments, device, &interrupt),
        (None, None) => Err(Failure::request("expected --model or --resume, found neither")),
    }
}

fn start(
    name: ModelName,
    arguments: &TrainArguments,
    device: Device,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let config = configure(name, arguments)?;
    ridge_readout::check_flags(arguments, &config)?;
    if let Some(out) = &arguments.out {
        RunFolder::check_free(out)?;
    }
    let data = RunData::open(&config, device)?;
    let model = new_model(&config, &data, device)?;
    check_diagnosis(arguments, &model)?;
    ridge_readout::check_model(&config, &model)?;
    let mut notices = Vec::new();
    let features = prepare_features(&config, &data, &model, true, &mut notices)?;
    // The folder comes last: a request that is refused leaves nothing behind.
    let preset = serde_json::to_value(config.preset).expect("a preset is a word");
    let name = format!("{}-{}", config.model.name(), preset.as_str().unwrap_or_default());
    let folder = RunFolder::create(arguments.out.as_deref(), &name, &config)?;
    train(arguments, &config, &folder, &Prepared { data, model, features, notices }, None, interrupt)
}

fn resume(
    run: &Path,
    arguments: &TrainArguments,
    device: Device,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let (folder, mut config) = RunFolder::open(run)?;
    ridge_readout::check_flags(arguments, &config)?;
    ridge_readout::check_unsolved(&config, &folder)?;
    if let Some(epochs) = arguments.epochs {
        config.epochs = epochs;
        config.validate()?;
        folder.write_config(&config)?;
    }
    let data = RunData::open(&config, device)?;
    let last = folder.last();
    // A run that was killed before its first checkpoint starts anew from its configuration.
    let checkpoint = last.exists().then(|| Checkpoint::load(&last)).transpose()?;
    let (model, state) = match &checkpoint {
        None => (new_model(&config, &data, device)?, None),
        Some(checkpoint) => {
            checkpoint.description.input.check_same(&data.input)?;
            let state: TrainingState = serde_json::from_value(checkpoint.description.training.clone())
                .map_err(|error| {
                    Failure::request(format!("{}: its training state: {error}", last.display()))
                })?;
            (checkpoint.model(device)?, Some(state))
        }
    };
    check_diagnosis(arguments, &model)?;
    let mut notices = Vec::new();
    let features = prepare_features(&config, &data, &model, checkpoint.is_none(), &mut notices)?;
    let prepared = Prepared { data, model, features, notices };
    train(arguments, &config, &folder, &prepared, state.zip(checkpoint.as_ref()), interrupt)
}

/// Refuses to watch what the model does not have.
fn check_diagnosis(arguments: &TrainArguments, model: &Model) -> Result<(), Failure> {
    if arguments.diagnose.contains(&Diagnosis::Gradients) && model.readout().is_some() {
        return Err(Failure::request(
            "--diagnose gradients: expected a model that trains through time, found one whose readout alone trains",
        ));
    }
    Ok(())
}

/// What a run works on.
struct Prepared {
    data: RunData,
    model: Model,
    features: Option<[Samples; 2]>,
    notices: Vec<String>,
}

/// Preset, then file, then `--set`, then the flags of their own.
fn configure(name: ModelName, arguments: &TrainArguments) -> Result<RunConfig, Failure> {
    let mut config = RunConfig::preset(name.into(), arguments.preset.into())?;
    if arguments.data.as_deref().is_some_and(|spec| spec == "toy" || spec.starts_with("csv:")) {
        config = config.for_sequences();
    }
    if let Some(source) = &arguments.init {
        starting_weights::adopt(&mut config, source)?;
    }
    if let Some(path) = &arguments.config {
        config = settings::apply_file(&config, path)?;
    }
    for assignment in &arguments.set {
        config = settings::apply_assignment(&config, assignment)?;
    }
    config.data = arguments.data.clone().unwrap_or(config.data);
    config.data = absolute(&config.data)?;
    config.epochs = arguments.epochs.unwrap_or(config.epochs);
    config.batch_size = arguments.batch_size.unwrap_or(config.batch_size);
    config.optimizer.learning_rate = arguments.lr.unwrap_or(config.optimizer.learning_rate);
    config.seed = arguments.seed.unwrap_or(config.seed);
    config.limit = arguments.limit.or(config.limit);
    config.precision = arguments.precision.unwrap_or(config.precision);
    config.readout = arguments.readout.unwrap_or(config.readout);
    if ridge_readout::asked(&config) {
        // One pass is no start of another, and the refusal of --epochs names what was given.
        (config.readout_start, config.epochs) = (None, 1);
    }
    config.validate()?;
    Ok(config)
}

/// The same data with an absolute path: the run may go on from another folder.
fn absolute(spec: &str) -> Result<String, Failure> {
    let Some((kind, path)) = spec.split_once(':') else { return Ok(spec.to_owned()) };
    let (path, options) = if kind == "csv" { series::split_path(path) } else { (path, "") };
    let absolute = std::path::absolute(path).map_err(|error| Failure::request(format!("{spec}: {error}")))?;
    Ok(format!("{kind}:{}{options}", absolute.display()))
}

fn new_model(config: &RunConfig, data: &RunData, device: Device) -> Result<Model, Failure> {
    if let Some(path) = &config.init {
        return starting_weights::model(config, path, &data.input, device);
    }
    let (model, input) = (config.model.clone(), data.input.clone());
    let mut model = Model::new(model, input, config.standardization, config.seed, (tch::Kind::Float, device))?;
    model.fit_preprocessing(&data.train.inputs)?;
    if data.train.form == Form::Sequences {
        model.fit_values(&data.train.targets)?;
    }
    Ok(model)
}

fn train(
    arguments: &TrainArguments,
    config: &RunConfig,
    folder: &RunFolder,
    prepared: &Prepared,
    resumed: Option<(TrainingState, &Checkpoint)>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let epochs = resumed.as_ref().map_or(0, |(state, _)| state.epoch);
    let mut observers = Observers::default()
        .with(MetricsFile::open(&folder.metrics(), epochs)?)
        .with(Curves::new(&folder.curves(), &folder.metrics())?)
        .with(GradientsFile::new(&folder.gradients()))
        .with(Terminal::new(!arguments.json));
    if arguments.json {
        observers = observers.with(JsonLines);
    }
    let Prepared { data, model, features, notices } = prepared;
    let [train, validation] =
        features.as_ref().map_or([&data.train, &data.validation], <[Samples; 2]>::each_ref);
    let trace = arguments.diagnose.contains(&Diagnosis::Gradients);
    let mut trainer = match ridge_readout::asked(config) {
        false => Some(Trainer::new(model, config, [train, validation], folder, resumed)?.tracing(trace)),
        true => None,
    };
    observers.notify(&Event::Started(Started {
        model: config.model.name().into(),
        data: config.data.clone(),
        device: device::name(model.parameters().device()),
        threads: tch::get_num_threads(),
        trainable: model.parameters().count(Role::Trainable),
        fixed: model.parameters().count(Role::Buffer),
        train_samples: data.train.len(),
        validation_samples: data.validation.len(),
        steps_per_epoch: trainer.as_ref().map_or(1, Trainer::steps_per_epoch),
        epoch: epochs,
        epochs: config.epochs,
        folder: folder.path().to_owned(),
    }))?;
    for text in notices.iter().cloned().chain(config.precision.notice(model.parameters().device())) {
        observers.notify(&Event::Notice { text })?;
    }
    let outcome = match &mut trainer {
        Some(trainer) => trainer.run(&mut observers, interrupt, arguments.pause_after)?,
        None => ridge_readout::solve(config, data, model, folder, &mut observers, interrupt)
            .map(|()| Outcome::Finished)?,
    };
    if outcome == Outcome::Paused {
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

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            // A disk that fills up while the run goes on is no wrong request.
            TrainError::Model(error @ lnn_models::Error::Io { .. }) => Self::run(error),
            TrainError::Model(error) => error.into(),
            TrainError::Core(error) => lnn_models::Error::from(error).into(),
            TrainError::Observer(failure) => failure,
            TrainError::NonFinite { .. } => Self::run(error),
        }
    }
}
