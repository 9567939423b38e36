//! A stream with its reader: lines in, predictions out, and what is kept of both.

use super::predictions::Predictions;
use crate::failure::Failure;
use crate::output::say;
use lnn_core::{Input, Samples};
use lnn_data::{StreamProgress, StreamReader, StreamRow};
use lnn_models::{Checkpoint, Model, Stream, StreamState};
use std::path::Path;
use tch::Tensor;

/// Number of rows after which they are compared with the training set; later ones are compared again after a hundred times as many.
const COMPARED: usize = 100;

/// Maximum number of remarks about rows that do not look like the training set.
const REMARKS: usize = 10;

/// A stream in progress.
pub(super) struct Session<'a> {
    checkpoint: &'a Checkpoint,
    model: &'a Model,
    stream: Stream<'a>,
    reader: StreamReader,
    predictions: Predictions,
    /// Number of lines of this process's input.
    lines: u64,
    /// Rows that are to be compared with the training set, and how many are to come before.
    recent: Vec<StreamRow>,
    until_compared: usize,
    remarks: usize,
}

impl<'a> Session<'a> {
    /// A stream before its first line.
    pub(super) fn new(
        checkpoint: &'a Checkpoint,
        model: &'a Model,
        stream: Stream<'a>,
        reader: StreamReader,
    ) -> Self {
        Self {
            checkpoint,
            model,
            stream,
            predictions: Predictions::new(model.input().clone(), reader.time_name()),
            reader,
            lines: 0,
            recent: Vec::new(),
            until_compared: 0,
            remarks: 0,
        }
    }

    /// Goes on from a saved state.
    pub(super) fn resume(&mut self, path: &Path) -> Result<(), Failure> {
        let state = StreamState::load(path)?;
        let shown = path.display();
        if state.model != self.checkpoint.fingerprint() {
            return Err(Failure::request(format!(
                "--state {shown}: it is the state of another model; hint: another name for the file begins a new stream"
            )));
        }
        self.stream.restore(&state.tensors)?;
        let progress: StreamProgress = serde_json::from_value(state.reader)
            .map_err(|error| Failure::request(format!("--state {shown}: {error}")))?;
        say(&format!("note: the stream goes on after row {}", progress.rows));
        self.reader.resume(progress);
        Ok(())
    }

    /// Predicts after each of the lines that hold a row, and returns the predictions as lines.
    pub(super) fn answer(&mut self, lines: &[Option<String>]) -> Result<String, Failure> {
        let mut rows: Vec<StreamRow> = Vec::with_capacity(lines.len());
        for line in lines {
            self.lines += 1;
            let skipped = match line.as_deref().map(|line| self.reader.read(line)) {
                Some(Ok(row)) => {
                    rows.extend(row);
                    continue;
                }
                Some(Err(error)) if error.ends_the_stream() => {
                    return Err(Failure::request(format!("line {}: {error}", self.lines)));
                }
                Some(Err(error)) => error.to_string(),
                None => "it is longer than 1 MiB".into(),
            };
            say(&format!("warning: line {} is skipped: {skipped}", self.lines));
        }
        let mut text = String::new();
        if let (Some(form), false) = (self.reader.form(), rows.is_empty()) {
            let predicted = self.stream.advance(&input(&rows), self.targets(&rows).as_ref())?;
            self.predictions.write(&rows, &predicted, form, &mut text)?;
            self.compare(rows)?;
        }
        Ok(text)
    }

    /// What the rows bring to learn from; none if no row brings anything.
    fn targets(&self, rows: &[StreamRow]) -> Option<Tensor> {
        if rows.iter().all(|row| row.target.is_none()) {
            return None;
        }
        let classifies = self.model.task().is_classification();
        let width = if classifies { 1 } else { self.model.task().outputs() as usize };
        let numbers: Vec<f64> =
            rows.iter().flat_map(|row| row.target.clone().unwrap_or_else(|| vec![f64::NAN; width])).collect();
        if classifies {
            let label = |number: &f64| if number.is_nan() { Samples::NO_LABEL } else { *number as i64 };
            return Some(Tensor::from_slice(&numbers.iter().map(label).collect::<Vec<_>>()));
        }
        Some(Tensor::from_slice(&numbers).view([rows.len() as i64, width as i64]))
    }

    /// Warns where rows do not look like those of the training.
    fn compare(&mut self, rows: Vec<StreamRow>) -> Result<(), Failure> {
        if rows.len() < self.until_compared || self.remarks >= REMARKS {
            self.until_compared = self.until_compared.saturating_sub(rows.len());
            return Ok(());
        }
        self.recent.extend(rows);
        if self.recent.len() < COMPARED {
            return Ok(());
        }
        let mut batch = input(&self.recent).map(|tensor| tensor.unsqueeze(0));
        // The time before the first row of all is not known.
        batch.dt = batch.dt.map(|dt| dt.narrow(1, 1, dt.size()[1] - 1));
        batch.x = batch.x.narrow(1, 1, batch.x.size()[1] - 1);
        for remark in self.model.unfamiliar(&batch)?.into_iter().take(REMARKS - self.remarks) {
            say(&format!("warning: row {}: {remark}", self.reader.progress().rows));
            self.remarks += 1;
        }
        self.recent.clear();
        self.until_compared = 100 * COMPARED;
        Ok(())
    }

    /// Saves the state, and a checkpoint with what was learnt.
    pub(super) fn save(&self, state: Option<&Path>, learnt: Option<&Path>) -> Result<(), Failure> {
        if let Some(path) = learnt {
            self.stream.keep_what_was_learnt()?;
            let shallow = |tensors: &[(String, Tensor)]| {
                tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
            };
            let adapted = Checkpoint {
                description: self.checkpoint.description.clone(),
                model: self.model.parameters().snapshot(),
                optimizer: Vec::new(),
                data: shallow(&self.checkpoint.data),
            };
            adapted.save(path).map_err(Failure::run)?;
        }
        if let Some(path) = state {
            self.stream.check_what_was_learnt()?;
            let reader = serde_json::to_value(self.reader.progress()).map_err(Failure::run)?;
            let tensors = self.stream.tensors();
            let state = StreamState { model: self.checkpoint.fingerprint(), reader, tensors };
            state.save(path).map_err(Failure::run)?;
        }
        Ok(())
    }
}

/// Rows as the model takes them: x `[T, I]` and dt `[T]`.
fn input(rows: &[StreamRow]) -> Input {
    let numbers: Vec<f64> = rows.iter().flat_map(|row| row.features.iter().copied()).collect();
    let times: Option<Vec<f64>> = rows.iter().map(|row| row.dt).collect();
    let dt = times.map(|times| Tensor::from_slice(&times));
    Input { dt, ..Input::new(Tensor::from_slice(&numbers).view([rows.len() as i64, -1])) }
}
