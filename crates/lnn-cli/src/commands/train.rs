//! `lnn-cli train`.

use super::compute::ComputeArguments;
use super::train_again::{self, Again};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::launch::Launch;
use crate::names::{model, precision, preset};
use crate::output::{JsonLines, Progress, Terminal, data_help, opened, report_as, say};
use clap::{Args, ValueEnum};
use lnn_models::{ModelKind, Preset};
use lnn_train::observers::{Curves, GradientsFile, MetricsFile, TestFile};
use lnn_train::{
    Method, Observers, Outcome, Precision, Ranks, Request, Resume, RidgeMethod, RunConfig, RunFolder,
    Session, settings,
};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tch::Device;

/// The diagnostics of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Diagnosis {
    /// The gradient norm of the loss at each step through time
    Gradients,
}

/// The training method of a readout behind a fixed front, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadoutMethod {
    /// By gradient descent over epochs, like every other trainable part
    Gradient,
    /// In closed form, in one pass
    Ridge,
}

/// The arguments of `train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// The model
    #[arg(long, required_unless_present = "resume", value_parser = model())]
    pub(crate) model: Option<ModelKind>,
    /// The hyper-parameters to start from
    #[arg(long, default_value = "tuned", conflicts_with = "resume", value_parser = preset())]
    pub(crate) preset: Preset,
    #[arg(long, conflicts_with = "resume", value_name = "DATA", help = data_help())]
    pub(crate) data: Option<String>,
    /// Total number of epochs
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    /// Batch size
    #[arg(long, conflicts_with = "resume", value_name = "N")]
    pub(crate) batch_size: Option<i64>,
    /// Maximum learning rate
    #[arg(long, conflicts_with = "resume", value_name = "X")]
    pub(crate) lr: Option<f64>,
    /// Seed of weights, split, order and augmentation
    #[arg(long, conflicts_with = "resume", value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Precision: bf16 computes the products of training steps in bfloat16 and everything else in float32, f64 computes everything
    /// in float64 [default: f32]
    #[arg(long, conflicts_with = "resume", value_name = "PRECISION", value_parser = precision())]
    pub(crate) precision: Option<Precision>,
    /// Training method of the readout behind a fixed front: gradient trains over epochs and keeps the features in memory up to
    /// `method.feature_cache_mb`, 4096, otherwise recomputes them in each epoch; ridge solves in closed form in one pass, keeps
    /// no features and chooses the regularization by validation. For lnn [default: gradient]
    #[arg(long, conflicts_with = "resume", value_name = "METHOD")]
    pub(crate) readout: Option<ReadoutMethod>,
    /// Maximum number of samples for training and validation together
    #[arg(long, conflicts_with = "resume", value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// A JSON file with keys of the configuration, as a run's config.json
    #[arg(long, conflicts_with = "resume", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One key of the configuration, as model.reservoir.units=800; may be repeated
    #[arg(long, conflicts_with = "resume", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Start from the weights of a run or a checkpoint, with its model, instead of random weights
    #[arg(long, conflicts_with = "resume", value_name = "RUN_OR_CHECKPOINT")]
    pub(crate) init: Option<PathBuf>,
    /// The run's folder [default: runs/MODEL-PRESET-N]
    #[arg(long, conflicts_with = "resume", value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Resume a run that was interrupted or paused, or that gets more --epochs
    #[arg(long, conflicts_with = "model", value_name = "RUN")]
    pub(crate) resume: Option<PathBuf>,
    /// Start a run in DIR, or resume the run of the same settings that is there; a finished run is reported and not repeated. One
    /// command line therefore serves a job that is started again
    #[arg(long, conflicts_with_all = ["resume", "out"], value_name = "DIR")]
    pub(crate) resume_or_start: Option<PathBuf>,
    /// Resume although samples have changed, come or gone: known samples keep their part, new ones are for training
    #[arg(long, requires = "resume")]
    pub(crate) accept_changed_data: bool,
    /// Measure the gradient norm at each step through time in each epoch, for gradients.jsonl and a message on stderr
    #[arg(long, value_name = "WHAT")]
    pub(crate) diagnose: Vec<Diagnosis>,
    /// Pause after N more epochs; --resume continues the run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub(crate) pause_after: Option<u64>,
    /// Seconds that a process waits for the others, where torchrun or Slurm starts several
    #[arg(long, value_name = "S", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) rank_timeout: u64,
    /// Pause when N epochs are finished, counted from the start of the run
    #[arg(long, value_name = "N", conflicts_with = "pause_after", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) pause_at: Option<u64>,
    /// Do not test the best weights at the end: the test part is neither evaluated nor reported
    #[arg(long)]
    pub(crate) no_test: bool,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

impl TrainArguments {
    fn traces(&self) -> bool {
        self.diagnose.contains(&Diagnosis::Gradients)
    }

    /// How a run that was stopped goes on.
    fn again(&self, folder: &RunFolder) -> String {
        match self.resume.is_some() || self.resume_or_start.is_some() {
            true => "the run is saved, and the same command line again goes on with it".into(),
            false => {
                format!(
                    "the run is saved, and `lnn-cli train --resume {}` goes on with it",
                    folder.path().display()
                )
            }
        }
    }
}

pub(super) fn run(arguments: &TrainArguments) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    let launch = Launch::of_environment()?;
    report_as(launch.place);
    launch.notice.iter().for_each(|notice| say(notice));
    let device = arguments.compute.prepare_rank(launch.local_rank)?;
    check_restarts(arguments, &launch)?;
    let ranks = launch.join(device, Duration::from_secs(arguments.rank_timeout))?;
    let trained = run_as(arguments, (&launch, &ranks), device, &interrupt);
    match &trained {
        // All ranks have stopped at the same step, or have finished; the first one may host what the others still use.
        Ok(()) | Err(Failure::Interrupted(_) | Failure::StartAgain(_)) => ranks.meet()?,
        Err(failure) => ranks.leave(&failure.to_string()),
    }
    trained
}

/// Runs the command as one of `ranks`.
fn run_as(
    arguments: &TrainArguments,
    (launch, ranks): (&Launch, &Ranks),
    device: Device,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let begun = match &arguments.out {
        // torchrun repeats the command, which now goes on with what it began.
        Some(out) if launch.restarts.done > 0 => RunFolder::holds_run_among(ranks, out)?.then_some(out),
        _ => None,
    };
    let session = match (arguments.resume.as_ref().or(begun), arguments.model) {
        (Some(run), _) => resume(run, arguments, (device, ranks))?,
        (None, Some(name)) => {
            let config = configure(name, arguments)?;
            check_flags(arguments, &config)?;
            match &arguments.resume_or_start {
                Some(folder) if RunFolder::holds_run_among(ranks, folder)? => {
                    let TrainArguments { no_test, json, .. } = *arguments;
                    let again = Again { no_test, json, trace: arguments.traces() };
                    match train_again::resume(folder, &config, again, (device, ranks))? {
                        Some(session) => session,
                        None => return Ok(()),
                    }
                }
                folder => {
                    let out = folder.as_ref().or(arguments.out.as_ref());
                    start(config, out.map(PathBuf::as_path), arguments, (device, ranks))?
                }
            }
        }
        (None, None) => return Err(Failure::request("expected --model or --resume, found neither")),
    };
    train(arguments, (&session, ranks), interrupt)
}

/// Refuses a run that torchrun would begin anew in another folder after a failure.
fn check_restarts(arguments: &TrainArguments, launch: &Launch) -> Result<(), Failure> {
    let folders = [&arguments.out, &arguments.resume, &arguments.resume_or_start];
    if launch.restarts.most == 0 || folders.into_iter().any(Option::is_some) {
        return Ok(());
    }
    Err(Failure::request(
        "--out: expected the folder of the run, because torchrun --max-restarts repeats the command after a failure, which then goes on \
         with the run of this folder; found none",
    ))
}

fn start(
    config: RunConfig,
    out: Option<&Path>,
    arguments: &TrainArguments,
    (device, ranks): (Device, &Ranks),
) -> Result<Session, Failure> {
    if let Some(out) = out.filter(|_| ranks.is_first()) {
        RunFolder::check_free(out)?;
    }
    let data = opened(&config.data)?;
    let mut progress = Progress::default();
    Ok(Session::start(config, &*data, out, (device, ranks), arguments.traces(), &mut progress.receiver())?)
}

fn resume(
    run: &Path,
    arguments: &TrainArguments,
    (device, ranks): (Device, &Ranks),
) -> Result<Session, Failure> {
    let (folder, config) = RunFolder::open_among(ranks, run)?;
    check_flags(arguments, &config)?;
    config.validate()?;
    let data = opened(&config.data)?;
    let mut progress = Progress::default();
    let request = Resume {
        epochs: arguments.epochs,
        accept_changed_data: arguments.accept_changed_data,
        solved: false,
        trace: arguments.traces(),
    };
    Ok(Session::resume(folder, config, request, &*data, (device, ranks), &mut progress.receiver())?)
}

/// Refuses flags that have no effect for a readout in closed form.
fn check_flags(arguments: &TrainArguments, config: &RunConfig) -> Result<(), Failure> {
    let flags = [
        ("--epochs", arguments.epochs.is_some()),
        ("--pause-after", arguments.pause_after.is_some()),
        ("--pause-at", arguments.pause_at.is_some()),
        ("--lr", arguments.lr.is_some()),
        ("--batch-size", arguments.batch_size.is_some()),
    ];
    match flags.iter().find(|(_, given)| config.method.is_ridge() && *given) {
        None => Ok(()),
        Some((name, _)) => Err(lnn_train::Method::without_effect(name).into()),
    }
}

/// Reads the keys of a file, and its name.
fn keys_of(file: &Path) -> Result<(String, Map<String, Value>), Failure> {
    Ok((file.display().to_string(), settings::read_keys(file)?))
}

/// Applies the preset, then the file, then `--set`, then the remaining flags.
fn configure(name: ModelKind, arguments: &TrainArguments) -> Result<RunConfig, Failure> {
    let request = Request {
        model: name,
        preset: arguments.preset,
        init: arguments.init.as_deref(),
        keys: arguments.config.as_deref().map(keys_of).transpose()?,
        assignments: &arguments.set,
        data: arguments.data.as_deref(),
    };
    // Where series are solved in closed form, descent starts as it does for images.
    let solved = request.preset()?.method.is_ridge();
    let mut config = request.config()?;
    config.epochs = arguments.epochs.unwrap_or(config.epochs);
    config.batch_size = arguments.batch_size.unwrap_or(config.batch_size);
    config.optimizer.learning_rate = arguments.lr.unwrap_or(config.optimizer.learning_rate);
    config.seed = arguments.seed.unwrap_or(config.seed);
    config.limit = arguments.limit.or(config.limit);
    config.precision = arguments.precision.unwrap_or(config.precision);
    match arguments.readout {
        Some(ReadoutMethod::Ridge) => config.method = Method::Ridge(RidgeMethod::default()),
        Some(ReadoutMethod::Gradient) if config.method.is_ridge() => {
            let of_images = RunConfig::preset(name, arguments.preset)?;
            config.method = match solved {
                true => of_images.method,
                false => Method::Gradient(lnn_train::GradientMethod::default()),
            };
            if solved && arguments.epochs.is_none() && config.epochs == 1 {
                config.epochs = of_images.epochs;
            }
        }
        Some(ReadoutMethod::Gradient) | None => {}
    }
    if config.method.is_ridge() {
        // A closed form has one pass, and the error for --epochs shows the flag that was given.
        config.epochs = 1;
    }
    config.validate()?;
    Ok(config)
}

fn train(
    arguments: &TrainArguments,
    (session, ranks): (&Session, &Ranks),
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let mut observers = match ranks.is_first() {
        true => observers(arguments, session)?,
        false => Observers::default(),
    };
    interrupt.save_first();
    let trained = train_and_test(arguments, (session, ranks), &mut observers, interrupt);
    let recorded = observers.finish();
    if let Err(Failure::Interrupted(reason)) = trained {
        // All ranks have stopped at the same step, whichever of them the signal has reached.
        let starts_again = ranks.any(interrupt.starts_again())?;
        return Err(match starts_again {
            true => Failure::start_again(&arguments.again(session.folder())),
            false => Failure::Interrupted(reason),
        });
    }
    trained?;
    Ok(recorded?)
}

/// What records and reports the run.
fn observers(arguments: &TrainArguments, session: &Session) -> Result<Observers, Failure> {
    let folder = session.folder();
    let mut observers = Observers::default()
        .with(MetricsFile::open(&folder.metrics(), session.epoch(), session.recorded_epochs())?)
        .with(Curves::new(&folder.curves(), &folder.metrics(), session.config())?)
        .with(GradientsFile::new(&folder.gradients()))
        .with(TestFile::new(&folder.test()))
        .with(Terminal::new(!arguments.json));
    if arguments.json {
        observers = observers.with(JsonLines);
    }
    Ok(observers)
}

fn train_and_test(
    arguments: &TrainArguments,
    (session, ranks): (&Session, &Ranks),
    observers: &mut Observers,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let mut progress = Progress::default();
    let stop = || interrupt.requested();
    let pause_after =
        arguments.pause_after.or(arguments.pause_at.map(|epoch| epoch.saturating_sub(session.epoch())));
    let outcome = session.train(observers, &stop, pause_after, &mut progress.receiver())?;
    drop(progress);
    // The run is saved: the test, which a resumed run repeats, may end at any time.
    interrupt.end_at_once();
    if ranks.any(interrupt.requested())? {
        return Err(Failure::interrupted());
    }
    if outcome == Outcome::Finished && !arguments.no_test {
        session.test(observers)?;
    }
    Ok(())
}
