//! `lnn-cli eval --backtest`: forecasts from several starts of a series.

use crate::failure::Failure;
use crate::output::{check_writable, print_line, print_text, say, with_bar};
use csv::Writer;
use lnn_data::{History, Trained, csv_path, open_series};
use lnn_models::{Checkpoint, Model, Training};
use lnn_train::{Backtest, StepErrors, backtest, starts, write_atomically};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What is asked for.
pub(super) struct Request<'a> {
    /// Number of starts.
    pub(super) starts: u32,
    /// Number of rows of each forecast.
    pub(super) steps: u32,
    /// The series, as the value of `--data`.
    pub(super) data: &'a str,
    /// The table of all forecasts to write.
    pub(super) output: Option<&'a Path>,
    pub(super) json: bool,
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    #[serde(flatten)]
    errors: &'a StepErrors,
}

pub(super) fn run(request: &Request<'_>, checkpoint: &Checkpoint, model: &Model) -> Result<(), Failure> {
    let description = &checkpoint.description;
    let trained = Trained { data: &description.data, input: &description.input, known: None };
    if let Some(output) = request.output {
        let read: Option<PathBuf> = request.data.strip_prefix("csv:").map(|text| csv_path(text).into());
        check_writable(output, &read.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    }
    let series = with_bar(|progress| open_series(request.data, &trained, progress))?;
    let Some(values) = &series.values else {
        let names = description.input.task.names().join(", ");
        return Err(Failure::request(format!(
            "--backtest: expected a series with the values {names}, to compare with"
        )));
    };
    let training = Training { window: series.window, horizon: series.horizon };
    let (steps, rows) = (i64::from(request.steps), series.input.x.size()[1]);
    let needed = series.window.unwrap_or(1) + series.horizon - 1;
    // The state of the first rows is left out in the training, too.
    let first = series.before_test.max(needed).max(model.washout()).max(1);
    let starts = starts(i64::from(request.starts), first, steps, rows).ok_or_else(|| {
        Failure::request(format!(
            "--backtest: expected at most {} starts for {steps} steps, because the series has {rows} rows and the first start is row {}; \
             hint: --steps, or another series",
            (rows - steps - first + 1).max(0),
            first + 1
        ))
    })?;
    let exogenous = exogenous(model);
    if !exogenous.is_empty() {
        say(&format!(
            "note: the true later values of {} are given, because the model does not predict them",
            exogenous.join(", ")
        ));
    }
    let found = backtest(model, (&series.input, values), &starts, steps, training)?;
    if let Some(output) = request.output {
        let bytes = table(&series, &starts, model.task().names(), &found)?;
        write_atomically(output, &bytes)?;
    }
    for errors in &found.steps {
        if request.json {
            print_line(&Line { event: "backtest", errors })?;
        } else if is_shown(errors.step, steps) {
            print_text(&in_words(errors))?;
        }
    }
    Ok(())
}

/// The features that the model sees and does not predict.
fn exogenous(model: &Model) -> Vec<String> {
    let predicted = model.task().names();
    let lnn_core::InputShape::Sequences { features } = &model.input().shape else { return Vec::new() };
    features.iter().filter(|name| !predicted.contains(name)).cloned().collect()
}

/// Whether people are shown a step: the first ones, then fewer, and the last.
fn is_shown(step: i64, steps: i64) -> bool {
    let power = 10_i64.pow(step.ilog10());
    step == steps || [1, 2, 5].iter().any(|digit| digit * power == step)
}

fn in_words(errors: &StepErrors) -> String {
    let named = errors.targets.iter().map(|target| format!("{} {}", target.name, target.in_words()));
    format!(
        "step {}: mean absolute error {}, {} forecasts",
        errors.step,
        named.collect::<Vec<_>>().join("; "),
        errors.forecasts
    )
}

/// The table of all forecasts: the number of the last known row, the step, the predictions and the truth.
fn table(series: &History, starts: &[i64], names: &[String], found: &Backtest) -> Result<Vec<u8>, Failure> {
    let mut lines = Writer::from_writer(Vec::new());
    let time = series.time_name.iter().cloned();
    let truth = names.iter().map(|name| format!("{name}_true"));
    let header: Vec<String> = ["start", "step"]
        .map(String::from)
        .into_iter()
        .chain(time)
        .chain(names.iter().cloned())
        .chain(truth)
        .collect();
    lines.write_record(header).map_err(Failure::run)?;
    for (place, start) in (0..).zip(starts) {
        for (step, _) in (0..).zip(&found.steps) {
            let numbers = [&found.predictions, &found.truth]
                .map(|tensor| Vec::<f64>::try_from(tensor.get(place).get(step)).map_err(Failure::run));
            let [predicted, truth] = numbers;
            let time = series.times.iter().map(|times| times[(start + step) as usize].clone());
            let cells = [start.to_string(), (step + 1).to_string()].into_iter().chain(time);
            let cell = |number: &f64| if number.is_nan() { String::new() } else { number.to_string() };
            let numbers =
                predicted?.into_iter().chain(truth?).map(|number| cell(&number)).collect::<Vec<_>>();
            lines.write_record(cells.chain(numbers)).map_err(Failure::run)?;
        }
    }
    lines.into_inner().map_err(Failure::run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_the_first_steps_and_the_last() {
        let shown: Vec<i64> = (1..=84).filter(|step| is_shown(*step, 84)).collect();
        assert_eq!(shown, [1, 2, 5, 10, 20, 50, 84]);
    }
}
