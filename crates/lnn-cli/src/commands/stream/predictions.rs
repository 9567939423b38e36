//! Predictions as lines, written as the lines of the input are.

use crate::failure::Failure;
use lnn_core::{InputSpec, Task};
use lnn_data::{Form, StreamRow};
use serde_json::Number;
use std::fmt::Write;
use tch::{Kind, Tensor};

/// Writes a line for each prediction.
pub(super) struct Predictions {
    input: InputSpec,
    time_name: Option<String>,
    /// What begins a number in a JSON object, in turn: `"name":`.
    keys: Vec<String>,
    header_is_due: bool,
}

impl Predictions {
    pub(super) fn new(input: InputSpec, time_name: Option<&str>) -> Self {
        let time_name = time_name.map(str::to_owned);
        let mut predictions = Self { input, time_name, keys: Vec::new(), header_is_due: true };
        let quoted = |name: &String| serde_json::Value::from(name.as_str()).to_string() + ":";
        predictions.keys = predictions.names().iter().map(quoted).collect();
        predictions
    }

    /// The names of the columns: the time or the number of the row, and what is predicted.
    fn names(&self) -> Vec<String> {
        let first = self.time_name.clone().unwrap_or_else(|| "row".into());
        let predicted = match &self.input.task {
            Task::Regression { .. } => self.input.output_names(),
            Task::Classification { .. } => vec!["class".into(), "probability".into()],
        };
        std::iter::once(first).chain(predicted).collect()
    }

    /// Adds the lines of `rows` with `predicted [T, O]` to `text`; a prediction that is NaN is left empty.
    pub(super) fn write(
        &mut self,
        rows: &[StreamRow],
        predicted: &Tensor,
        form: Form,
        text: &mut String,
    ) -> Result<(), Failure> {
        let outputs = self.input.outputs() as usize;
        let numbers = Vec::<f64>::try_from(predicted.to_kind(Kind::Double).contiguous().view(-1));
        let numbers = numbers.map_err(Failure::run)?;
        if std::mem::take(&mut self.header_is_due) && matches!(form, Form::Table { .. }) {
            let names: Vec<String> = self.names().iter().map(|name| cell(name, form)).collect();
            line_of_cells(&names, form, text);
        }
        for (row, numbers) in rows.iter().zip(numbers.chunks_exact(outputs)) {
            match form {
                Form::Json => self.write_object(row, numbers, text),
                Form::Table { .. } => self.write_cells(row, numbers, form, text),
            }
        }
        Ok(())
    }

    fn write_object(&self, row: &StreamRow, numbers: &[f64], text: &mut String) {
        let _ = match &row.time {
            // A time that is a number was one in the line, too.
            Some(time) if time.parse::<f64>().is_err() => {
                write!(text, "{{{}{}", self.keys[0], serde_json::Value::from(time.as_str()))
            }
            Some(time) => write!(text, "{{{}{time}", self.keys[0]),
            None => write!(text, "{{{}{}", self.keys[0], row.number),
        };
        match &self.input.task {
            Task::Regression { .. } => {
                for (key, number) in self.keys[1..].iter().zip(numbers) {
                    let _ = match Number::from_f64(*number) {
                        Some(number) => write!(text, ",{key}{number}"),
                        None => write!(text, ",{key}null"),
                    };
                }
            }
            Task::Classification { class_names } => {
                let _ = match best(numbers) {
                    Some((place, probability)) => write!(
                        text,
                        ",{}{},{}{probability:.6}",
                        self.keys[1],
                        serde_json::Value::from(class_names[place].as_str()),
                        self.keys[2]
                    ),
                    None => write!(text, ",{}null,{}null", self.keys[1], self.keys[2]),
                };
            }
        }
        text.push_str("}\n");
    }

    fn write_cells(&self, row: &StreamRow, numbers: &[f64], form: Form, text: &mut String) {
        let mut cells = vec![row.time.clone().unwrap_or_else(|| row.number.to_string())];
        match &self.input.task {
            Task::Regression { .. } => cells.extend(numbers.iter().map(|number| match number.is_finite() {
                true => number.to_string(),
                false => String::new(),
            })),
            Task::Classification { class_names } => cells.extend(match best(numbers) {
                Some((place, probability)) => [cell(&class_names[place], form), format!("{probability:.6}")],
                None => [String::new(), String::new()],
            }),
        }
        line_of_cells(&cells, form, text);
    }
}

/// The class with the largest logit, and its probability; `None` without a prediction.
fn best(logits: &[f64]) -> Option<(usize, f64)> {
    let (place, largest) = logits.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    sum.is_finite().then(|| (place, 1.0 / sum))
}

fn separator(form: Form) -> char {
    match form {
        Form::Table { separator, .. } => separator.into(),
        Form::Json => ',',
    }
}

/// A text as a cell, in quotes where it needs them.
fn cell(text: &str, form: Form) -> String {
    match text.contains([separator(form), '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn line_of_cells(cells: &[String], form: Form, text: &mut String) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(separator(form));
        }
        text.push_str(cell);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, time: Option<&str>) -> StreamRow {
        let (features, time) = (Vec::new(), time.map(str::to_owned));
        StreamRow { number, features, dt: None, time, target: None }
    }

    fn written(
        task: &Task,
        time_name: Option<&str>,
        rows: &[StreamRow],
        numbers: &[f64],
        form: Form,
    ) -> String {
        let mut text = String::new();
        let predicted = Tensor::from_slice(numbers).view([rows.len() as i64, -1]);
        let input = InputSpec { task: task.clone(), ..InputSpec::sequences(vec!["x".into()], Vec::new()) };
        Predictions::new(input, time_name).write(rows, &predicted, form, &mut text).unwrap();
        text
    }

    #[test]
    fn values_and_classes_are_written_in_the_form_of_the_input() {
        let values = Task::Regression { value_names: vec!["a \"b\"".into(), "c,d".into()] };
        let rows = [row(1, Some("2016-07-01")), row(2, Some("5.5"))];
        let numbers = [f64::NAN, 1.5, -2.0, 1e300];
        let json = written(&values, Some("at"), &rows, &numbers, Form::Json);
        let lines: Vec<serde_json::Value> =
            json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], serde_json::json!({"at": "2016-07-01", "a \"b\"": null, "c,d": 1.5}));
        assert_eq!(lines[1], serde_json::json!({"at": 5.5, "a \"b\"": -2.0, "c,d": 1e300}));
        let table = written(&values, Some("at"), &rows, &numbers, Form::Table { separator: b',', cells: 3 });
        assert!(table.starts_with("at,\"a \"\"b\"\"\",\"c,d\"\n2016-07-01,,1.5\n5.5,-2,1000"), "{table}");
        let classes = Task::Classification { class_names: vec!["no".into(), "yes;".into()] };
        let rows = [row(3, None), row(4, None)];
        let numbers = [0.0, 3.0_f64.ln(), f64::NAN, f64::NAN];
        let table = written(&classes, None, &rows, &numbers, Form::Table { separator: b';', cells: 3 });
        assert_eq!(table, "row;class;probability\n3;\"yes;\";0.750000\n4;;\n");
        let json = written(&classes, None, &rows, &numbers, Form::Json);
        assert!(json.starts_with(
            "{\"row\":3,\"class\":\"yes;\",\"probability\":0.750000}\n{\"row\":4,\"class\":null"
        ));
    }
}
