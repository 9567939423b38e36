//! `lnn-cli eval --backtest`: forecasts from several starts of a series.

use crate::failure::Failure;
use crate::output::{check_writable, opened_for_test, print_line, print_text, with_bar};
use csv::Writer;
use lnn_data::{History, Trained, csv_path, open_series};
use lnn_models::{Checkpoint, Model};
use lnn_train::{Baselines, Event, Forecasts, Origins, backtest, known_samples, write_atomically};
use std::path::{Path, PathBuf};
use tch::Tensor;

/// The rows of a forecast where nothing else is asked for, of a model that looks one row ahead.
const STEPS: i64 = 24;

/// What is asked for.
pub(super) struct Request<'a> {
    /// Number of starts.
    pub(super) starts: u32,
    /// Number of rows of each forecast.
    pub(super) steps: Option<u32>,
    /// The series, as the value of `--data`.
    pub(super) data: &'a str,
    /// The table of all forecasts to write.
    pub(super) output: Option<&'a Path>,
    pub(super) json: bool,
}

pub(super) fn run(request: &Request<'_>, checkpoint: &Checkpoint, model: &Model) -> Result<(), Failure> {
    let description = &checkpoint.description;
    let known = known_samples(checkpoint);
    let trained = Trained { data: &description.data, input: &description.input, known: known.as_ref() };
    if let Some(output) = request.output {
        let read: Option<PathBuf> = request.data.strip_prefix("csv:").map(|text| csv_path(text).into());
        check_writable(output, &read.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    }
    let series = with_bar(|progress| open_series(request.data, &trained, progress))?;
    // The test part may be smaller, where a file has rows of the training.
    let test = opened_for_test(request.data, &trained).ok().and_then(|data| data.test().ok());
    let from = test.and_then(|test| test.first_row()).unwrap_or(series.before_test);
    let usual = if series.horizon > 1 { series.horizon } else { STEPS };
    let origins =
        Origins { count: request.starts.into(), steps: request.steps.map_or(usual, i64::from), from };
    let (found, forecasts) = backtest(model, &series, &Baselines::of_checkpoint(checkpoint), origins)?;
    if let Some(output) = request.output {
        write_atomically(output, &table(&series, model.task().names(), &forecasts)?)?;
    }
    if request.json { print_line(&Event::Backtest(found)) } else { print_text(&found.in_words()) }
}

/// The table of all forecasts: the row at which each begins, how many rows after the last known one each lies, the predictions and the truth.
fn table(series: &History, names: &[String], found: &Forecasts) -> Result<Vec<u8>, Failure> {
    let mut lines = Writer::from_writer(Vec::new());
    let time = series.time_name.iter().cloned();
    let truth = names.iter().map(|name| format!("{name}_true"));
    let first = ["start", "ahead"].map(String::from).into_iter();
    lines.write_record(first.chain(time).chain(names.iter().cloned()).chain(truth)).map_err(Failure::run)?;
    let Forecasts { starts, predictions, truth } = found;
    for (place, start) in (0..).zip(starts) {
        for ahead in 0..predictions.size()[1] {
            let numbers = |tensor: &Tensor| {
                let numbers = Vec::<f64>::try_from(tensor.get(place).get(ahead)).map_err(Failure::run)?;
                let cell = |number: &f64| if number.is_nan() { String::new() } else { number.to_string() };
                Ok::<_, Failure>(numbers.iter().map(cell).collect::<Vec<_>>())
            };
            let time = series.times.iter().map(|times| times[(start + ahead) as usize].clone());
            let first = [(start + 1).to_string(), (ahead + 1).to_string()].into_iter();
            lines
                .write_record(first.chain(time).chain(numbers(predictions)?).chain(numbers(truth)?))
                .map_err(Failure::run)?;
        }
    }
    lines.into_inner().map_err(Failure::run)
}
