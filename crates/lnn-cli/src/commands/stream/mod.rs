//! `lnn-cli stream`.

mod lines;
mod predictions;
mod session;

use super::compute::ComputeArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{check_writable, print_lines, say};
use clap::{Args, ValueEnum};
use lines::{Arrived, Lines};
use lnn_core::{OnlineRule, Per};
use lnn_data::{DataError, StreamReader, Trained};
use lnn_models::{Checkpoint, Stream, Training};
use lnn_train::checkpoint_file;
use session::Session;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the program waits for a line before it looks whether it was interrupted.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often the state is saved while lines come.
const SAVED_EVERY: Duration = Duration::from_mins(1);

/// How the readout follows targets that arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Learning {
    /// Recursive least squares with forgetting, for values
    Rls,
    /// Normalised least mean squares, for values and classes
    Lms,
}

/// The arguments of `stream`.
#[derive(Debug, Args)]
#[command(
    long_about = "Read rows from standard input, one JSON object or one line of a table each, and write the prediction after each row\n\n\
    A table begins with a header; columns are found by name. A line that cannot be read is reported and skipped. The prediction after a row is \
    that of `predict` for the window that ends there; while a window has fewer rows, it is empty."
)]
pub(crate) struct StreamArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub(crate) source: PathBuf,
    /// Go on from the state in this file, if it exists, and save it there: every minute, at the end, and when interrupted
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Let the readout learn from targets in the lines: in columns of their names, or of the name "target"
    #[arg(long, value_name = "RULE")]
    pub(crate) learn: Option<Learning>,
    /// How many rows before the row with which it arrives a target belongs to [default: the horizon of the training]
    #[arg(long, value_name = "ROWS", requires = "learn", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub(crate) delay: Option<u32>,
    /// How much an error of one row ago counts for rls, above 0 and up to 1
    #[arg(long, value_name = "FACTOR", requires = "learn", default_value_t = 0.999)]
    pub(crate) forgetting: f64,
    /// The rate of lms, above 0 and below 2
    #[arg(long, value_name = "RATE", requires = "learn", default_value_t = 0.05)]
    pub(crate) rate: f64,
    /// Write the model with what was learnt as a checkpoint, at the end and when interrupted
    #[arg(long, value_name = "FILE.safetensors", requires = "learn")]
    pub(crate) save: Option<PathBuf>,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

pub(super) fn run(arguments: &StreamArguments) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    let device = arguments.compute.prepare()?;
    let source = checkpoint_file(&arguments.source)?;
    for file in arguments.state.iter().chain(&arguments.save) {
        check_writable(file, &[&source])?;
    }
    if arguments.save.is_some() && arguments.save == arguments.state {
        return Err(Failure::request("--save: expected another file than --state"));
    }
    let checkpoint = Checkpoint::load(&source)?;
    let description = &checkpoint.description;
    let trained = Trained { data: &description.data, input: &description.input, known: None };
    let mut reader = StreamReader::new(&trained).map_err(DataError::from)?;
    let model = checkpoint.model(device)?;
    let training = Training { window: reader.window, horizon: reader.horizon };
    let mut stream = Stream::new(&model, training)?;
    if let Some(learning) = arguments.learn {
        if reader.has_several_horizons {
            let hint = "a model with one horizon learns";
            return Err(Failure::request(format!(
                "--learn: the model predicts several rows at once; hint: {hint}"
            )));
        }
        let rule = match learning {
            Learning::Rls => OnlineRule::Rls { forgetting: arguments.forgetting },
            Learning::Lms => OnlineRule::Lms { rate: arguments.rate },
        };
        let delay = arguments.delay.map_or(reader.horizon as usize, |delay| delay as usize);
        stream.learn(rule, delay)?;
        reader.read_targets();
    }
    explain(arguments, &model, training, reader.has_several_horizons);
    let mut session = Session::new(&checkpoint, &model, stream, reader);
    if let Some(state) = arguments.state.as_deref().filter(|state| state.exists()) {
        session.resume(state)?;
    }
    let ended = predict_all(&mut session, arguments, &interrupt);
    // What has come so far is saved, however the stream ended.
    session.save(arguments.state.as_deref(), arguments.save.as_deref())?;
    match ended? {
        End::OfInput | End::OfReader => Ok(()),
        End::Interrupted => Err(interrupt.failure(
            anyhow::Error::msg("interrupted"),
            "the same command line again goes on from the file of --state, if it was given",
        )),
    }
}

/// How a stream ended.
enum End {
    OfInput,
    OfReader,
    Interrupted,
}

/// Predicts until the input ends, nobody reads, or a signal comes.
fn predict_all(
    session: &mut Session<'_>,
    arguments: &StreamArguments,
    interrupt: &Interrupt,
) -> Result<End, Failure> {
    let mut lines = Lines::of(std::io::stdin());
    let mut saved = Instant::now();
    interrupt.save_first();
    loop {
        if interrupt.requested() {
            return Ok(End::Interrupted);
        }
        match lines.next(PATIENCE).map_err(|error| Failure::run(format!("standard input: {error}")))? {
            Arrived::Nothing => {}
            Arrived::End => return Ok(End::OfInput),
            Arrived::Lines(lines) => {
                let text = session.answer(&lines)?;
                if !print_lines(&text)? {
                    return Ok(End::OfReader);
                }
            }
        }
        if saved.elapsed() > SAVED_EVERY {
            session.save(arguments.state.as_deref(), None)?;
            saved = Instant::now();
        }
    }
}

/// Says what each prediction is made from, and what becomes of what is learnt.
fn explain(
    arguments: &StreamArguments,
    model: &lnn_models::Model,
    training: Training,
    several_horizons: bool,
) {
    match training.window.filter(|_| !model.carries_state(training)) {
        Some(window) => {
            say(&format!(
                "note: each prediction is made from the last {window} rows, from rest, as in the training; the first {} rows have none",
                window - 1
            ));
            if model.input().per == Per::Step {
                say(
                    "hint: a model whose readout sees the last state and no mean carries its state, which takes less time",
                );
            }
        }
        None => say("note: the state is carried from row to row"),
    }
    match training.horizon {
        0 => {}
        _ if several_horizons => {
            say("note: each column is for as many rows after the one that is named as its name says");
        }
        1 => say("note: a prediction is for the row after the one that it names"),
        rows => say(&format!("note: a prediction is for {rows} rows after the one that it names")),
    }
    if arguments.learn.is_some() && arguments.save.is_none() && arguments.state.is_none() {
        say(
            "note: what is learnt is lost at the end; hint: --save FILE.safetensors or --state FILE keeps it",
        );
    }
}
