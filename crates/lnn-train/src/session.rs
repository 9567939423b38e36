//! A run from its configuration to its test, new or resumed.

use crate::advice;
use crate::alike::{check_alike, check_ranks, other_ranks};
use crate::baselines::Baselines;
use crate::batches::Augmentation;
use crate::class_weights::ClassWeights;
use crate::config::RunConfig;
use crate::entry::Entry;
use crate::error::Error;
use crate::evaluation::{Evaluation, evaluate_among, unfamiliar};
use crate::event::{EpochMetrics, Event, Started};
use crate::memory::check_model;
use crate::method::Method;
use crate::observers::Observers;
use crate::place::Place;
use crate::policies::Schedule;
use crate::precision::Precision;
use crate::ranks::Ranks;
use crate::ridge;
use crate::run_data::{Fit, Progress, RunData, to_predict};
use crate::run_folder::RunFolder;
use crate::starting_weights;
use crate::state::TrainingState;
use crate::trainer::{Outcome, Trainer};
use lnn_core::{Role, SampleSet};
use lnn_data::DataSource;
use lnn_models::{Checkpoint, Model};
use std::path::Path;
use tch::Device;

/// How a run is resumed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resume {
    /// The total number of epochs, if it is to be another than before.
    pub epochs: Option<u64>,
    /// Whether the run goes on where samples have changed, come or gone; known samples keep their part.
    pub accept_changed_data: bool,
    /// Whether a readout that is solved in closed form already is accepted, for its test.
    pub solved: bool,
    /// Whether each epoch measures the gradient norm at each step through time.
    pub trace: bool,
}

/// A run that is ready to train.
#[derive(Debug)]
pub struct Session {
    config: RunConfig,
    folder: RunFolder,
    data: RunData,
    model: Model,
    /// Features of training and validation samples, computed by the fixed front.
    features: Option<[SampleSet; 2]>,
    resumed: Option<(TrainingState, Checkpoint)>,
    notices: Vec<String>,
    trace: bool,
    ranks: Ranks,
}

impl Session {
    /// Starts a new run in the folder `out`, or in the first free `runs/MODEL-PRESET-N`, that `ranks` train together. With `trace`, each epoch measures the
    /// gradient norm at each step through time. A refused request creates no files.
    ///
    /// # Errors
    /// [`Error`] if the configuration, the data and the model do not fit together, or `out` already holds a run.
    pub fn start(
        config: RunConfig,
        source: &dyn DataSource,
        out: Option<&Path>,
        (device, ranks): (Device, &Ranks),
        trace: bool,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        config.validate()?;
        check_ranks(&config, trace, ranks)?;
        if let Some(out) = out.filter(|_| ranks.is_first()) {
            RunFolder::check_free(out)?;
        }
        let (mut data, mut model, mut notices) = new_model(&config, source, device)?;
        model.truncate(config.optimizer.tbptt)?;
        check_method(&config, &model)?;
        check_loss(&config, &model)?;
        model.judge_by(config.loss.clone())?;
        check_trace(trace, &model)?;
        check_alike(ranks, &config, &data, &model)?;
        let features = data.prepare_features(&config, &model, true, &mut notices, (ranks, progress))?;
        if ranks.is_first() {
            data.find_baselines()?;
        }
        let preset = serde_json::to_value(config.preset).expect("a preset is a word");
        let name = format!("{}-{}", config.model.name(), preset.as_str().unwrap_or_default());
        let folder = RunFolder::create_among(ranks, out, &name, &config)?;
        let ranks = ranks.clone();
        Ok(Self { config, folder, data, model, features, resumed: None, notices, trace, ranks })
    }

    /// Resumes the run of `folder`, with its `config`, from its last checkpoint. A run that was killed before its first checkpoint
    /// starts from the beginning. A refused request changes nothing.
    ///
    /// # Errors
    /// [`Error`] if the run cannot be resumed.
    pub fn resume(
        folder: RunFolder,
        config: RunConfig,
        request: Resume,
        source: &dyn DataSource,
        (device, ranks): (Device, &Ranks),
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let last = folder.last();
        let stored = ranks.checkpoint(&last)?;
        if config.method.is_ridge() && stored.is_some() && !request.solved {
            let shown = folder.path().display();
            return Err(Error::configuration(format!(
                "{shown}: its readout was solved in closed form, so there is nothing to go on with; hint: `train --init {shown}` \
                 trains it further by gradients, `eval {shown}` measures it"
            )));
        }
        let Resume { epochs, accept_changed_data: accept_changes, trace, .. } = request;
        let configured = config.epochs;
        let config = RunConfig { epochs: epochs.unwrap_or(configured), ..config };
        config.validate()?;
        check_ranks(&config, trace, ranks)?;
        let (mut data, mut model, resumed, mut notices) = match stored {
            None => {
                let (data, model, notices) = new_model(&config, source, device)?;
                (data, model, None, notices)
            }
            Some(checkpoint) => {
                let mut state: TrainingState =
                    serde_json::from_value(checkpoint.description.training.clone()).map_err(|error| {
                        Error::Folder(format!("{}: its training state: {error}", last.display()))
                    })?;
                let one_cycle = matches!(config.schedule, Schedule::OneCycle { .. });
                let extended =
                    state.extend(configured, config.epochs, one_cycle).map_err(Error::configuration)?;
                let data = RunData::new(
                    &config,
                    source,
                    &Fit::Resumed { last: &checkpoint, accept_changes },
                    device,
                )?;
                if data.changed {
                    state.restart_epoch();
                }
                let notices =
                    data.notices.iter().cloned().chain(extended).chain(other_ranks(&config, &state, ranks));
                let notices = notices.collect();
                (data, checkpoint.model(device)?, Some((state, checkpoint)), notices)
            }
        };
        model.truncate(config.optimizer.tbptt)?;
        check_method(&config, &model)?;
        check_loss(&config, &model)?;
        model.judge_by(config.loss.clone())?;
        check_trace(trace, &model)?;
        check_alike(ranks, &config, &data, &model)?;
        let new = resumed.is_none();
        let features = data.prepare_features(&config, &model, new, &mut notices, (ranks, progress))?;
        if ranks.is_first() {
            data.find_baselines()?;
        }
        folder.write_config(&config)?;
        let ranks = ranks.clone();
        Ok(Self { config, folder, data, model, features, resumed, notices, trace, ranks })
    }

    /// Returns the folder of the run.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Returns the configuration of the run.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Returns the model that is trained.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Returns the number of finished epochs.
    pub fn epoch(&self) -> u64 {
        self.resumed.as_ref().map_or(0, |(state, _)| state.epoch)
    }

    /// Returns the metrics of the last finished epochs, from the checkpoint that the run is resumed from.
    pub fn recorded_epochs(&self) -> &[EpochMetrics] {
        self.resumed.as_ref().map_or(&[], |(state, _)| &state.recorded_epochs)
    }

    /// Reports the start of the run to `observers`, and trains until the last epoch, until `stop` returns true, or for
    /// `pause_after` more epochs.
    ///
    /// # Errors
    /// [`Error`]; the last complete checkpoint is kept.
    pub fn train(
        &self,
        observers: &mut Observers,
        stop: &dyn Fn() -> bool,
        pause_after: Option<u64>,
        progress: Progress<'_>,
    ) -> Result<Outcome, Error> {
        let Self { config, folder, data, model, features, resumed, ranks, .. } = self;
        if config.method.is_ridge() {
            self.notify_start(observers, 1);
            if resumed.is_none() {
                ridge::solve(config, data, (ranks, model), folder, observers, stop, progress)?;
            }
            return Ok(Outcome::Finished);
        }
        let (parts, entry) = match features {
            Some(features) => (features.each_ref(), Entry::Head),
            None => ([&data.parts.train, &data.parts.validation], Entry::Input),
        };
        let resumed = resumed.as_ref().map(|(state, checkpoint)| (state.clone(), checkpoint));
        let mut trainer = Trainer::new(model, config, parts, entry, folder, resumed)?
            .tracing(self.trace)
            .among(ranks)
            .recognizing(data.stored());
        self.notify_start(observers, trainer.steps_per_epoch());
        trainer.run(observers, stop, pause_after)
    }

    fn notify_start(&self, observers: &mut Observers, steps_per_epoch: u64) {
        if !self.ranks.is_first() {
            return;
        }
        let parameters = self.model.parameters();
        observers.notify(&Event::Started(Started {
            model: self.config.model.name().into(),
            data: self.config.data.clone(),
            place: Place::of(parameters.device()),
            trainable: parameters.count(Role::Trainable),
            fixed: parameters.count(Role::Buffer),
            train_samples: self.data.parts.train.len(),
            validation_samples: self.data.parts.validation.len(),
            steps_per_epoch,
            ranks: self.ranks.place().size,
            epoch: self.epoch(),
            epochs: self.config.epochs,
            folder: self.folder.path().to_owned(),
        }));
        let remarks = advice::remarks(&self.config, &self.model, &self.data.parts.train);
        let notices = self.folder.notice().map(str::to_owned).into_iter();
        let notices = notices
            .chain(self.notices.iter().cloned())
            .chain(self.config.precision.notice(parameters.device()))
            .chain(remarks);
        for text in notices {
            observers.notify(&Event::Notice { text });
        }
    }

    /// Tests the weights of the best epoch, once, and reports the result to `observers`.
    ///
    /// # Errors
    /// [`Error::Model`] if the best checkpoint cannot be read.
    pub fn test(&self, observers: &mut Observers) -> Result<Evaluation, Error> {
        let device = self.model.parameters().device();
        let path = self.folder.best();
        let best = match self.ranks.are_several() {
            true => self.ranks.checkpoint(&path)?,
            false => None,
        };
        let best = best.map_or_else(|| Checkpoint::load(&path), Ok)?;
        let baselines = Baselines::of_checkpoint(&best);
        let best = best.model(device)?;
        for text in unfamiliar(&best, &self.data.parts.test)? {
            observers.notify(&Event::Notice { text });
        }
        let test = evaluate_among(&self.ranks, &best, &self.data.parts.test, Entry::Input)?;
        if !self.ranks.is_first() {
            return Ok(test);
        }
        let test = baselines.beside(test, &self.data.parts.test, &self.data.input)?;
        for text in &test.baselines_left_out {
            observers.notify(&Event::Notice { text: format!("note: {text}") });
        }
        observers.notify(&Event::Test(test.clone()));
        Ok(test)
    }
}

/// The data of a new run, its model, and remarks for the user.
fn new_model(
    config: &RunConfig,
    source: &dyn DataSource,
    device: Device,
) -> Result<(RunData, Model, Vec<String>), Error> {
    if let Some(path) = &config.init {
        let checkpoint = starting_weights::checkpoint(config, path)?;
        let transfer = checkpoint.transfer(&to_predict(config, source.spec()))?;
        let data = RunData::new(config, source, &Fit::Start(&transfer), device)?;
        let (model, remarks) = checkpoint.transferred(&transfer, &data.parts.train, config.seed, device)?;
        let notices = data.notices.iter().cloned().chain(remarks).collect();
        return Ok((data, model, notices));
    }
    let data = RunData::new(config, source, &Fit::New, device)?;
    check_model(config, &data.input, device)?;
    let (spec, input) = (config.model.clone(), data.input.clone());
    let mut model =
        Model::new(spec, input, config.standardization, config.seed, (config.precision.kind(), device))?;
    model.fit(&data.parts.train)?;
    let constants = model.constants().into_iter().map(|text| format!("warning: {text}"));
    let notices = data.notices.iter().cloned().chain(constants).collect();
    Ok((data, model, notices))
}

/// Refuses a closed form for a model whose front is trainable, and keys that have no effect in closed form.
fn check_method(config: &RunConfig, model: &Model) -> Result<(), Error> {
    if !config.method.is_ridge() {
        return Ok(());
    }
    if model.readout().is_none() {
        return Err(Error::configuration(format!(
            "--readout ridge: expected a model whose front is fixed, as lnn, found {}, whose front trains; hint: --readout \
             gradient, or --model lnn",
            config.model.name()
        )));
    }
    let keys = [
        ("--init", config.init.is_some()),
        ("--precision bf16", config.precision == Precision::Bf16),
        ("augmentation", config.augmentation != Augmentation::NONE),
    ];
    keys.iter().find(|(_, given)| *given).map_or(Ok(()), |(name, _)| Err(Method::without_effect(name)))
}

/// Refuses a loss that the task of the model or its method does not have.
fn check_loss(config: &RunConfig, model: &Model) -> Result<(), Error> {
    let classified = model.task().is_classification();
    let balanced = config.class_weights != ClassWeights::Equal;
    let refuse = |text: String| Err(Error::configuration(text));
    if classified && !config.loss.is_mse() {
        let name = config.loss.name();
        return refuse(format!(
            "loss={name} is for values, and the model predicts classes, whose loss is the cross-entropy; hint: leave it out"
        ));
    }
    if !classified && balanced {
        return refuse(
            "class_weights=balanced is for classes, and the model predicts values; hint: leave it out".into(),
        );
    }
    if config.method.is_ridge() && (balanced || !config.loss.is_mse()) {
        let key = if balanced {
            "class_weights=balanced".to_owned()
        } else {
            format!("loss={}", config.loss.name())
        };
        return refuse(format!(
            "{key}: a readout in closed form has the least mean squared error, in which all samples weigh the same; hint: --readout \
             gradient"
        ));
    }
    Ok(())
}

/// Refuses tracing for a model that does not train through time.
fn check_trace(trace: bool, model: &Model) -> Result<(), Error> {
    if trace && model.readout().is_some() {
        return Err(Error::configuration(
            "--diagnose gradients: expected a model that trains through time, found one whose readout alone trains",
        ));
    }
    Ok(())
}
