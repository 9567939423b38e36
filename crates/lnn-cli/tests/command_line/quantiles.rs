//! Models that predict quantiles.

use crate::program::Call;
use crate::run_contents::json_lines;
use crate::series_files::SeriesFile;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// 600 rows of a slow sine under noise that is uniform in -1..1.
fn noisy() -> SeriesFile {
    let mut text = "x,y\n".to_owned();
    let mut state = 1_u64;
    for row in 0..600 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (state >> 33) as f64 / f64::from(1_u32 << 31) * 2.0 - 1.0;
        let x = (f64::from(row) / 20.0).sin();
        writeln!(text, "{x},{}", 100.0 + 3.0 * x + noise).unwrap();
    }
    SeriesFile::of(&text)
}

fn train(file: &SeriesFile, options: &str, out: &Path) -> Call {
    let call = Call::new("train").flag("model", "gru").flag("data", file.spec(options)).flag("out", out);
    call.set("model.units=8").set("epochs=3")
}

fn table(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap()
}

#[test]
fn the_intervals_hold_the_part_of_the_targets_that_they_claim() {
    let (folder, file) = (tempfile::tempdir().unwrap(), noisy());
    let run = folder.path().join("run");
    let call = train(&file, ",target=y,columns=x,window=8,horizon=0,test=0.3", &run);
    call.set("loss=quantile").set("optimizer.learning_rate=0.02").set("epochs=40").succeed();
    let done = Call::new("eval").arg(&run).succeed().stdout;
    assert!(done.contains("in the interval of 0.80, of mean width "), "{done}");
    let json = Call::new("eval").arg(&run).arg("--json").succeed().stdout;
    let target = json_lines(&json).last().unwrap()["data"]["targets"][0].clone();
    let of = |value: &Value| value.as_f64().unwrap();
    let interval = &target["intervals"][0];
    assert_eq!(interval["levels"], json!([0.1, 0.9]));
    // Eight tenths of a uniform noise of width 2.
    assert!((0.65..0.92).contains(&of(&interval["coverage"])), "{target}");
    assert!((1.2..2.1).contains(&of(&interval["width"])), "{target}");
    let below: Vec<f64> = target["quantiles"].as_array().unwrap().iter().map(|q| of(&q["below"])).collect();
    assert!(below[0] < 0.25 && (0.3..0.7).contains(&below[1]) && below[2] > 0.75, "{target}");
    // The single prediction is the median: the mean absolute error of a uniform noise is a half.
    assert!((0.4..0.7).contains(&of(&target["mae"])), "{target}");
}

#[test]
fn predict_and_stream_write_all_quantiles_ascending_and_forecast_goes_on_with_the_medians() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    let levels = r#"loss={"kind": "quantile", "levels": [0.05, 0.25, 0.5, 0.95]}"#;
    train(&file, ",time=t,target=b+a,columns=a+b,window=8", &run).set(levels).succeed();
    let predicted = table(&Call::new("predict").arg(&run).flag("input", file.path()).succeed().stdout);
    let names = ["b_q0.05", "b_q0.25", "b_q0.5", "b_q0.95", "a_q0.05", "a_q0.25", "a_q0.5", "a_q0.95"];
    assert_eq!(predicted[0][0], "t");
    assert_eq!(
        (&predicted[0][1..9], &predicted[0][9..]),
        (&names.map(String::from)[..], &["b_true", "a_true"].map(String::from)[..])
    );
    for line in &predicted[1..] {
        let numbers: Vec<f64> = line[1..9].iter().map(String::as_str).map(number).collect();
        assert!(numbers.chunks(4).all(<[f64]>::is_sorted), "{line:?}");
    }
    let input = std::fs::File::open(file.path()).unwrap();
    let streamed = table(&Call::new("stream").arg(&run).reading(input).succeed().stdout);
    assert_eq!(streamed[0][1..], names);
    let [last, of_stream] = [&predicted, &streamed].map(|table| table.last().unwrap());
    for column in 1..9 {
        assert!((number(&last[column]) - number(&of_stream[column])).abs() < 1e-4, "{last:?} {of_stream:?}");
    }
    let forecast = table(&Call::new("forecast").arg(&run).flag("steps", "3").succeed().stdout);
    assert_eq!(forecast[0], ["t", "b", "a"]);
    for (column, median) in [(1, 3), (2, 7)] {
        assert!((number(&forecast[1][column]) - number(&last[median])).abs() < 1e-4, "{forecast:?} {last:?}");
    }
    Call::new("eval").arg(&run).flag("backtest", "3").flag("steps", "2").succeed();
    let export = folder.path().join("m.pt");
    Call::new("export").arg(&run).flag("out", &export).succeed();
    let shown = Call::new("inspect").arg(&export).arg("--json").succeed().stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["description"]["quantiles"], json!([0.05, 0.25, 0.5, 0.95]), "{shown}");
    assert_eq!(shown["description"]["output"]["shape"][1], 8);
    let refused = Call::new("stream").arg(&run).flag("learn", "rls").refused();
    assert!(refused.contains("predicts quantiles"), "{refused}");
}

#[test]
fn a_run_of_single_predictions_becomes_the_start_of_one_of_quantiles() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let [first, then, back] = ["first", "then", "back"].map(|name| folder.path().join(name));
    let options = ",time=t,target=b,window=8";
    train(&file, options, &first).succeed();
    let done = train(&file, options, &then).set("loss=quantile").flag("init", &first).succeed();
    assert!(done.stderr.contains("3 outputs instead of 1, therefore new: readout"), "{}", done.stderr);
    let done = train(&file, options, &back).flag("init", &then).succeed();
    assert!(done.stderr.contains("1 outputs instead of 3"), "{}", done.stderr);
}

#[test]
fn levels_that_make_no_interval_are_refused() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    let refused = |value: &str| train(&file, ",target=b,window=8", &run).set(value).refused();
    for levels in ["[0.9, 0.5]", "[0.1, 0.9]", "[0.5, 1.0]", "[]"] {
        let text = refused(&format!(r#"loss={{"kind": "quantile", "levels": {levels}}}"#));
        assert!(text.contains("0.5 among them"), "{text}");
    }
    let series = Call::new("train").flag("model", "lnn").flag("data", file.spec(",target=b,window=8"));
    let text = series.flag("out", &run).set("loss=quantile").refused();
    assert!(
        text.contains("loss=quantile: a readout in closed form") && text.contains("--readout gradient"),
        "{text}"
    );
    assert!(!run.exists());
    // What the hint says works.
    let series = Call::new("train").flag("model", "lnn").flag("data", file.spec(",target=b,window=8"));
    series.flag("out", &run).set("loss=quantile").flag("readout", "gradient").flag("epochs", "2").succeed();
}
