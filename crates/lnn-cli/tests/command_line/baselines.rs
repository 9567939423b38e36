//! What `eval` prints beside a model: the predictions that need none.

use crate::program::Call;
use crate::run_contents::json_lines;
use crate::series_files::SeriesFile;
use crate::trained_runs::LNN_TUNED;
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// 160 values that repeat themselves every six rows, and grow slowly.
fn values() -> Vec<f64> {
    let wave = [0.0, 3.0, 1.0, -4.0, 2.0, 0.5];
    (0..160).map(|row| wave[row % 6] + 0.01 * row as f64).collect()
}

fn seasons(times: impl Fn(usize) -> f64) -> SeriesFile {
    let mut text = "t,load\n".to_owned();
    for (row, value) in values().iter().enumerate() {
        writeln!(text, "{},{value}", times(row)).unwrap();
    }
    SeriesFile::of(&text)
}

fn train(file: &SeriesFile, options: &str, out: &Path) -> String {
    let call = Call::new("train").flag("model", "gru").flag("data", file.spec(options)).flag("out", out);
    call.set("model.units=4").flag("epochs", "1").succeed().stderr
}

fn evaluated(source: &Path) -> Value {
    let text = Call::new("eval").arg(source).arg("--json").succeed().stdout;
    json_lines(&text).last().unwrap()["data"].clone()
}

#[test]
fn values_stand_beside_those_of_one_season_before() {
    let (folder, file) = (tempfile::tempdir().unwrap(), seasons(|row| row as f64));
    let run = folder.path().join("run");
    train(&file, ",time=t,window=12", &run);
    let alone = folder.path().join("alone.safetensors");
    fs::copy(run.join("best.safetensors"), &alone).unwrap();
    for source in [&run, &alone] {
        let target = evaluated(source)["targets"][0].clone();
        assert_eq!(target["seasonal"]["season"], 6, "{target}");
        // The test is the last 24 rows, of which the first twelve are the first window.
        let values = values();
        let error =
            |lag: usize| (148..160).map(|row| (values[row] - values[row - lag]).abs()).sum::<f64>() / 12.0;
        assert!((target["seasonal"]["mae"].as_f64().unwrap() - error(6)).abs() < 1e-9, "{target}");
        assert!((target["last_value"]["mae"].as_f64().unwrap() - error(1)).abs() < 1e-9, "{target}");
    }
    let words = Call::new("eval").arg(&run).succeed().stdout;
    assert!(words.contains("last value of a season of 6 rows 0.0600)"), "{words}");
}

#[test]
fn a_season_is_left_out_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (even, uneven) = (seasons(|row| row as f64), seasons(|row| (row * row) as f64));
    let cases = [
        (&even, ",time=t,window=3", "a window of 3 rows"),
        (&uneven, ",time=t,window=12", "not evenly spaced"),
    ];
    for (i, (file, options, reason)) in cases.into_iter().enumerate() {
        let run = folder.path().join(i.to_string());
        let trained = train(file, options, &run);
        assert!(trained.contains("note: the baseline `last value of a season` is left out"), "{trained}");
        let found = evaluated(&run);
        assert!(found["baselines_left_out"][0].as_str().unwrap().contains(reason), "{found}");
        assert!(found["targets"][0].get("seasonal").is_none(), "{found}");
        let said = Call::new("eval").arg(&run).succeed().stderr;
        assert!(said.contains("note: ") && said.contains(reason), "{said}");
    }
}

#[test]
fn classes_stand_beside_the_majority_and_a_ridge_on_raw_values() {
    let run = &LNN_TUNED.run().folder;
    let found = evaluated(run);
    let score = |name: &str| found[name]["accuracy"].as_f64().unwrap();
    assert!(score("majority_class") < score("ridge_on_raw_values"), "{found}");
    let samples: u64 = found["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .sum();
    // One class is right for all of its samples, and no other one.
    let rows = found["confusion"].as_array().unwrap();
    let sizes: Vec<u64> =
        rows.iter().map(|row| row.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum()).collect();
    assert!(sizes.iter().any(|size| (*size as f64 / samples as f64 - score("majority_class")).abs() < 1e-9));
    let words = Call::new("eval").arg(run).succeed().stdout;
    assert!(
        words.contains("; baselines: majority class 0.") && words.contains(", ridge on raw values "),
        "{words}"
    );
}

#[test]
fn noise_on_the_input_has_no_baselines() {
    let (folder, file) = (tempfile::tempdir().unwrap(), seasons(|row| row as f64));
    let run = folder.path().join("run");
    train(&file, ",time=t,window=12", &run);
    let text = Call::new("eval").arg(&run).flag("noise", "0.1").arg("--json").succeed().stdout;
    let lines = json_lines(&text);
    assert_eq!([&lines[0]["type"], &lines[1]["type"]], ["noise", "test"]);
    assert!(lines[0]["data"]["result"]["targets"][0].get("seasonal").is_none());
}
