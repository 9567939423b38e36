//! `lnn-cli predict` on a table: one row of predictions for each window.

use crate::failure::Failure;
use crate::output::{print_text, progress_bar, say, with_bar};
use csv::Writer;
use lnn_core::{InputSpec, Task};
use lnn_data::{DataError, PredictedRow, ToPredict, Trained, open_to_predict};
use lnn_models::{Checkpoint, Model};
use lnn_train::{predict, unfamiliar, write_atomically};
use std::path::Path;
use tch::{Kind, Tensor};

/// The number of windows that are predicted between two reports.
const BLOCK: i64 = 500;

/// The text after `csv:` if the input is a table, by the ending of its name or that prefix.
pub(super) fn table(input: &Path) -> Option<String> {
    let text = input.to_str()?;
    if let Some(text) = text.strip_prefix("csv:") {
        return Some(text.to_owned());
    }
    let file = text.split(',').next().unwrap_or(text);
    let ending = Path::new(file).extension()?.to_str()?.to_lowercase();
    ["csv", "tsv", "txt"].contains(&ending.as_str()).then(|| text.to_owned())
}

/// Predicts for every window of a table and writes a table to `output`, or to standard output.
pub(super) fn run(
    text: &str,
    checkpoint: &Checkpoint,
    model: &Model,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let description = &checkpoint.description;
    let trained = Trained { data: &description.data, input: &description.input, known: None };
    let data = with_bar(|progress| open_to_predict(text, &trained, progress).map_err(DataError::from))?;
    for remark in unfamiliar(model, &data.windows)? {
        say(&remark);
    }
    let horizons = data.horizons;
    if horizons.count() > 1 {
        say(&format!(
            "each line has the last row that the model has seen; its predictions are for {horizons} rows later, as their names say"
        ));
    } else if horizons.last() > 0 {
        let later =
            if horizons.last() == 1 { "the next row".to_owned() } else { format!("{horizons} rows later") };
        say(&format!("each line has the last row that the model has seen; its prediction is for {later}"));
    }
    let mut lines = Writer::from_writer(Vec::new());
    let columns = Columns { data: &data, input: model.input() };
    lines.write_record(columns.header()).map_err(Failure::run)?;
    let bar = progress_bar("predictions", data.windows.len() as u64);
    for block in data.windows.blocks(BLOCK) {
        let prediction = predict(model, &block.input)?.to_kind(Kind::Double);
        let counts = block.counts();
        let [places, prediction] = [block.targets.shallow_clone(), prediction].map(|tensor| match &counts {
            Some(counts) => lnn_core::steps_where(&tensor, counts).squeeze_dim(1),
            None => tensor,
        });
        let places = Vec::<i64>::try_from(places).map_err(Failure::run)?;
        for (row, place) in places.into_iter().enumerate() {
            let values = Vec::<f64>::try_from(prediction.get(row as i64)).map_err(Failure::run)?;
            lines.write_record(columns.line(place as usize, &values)).map_err(Failure::run)?;
        }
        bar.inc(block.len() as u64);
    }
    bar.finish_and_clear();
    let bytes = lines.into_inner().map_err(Failure::run)?;
    match output {
        Some(path) => Ok(write_atomically(path, &bytes)?),
        None => print_text(String::from_utf8_lossy(&bytes).trim_end_matches('\n')),
    }
}

/// The columns of the written table.
struct Columns<'a> {
    data: &'a ToPredict,
    input: &'a InputSpec,
}

impl Columns<'_> {
    /// Whether the file has the truth of any prediction.
    fn has_truth(&self) -> bool {
        self.data.rows.iter().any(|row| row.truth.is_some())
    }

    fn header(&self) -> Vec<String> {
        let [id, time] = self.data.names.clone();
        let mut names: Vec<String> = id.into_iter().chain([time.unwrap_or_else(|| "row".into())]).collect();
        let known = match &self.input.task {
            Task::Regression { value_names } => {
                names.extend(self.input.output_names());
                value_names.clone()
            }
            Task::Classification { .. } => {
                names.extend(["class", "probability"].map(str::to_owned));
                vec!["class".into()]
            }
        };
        if self.has_truth() {
            names.extend(known.iter().map(|name| format!("{name}_true")));
        }
        names
    }

    /// The line of a prediction that belongs to the row at `place`.
    fn line(&self, place: usize, prediction: &[f64]) -> Vec<String> {
        let PredictedRow { id, time, truth } = &self.data.rows[place];
        let time = time.clone().unwrap_or_else(|| (place + 1).to_string());
        let mut cells: Vec<String> = id.iter().cloned().chain([time]).collect();
        let known = match &self.input.task {
            Task::Regression { value_names } => {
                cells.extend(prediction.iter().map(f64::to_string));
                value_names.len()
            }
            Task::Classification { class_names } => {
                let probabilities = Tensor::from_slice(prediction).softmax(0, Kind::Double);
                let best = probabilities.argmax(0, false).int64_value(&[]);
                cells.push(class_names[best as usize].clone());
                cells.push(format!("{:.6}", probabilities.double_value(&[best])));
                1
            }
        };
        match truth {
            Some(truth) => cells.extend(truth.iter().cloned()),
            None if self.has_truth() => cells.extend(std::iter::repeat_n(String::new(), known)),
            None => {}
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_told_by_its_ending_or_its_prefix() {
        let of = |text: &str| table(Path::new(text));
        assert_eq!(of("x.csv").as_deref(), Some("x.csv"));
        assert_eq!(of("x.TSV,time=a").as_deref(), Some("x.TSV,time=a"));
        assert_eq!(of("csv:x.dat,time=a").as_deref(), Some("x.dat,time=a"));
        assert_eq!(of("x.npy"), None);
        assert_eq!(of("csv"), None);
    }
}
