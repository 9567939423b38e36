//! `eval --backtest`: forecasts from several starts beside the baselines.

use crate::program::Call;
use crate::run_contents::json_lines;
use crate::series_files::{SeriesFile, wave};
use serde_json::Value;
use std::path::Path;

fn train(file: &SeriesFile, options: &str, out: &Path) {
    let call = Call::new("train").flag("model", "gru").flag("data", file.spec(options)).flag("out", out);
    call.set("model.units=8").flag("epochs", "2").succeed();
}

fn backtest(run: &Path, starts: &str, steps: &str) -> Value {
    let call = Call::new("eval").arg(run).flag("backtest", starts).flag("steps", steps).arg("--json");
    let lines = json_lines(&call.succeed().stdout);
    assert_eq!((&lines[0]["type"], lines.len()), (&"backtest".into(), 1));
    lines[0]["data"].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn one_start_has_the_errors_of_the_forecast_from_there() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file, ",target=b+a,columns=a+b,window=8", &run);
    let found = backtest(&run, "1", "5");
    // The test is the last 24 of 160 rows.
    assert_eq!((&found["first_rows"][0], &found["starts"]), (&137.into(), &1.into()), "{found}");
    let text = wave(1.0);
    let before: Vec<&str> = text.lines().take(137).collect();
    let before = SeriesFile::of(&(before.join("\n") + "\n"));
    let call = Call::new("forecast").arg(&run).flag("input", before.path()).flag("steps", "5");
    let forecast = call.succeed().stdout;
    let cells = |line: &str| line.split(',').map(|cell| cell.parse::<f64>().unwrap()).collect::<Vec<_>>();
    for (ahead, line) in forecast.lines().skip(1).enumerate() {
        let (predicted, truth) = (cells(line), cells(text.lines().nth(137 + ahead).unwrap()));
        for (place, name, column) in [(0, "b", 2), (1, "a", 1)] {
            let target = &found["ahead"][ahead]["targets"][place];
            assert_eq!(target["name"], name);
            let error = (predicted[place + 1] - truth[column]).abs();
            assert!((number(&target["mae"]) - error).abs() < 1e-4, "{target}, expected {error}");
        }
    }
}

#[test]
fn the_table_of_a_backtest_has_every_forecast_with_its_truth() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file, ",target=b+a,columns=a+b,window=8", &run);
    let table = folder.path().join("starts.csv");
    let call = Call::new("eval").arg(&run).flag("backtest", "3").flag("steps", "4").flag("output", &table);
    let found = json_lines(&call.arg("--json").succeed().stdout)[0]["data"].clone();
    let text = std::fs::read_to_string(&table).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows[0].join(","), rows.len()), ("start,ahead,b,a,b_true,a_true".to_owned(), 13));
    let seconds = rows[1..].iter().filter(|row| row[1] == "2");
    let error = |row: &Vec<&str>| (row[2].parse::<f64>().unwrap() - row[4].parse::<f64>().unwrap()).abs();
    let mae = seconds.map(error).sum::<f64>() / 3.0;
    assert!((number(&found["ahead"][1]["targets"][0]["mae"]) - mae).abs() < 1e-9, "{found}");
    // The rows are counted from 1, as in the file.
    let source = wave(1.0);
    let truth = source.lines().nth(rows[1][0].parse().unwrap()).unwrap();
    assert_eq!(truth.split(',').nth(2), Some(rows[1][4]));
}

#[test]
fn baselines_know_what_the_model_knows() {
    let folder = tempfile::tempdir().unwrap();
    let ramp: Vec<String> = (0..200).map(|row| format!("{row}\n")).collect();
    let file = SeriesFile::of(&("x\n".to_owned() + &ramp.concat()));
    let run = folder.path().join("run");
    train(&file, ",window=10", &run);
    let found = backtest(&run, "4", "6");
    assert_eq!(found["first_rows"], serde_json::json!([171, 195]), "{found}");
    for ahead in 1..=6_u32 {
        let target = &found["ahead"][ahead as usize - 1]["targets"][0];
        assert!((number(&target["last_value"]["mae"]) - f64::from(ahead)).abs() < 1e-9, "{target}");
        // The season of a ramp is the shortest one, 2 rows.
        let lag = f64::from(ahead.div_ceil(2) * 2);
        assert!((number(&target["seasonal"]["mae"]) - lag).abs() < 1e-9, "{target}");
        assert!(number(&target["training_mean"]["mae"]) > 50.0, "{target}");
    }
    let words = Call::new("eval").arg(&run).flag("backtest", "4").flag("steps", "6").succeed().stdout;
    assert!(
        words.starts_with("backtest from 4 starts, mean absolute errors by rows ahead\n    1  x "),
        "{words}"
    );
    assert_eq!(words.lines().count(), 7);
}

#[test]
fn the_true_later_values_of_other_columns_are_given_and_named() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file, ",time=t,target=b,columns=a+b,window=8", &run);
    assert_eq!(backtest(&run, "3", "4")["given"], serde_json::json!(["a"]));
}

#[test]
fn starts_that_have_no_room_and_data_that_is_no_table_are_refused() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file, ",target=b,columns=b,window=8", &run);
    let eval = || Call::new("eval").arg(&run);
    let refused = eval().flag("backtest", "30").flag("steps", "4").refused();
    assert!(refused.contains("need at least 33 rows") && refused.contains("found 24"), "{refused}");
    // 24 steps fit exactly.
    assert!(eval().flag("backtest", "1").succeed().stdout.contains("   24  b "));
    assert!(eval().flag("steps", "4").refused().contains("--backtest"));
    let toy = folder.path().join("toy");
    let call = Call::new("train").flag("model", "gru").flag("data", "toy").flag("epochs", "1");
    call.flag("out", &toy).succeed();
    let refused = Call::new("eval").arg(&toy).flag("backtest", "2").refused();
    assert!(refused.contains("toy is no series to go on from"), "{refused}");
}
