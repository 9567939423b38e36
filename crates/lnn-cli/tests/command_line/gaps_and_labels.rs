//! Series with missing values, and with a class for each row.

use crate::program::Call;
use crate::run_contents::metrics;
use crate::series_files::{SeriesFile, wave};
use serde_json::Value;
use std::path::Path;

/// The wave, of which every fifth `a` and every seventh `b` is missing.
fn with_gaps() -> SeriesFile {
    let rows = wave(1.0);
    let text: Vec<String> = rows
        .lines()
        .enumerate()
        .map(|(i, line)| {
            let cells: Vec<&str> = line.split(',').collect();
            let gap = |cell: usize, every: usize| if i > 0 && i % every == 0 { "" } else { cells[cell] };
            format!("{},{},{}\n", cells[0], gap(1, 5), gap(2, 7))
        })
        .collect();
    SeriesFile::of(&text.concat())
}

/// The wave with a class for each row: whether `a` is above zero; every third row has none.
fn labelled() -> SeriesFile {
    let rows = wave(1.0);
    let text: Vec<String> = rows
        .lines()
        .enumerate()
        .map(|(i, line)| {
            let above = line.split(',').nth(1).and_then(|a| a.parse::<f64>().ok()).is_some_and(|a| a > 0.0);
            let label = match i {
                0 => "sign",
                _ if i % 3 == 0 => "",
                _ if above => "above",
                _ => "below",
            };
            format!("{line},{label}\n")
        })
        .collect();
    SeriesFile::of(&text.concat())
}

fn train(model: &str, data: &str, out: &Path, epochs: u32) -> Call {
    let call = Call::new("train").flag("model", model).flag("data", data).flag("out", out);
    call.set("model.units=8").flag("epochs", epochs.to_string())
}

fn evaluated(call: Call) -> Value {
    let line = call.arg("--json").succeed().stdout;
    serde_json::from_str(line.lines().last().unwrap()).unwrap()
}

#[test]
fn a_model_of_a_series_with_gaps_is_tested_on_gaps_without_further_options() {
    let (folder, file) = (tempfile::tempdir().unwrap(), with_gaps());
    let run = folder.path().join("run");
    let refused = train("gru", &file.spec(",time=t,window=6"), &run, 1).refused();
    assert!(refused.contains("line 6, column \"a\"") && refused.contains("missing=mask"), "{refused}");
    let trained = train("gru", &file.spec(",time=t,window=6,missing=mask"), &run, 3).succeed();
    assert!(trained.stderr.contains("windows of the training part have no target"), "{}", trained.stderr);
    let result = evaluated(Call::new("eval").arg(&run));
    assert!(result["data"]["loss"].as_f64().unwrap().is_finite(), "{result}");
    let other = SeriesFile::wave();
    let whole = evaluated(Call::new("eval").arg(&run).flag("data", other.spec("")));
    assert!(whole["data"]["loss"].as_f64().unwrap().is_finite(), "{whole}");
}

#[test]
fn a_model_without_gaps_refuses_them_in_a_test() {
    let (folder, file) = (tempfile::tempdir().unwrap(), with_gaps());
    let run = folder.path().join("run");
    train("gru", &file.spec(",time=t,window=6,missing=previous"), &run, 1).succeed();
    let refused = Call::new("eval").arg(&run).flag("data", file.spec(",missing=mask,test=all")).refused();
    assert!(refused.contains("missing=mask: the model was trained without missing values"), "{refused}");
    evaluated(Call::new("eval").arg(&run).flag("data", file.spec(",test=all")));
}

#[test]
fn each_row_has_a_class_and_rows_without_one_do_not_count() {
    let (folder, file) = (tempfile::tempdir().unwrap(), labelled());
    let data = file.spec(",time=t,label=sign,task=per-step,window=10");
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let ended = train("cfc", &data, &whole, 30).set("optimizer.learning_rate=0.02").succeed();
    for epoch in metrics(&whole) {
        let accuracy = epoch["accuracy"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&accuracy), "{epoch}");
    }
    let result = evaluated(Call::new("eval").arg(&whole));
    assert!(result["data"]["accuracy"].as_f64().unwrap() > 0.8, "{result}");
    train("cfc", &data, &parts, 30).set("optimizer.learning_rate=0.02").flag("pause-after", "2").succeed();
    assert_eq!(Call::new("train").flag("resume", &parts).succeed().stdout, ended.stdout);
}
