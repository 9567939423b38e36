//! Sequences: series from CSV files, and the article's toy set.

use crate::program::{Call, Ended};
use crate::run_contents::{assert_same_run, config, json_lines, metrics};
use crate::series_files::{SeriesFile, wave};
use crate::trained_runs::{TrainedRun, shared};
use ndarray::{Array2, Array3};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::sync::OnceLock;

const OPTIONS: &str = ",time=t,target=a,window=8";

/// What `--data` takes for the series that the shared run is trained on.
fn shared_series() -> String {
    let path = shared("series.csv");
    if !path.exists() {
        fs::write(&path, wave(1.0)).unwrap();
    }
    format!("csv:{}{OPTIONS}", path.display())
}

/// Training of a small model in `out`; data are still to be named.
pub(crate) fn train(out: &Path) -> Call {
    let call = Call::new("train").flag("model", "liquid").flag("out", out).flag("epochs", "4");
    call.set("model.units=8").set("batch_size=16").set("optimizer.learning_rate=0.02")
}

/// A run that many tests look at, trained when first asked for.
pub(crate) fn trained() -> &'static TrainedRun {
    static RUN: OnceLock<TrainedRun> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = shared("liquid-series");
        let ended = train(&folder).flag("data", shared_series()).succeed();
        TrainedRun { folder, ended }
    })
}

/// Loss and mean absolute error in `test loss 0.0122, mean absolute error 0.0692 (training mean 0.6, last value 0.1)`.
fn scores(Ended { stdout, .. }: &Ended) -> [f64; 2] {
    let (loss, error) =
        stdout.trim_end().split_once(", mean absolute error ").expect("the line has an error");
    let error = error.split(' ').next().unwrap();
    [loss.strip_prefix("test loss ").expect("the line has a loss"), error]
        .map(|number| number.parse().unwrap())
}

#[test]
fn a_series_is_learned_and_scored_in_units_of_its_values() {
    let [loss, error] = scores(&trained().ended);
    // The sine has a variance of a half, so that a deviation is 0.7: the mean alone would score 1 and 0.6.
    assert!(loss < 0.3 && error < 0.3, "{loss} {error}");
    for line in metrics(&trained().folder) {
        assert!(line["loss"].is_number() && line["val_loss"].is_number(), "{line}");
        for absent in ["accuracy", "val_accuracy", "spike_rate", "living_units", "births"] {
            assert!(line.get(absent).is_none(), "{absent} of {line}");
        }
    }
    assert!(!trained().ended.stderr.contains("accuracy"), "{}", trained().ended.stderr);
}

#[test]
fn eval_repeats_what_train_reported_of_a_series() {
    let ended = Call::new("eval").arg(&trained().folder).succeed();
    let expected = format!("{}, 16 samples of {}\n", trained().ended.stdout.trim_end(), shared_series());
    assert_eq!((ended.stdout, ended.stderr), (expected, String::new()));
}

#[test]
fn a_paused_run_on_a_series_ends_as_the_whole_run() {
    let parts = tempfile::tempdir().unwrap();
    train(parts.path()).flag("data", shared_series()).flag("pause-after", "2").succeed();
    let resumed = Call::new("train").flag("resume", parts.path()).succeed();
    assert_eq!(resumed.stdout, trained().ended.stdout);
    assert_same_run(&trained().folder, parts.path());
}

#[test]
fn a_series_named_from_its_folder_is_found_from_another() {
    let series = SeriesFile::wave();
    let run = tempfile::tempdir().unwrap();
    let call = train(run.path()).flag("data", format!("csv:series.csv{OPTIONS}")).flag("pause-after", "1");
    call.inside(series.folder()).succeed();
    assert_eq!(config(run.path())["data"], series.spec(OPTIONS));
    let elsewhere = tempfile::tempdir().unwrap();
    Call::new("train").flag("resume", run.path()).inside(elsewhere.path()).succeed();
    Call::new("eval").arg(run.path()).inside(elsewhere.path()).succeed();
}

/// The values of `predict` for windows `x`, in float64.
fn predicted(run: &Path, x: &Array3<f64>) -> Array2<f64> {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    x.write_npy(File::create(&input).unwrap()).unwrap();
    Call::new("predict").arg(run).flag("input", input).flag("output", &output).succeed();
    Array2::read_npy(File::open(output).unwrap()).unwrap()
}

/// What `--json` tells of the test.
fn test_of(ended: &Ended) -> Value {
    json_lines(&ended.stdout).pop().expect("there is a test")["data"].take()
}

#[test]
fn a_printed_error_is_that_of_the_numbers_in_the_file_whatever_their_unit_and_offset() {
    for (scale, offset) in
        [(1.0, 0.0), (0.1, 3_948_996.0), (1e-14, 0.0), (1.0, 1.7e9), (1e15, 1e20), (1e-9, 1.0)]
    {
        let rows: Vec<[f64; 2]> = (0..200)
            .map(|i| f64::from(i) * 0.3)
            .map(|t| [t.sin(), t.cos()].map(|number| offset + scale * number))
            .collect();
        let table = rows.iter().map(|[a, b]| format!("{a:e},{b:e}")).collect::<Vec<_>>().join("\n");
        let series = SeriesFile::of(&format!("a,b\n{table}\n"));
        let run = series.folder().join("run");
        let call = train(&run).flag("data", series.spec(",target=b,window=8"));
        let test = test_of(&call.arg("--json").succeed());
        let count = test["samples"].as_u64().unwrap() as usize;
        let first = rows.len() - count;
        let x = Array3::from_shape_fn((count, 8, 2), |(n, t, i)| rows[first + n - 8 + t][i]);
        let errors = predicted(&run, &x)
            .column(0)
            .iter()
            .enumerate()
            .map(|(n, y)| (y - rows[first + n][1]).abs())
            .collect::<Vec<_>>();
        let expected = errors.iter().sum::<f64>() / count as f64;
        let printed = test["mean_absolute_error"].as_f64().unwrap();
        assert!(
            (printed - expected).abs() < 1e-5 * scale + 1e-9 * expected,
            "{scale} and {offset}: {printed} and {expected}"
        );
        assert!(printed < 0.5 * scale, "{scale} and {offset}: an error of {printed} is nothing learned");
        assert!(test["targets"][0]["last_value"]["mae"].as_f64().unwrap() > 0.05 * scale, "{test}");
    }
}

#[test]
fn columns_are_found_by_their_names_and_other_files_are_tested_whole() {
    let text = wave(1.0);
    let later = text.lines().map(|row| {
        let [t, a, b] = row.split(',').collect::<Vec<_>>().try_into().unwrap();
        format!("{b},note,{a},{t}\n")
    });
    let sorted = SeriesFile::of(&later.collect::<String>());
    // The rows of the training are left out, therefore the test is the same as that of the run.
    let ended = Call::new("eval").arg(&trained().folder).flag("data", sorted.spec("")).succeed();
    assert!(ended.stdout.starts_with(trained().ended.stdout.trim_end()), "{}", ended.stdout);
    assert!(ended.stderr.contains("note: the first 136 rows of"), "{}", ended.stderr);
    let whole = Call::new("eval").arg(&trained().folder).flag("data", sorted.spec(",test=all")).succeed();
    assert!(
        whole.stdout.contains("152 samples") && whole.stderr.contains("warning: 136 rows"),
        "{}",
        whole.stderr
    );
}

#[test]
fn a_column_that_stands_still_while_the_model_learns_is_named_and_does_no_harm() {
    let text = wave(1.0);
    let rows = text.lines().enumerate().map(|(i, row)| match i {
        0 => format!("valve,{row}\n"),
        i if i < 137 => format!("5,{row}\n"),
        i => format!("{i},{row}\n"),
    });
    let (still, moving) = (SeriesFile::of(&text), SeriesFile::of(&rows.collect::<String>()));
    let [with, without] = [(&moving, "valve+a+b"), (&still, "a+b")].map(|(series, columns)| {
        let out = series.folder().join("run");
        train(&out).flag("data", series.spec(&format!(",target=a,columns={columns},window=8"))).succeed()
    });
    let named =
        [r#"warning: the column "valve" is constant (5)"#, r#"warning: the column "valve" was constant (5)"#];
    assert!(named.iter().all(|text| with.stderr.contains(text)), "{}", with.stderr);
    assert!(scores(&with)[1] < 2.0 * scores(&without)[1], "{} {}", with.stdout, without.stdout);
}

#[test]
fn several_values_have_an_error_each() {
    let text = wave(1.0);
    let (_, rows) = text.split_once('\n').unwrap();
    let scaled = rows.lines().map(|row| {
        let numbers: Vec<f64> = row.split(',').map(|cell| cell.parse().unwrap()).collect();
        format!("{},{},{}", numbers[0], 1e5 * numbers[1], 0.01 * numbers[2])
    });
    let scaled = scaled.collect::<Vec<_>>().join("\n");
    let series = SeriesFile::of(&format!("t,power,height\n{scaled}\n"));
    let run = series.folder().join("run");
    let ended =
        train(&run).flag("data", series.spec(",columns=power+height,target=power+height,window=8")).succeed();
    assert!(ended.stdout.contains("; power ") && ended.stdout.contains("; height "), "{}", ended.stdout);
    let test = test_of(&Call::new("eval").arg(&run).arg("--json").succeed());
    let mae = |i: usize| test["targets"][i]["mae"].as_f64().unwrap();
    assert!(mae(0) > 100.0 && mae(1) < 1.0, "{test}");
    assert!(test.get("mean_absolute_error").is_none(), "{test}");
}

#[test]
fn predict_tells_the_values_of_sequences_of_any_length() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    let dt = folder.path().join("dt.npy");
    for steps in [8, 3] {
        Array2::from_elem((5, steps), 0.4_f32).write_npy(File::create(&dt).unwrap()).unwrap();
        let x = Array3::from_shape_fn((5, steps, 2), |(n, t, i)| (n + t) as f32 * 0.1 + 10.0 * i as f32);
        x.write_npy(File::create(&input).unwrap()).unwrap();
        let call = Call::new("predict").arg(&trained().folder).flag("input", &input);
        call.flag("output", &output).flag("dt", &dt).succeed();
        let values = Array2::<f32>::read_npy(File::open(&output).unwrap()).unwrap();
        assert_eq!(values.dim(), (5, 1));
        assert!(values.iter().all(|value| value.is_finite()), "{values}");
    }
}

#[test]
fn the_article_learns_its_toy_set_by_heart_in_a_hundred_steps() {
    let run = tempfile::tempdir().unwrap();
    let call = Call::new("train").flag("model", "liquid").flag("preset", "article").flag("data", "toy");
    let ended = call.flag("out", run.path()).succeed();
    let lines = metrics(run.path());
    let last = lines.last().unwrap();
    assert_eq!((lines.len(), &last["step"]), (100, &100.into()), "one step an epoch");
    assert!(last["loss"].as_f64().unwrap() < 1e-3, "{last}");
    assert!(scores(&ended)[0] < 1e-3, "{}", ended.stdout);
    let eval = Call::new("eval").arg(run.path()).succeed();
    assert_eq!(eval.stdout, format!("{}, 4 samples of toy\n", ended.stdout.trim_end()));
}
