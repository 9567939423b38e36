//! `eval --noise`.

use crate::program::Call;
use crate::run_contents::json_lines;
use crate::sequences;
use crate::series_files::{SeriesFile, wave};
use crate::trained_runs::LNN_TUNED;
use serde_json::Value;
use std::path::Path;

fn eval(run: &Path, noise: &[&str]) -> String {
    let noise = noise.iter().flat_map(|levels| ["--noise", levels]);
    Call::new("eval").arg(run).args(noise).succeed().stdout
}

fn images_and_series() -> [&'static Path; 2] {
    [&LNN_TUNED.run().folder, &sequences::trained().folder]
}

#[test]
fn each_level_has_a_line_and_the_test_stands_last_as_without_noise() {
    for run in images_and_series() {
        let text = eval(run, &["0.1,0.5"]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("noise 0.1: ") && lines[1].starts_with("noise 0.5: "), "{text}");
        assert_eq!(lines[2], eval(run, &[]).trim_end());
        // A level does not see the noise of the one before, and the same noise comes each time.
        assert_eq!(eval(run, &["0.5"]).lines().next(), Some(lines[1]));
        assert_eq!(eval(run, &["0.1", "0.5"]), text);
    }
}

#[test]
fn json_lines_tell_the_deviation_and_what_came_out() {
    for run in images_and_series() {
        let lines = |noise: &[&str]| {
            let noise = noise.iter().flat_map(|levels| ["--noise", levels]);
            json_lines(&Call::new("eval").arg(run).arg("--json").args(noise).succeed().stdout)
        };
        let all = lines(&["0.1,2"]);
        let types: Vec<&Value> = all.iter().map(|line| &line["type"]).collect();
        assert_eq!(types, ["noise", "noise", "test"]);
        let deviations: Vec<&Value> = all[..2].iter().map(|line| &line["data"]["deviation"]).collect();
        assert_eq!(deviations, [0.1, 2.0]);
        assert_eq!(all[2..], lines(&[]));
        let loss = |line: &Value| line["data"]["result"]["loss"].as_f64().unwrap();
        assert!(loss(&all[1]) > loss(&all[0]), "much noise is worse than a little: {all:?}");
    }
}

#[test]
fn a_level_that_is_no_deviation_is_refused() {
    for level in ["-0.1", "0.1,-0.5", "0", "NaN", "inf"] {
        let message = Call::new("eval").arg(&LNN_TUNED.run().folder).args(["--noise", level]).refused();
        assert!(message.contains("--noise: expected finite numbers above 0, found "), "{level}: {message}");
    }
    let message = Call::new("eval").arg(&LNN_TUNED.run().folder).args(["--noise", "much"]).refused();
    assert!(message.contains("'much'") && message.contains("--noise"), "{message}");
}

/// All numbers times a power of two, which rounds nothing: standardised they are the same.
#[test]
fn the_noise_of_sequences_is_in_units_of_each_feature() {
    let loss = |scale: f64| {
        let series = SeriesFile::of(&wave(scale));
        let run = series.folder().join("run");
        sequences::train(&run).flag("data", series.spec(",columns=a+b,target=a,window=8")).succeed();
        let lines =
            json_lines(&Call::new("eval").arg(&run).args(["--json", "--noise", "0.5"]).succeed().stdout);
        lines[0]["data"]["result"]["loss"].as_f64().unwrap()
    };
    let (plain, scaled) = (loss(1.0), loss(1024.0));
    assert!((plain - scaled).abs() < 1e-4 * plain, "{plain} {scaled}");
}
