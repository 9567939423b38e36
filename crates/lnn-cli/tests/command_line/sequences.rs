//! Sequences: series from CSV files, and the article's toy set.

use crate::program::{Call, Ended};
use crate::run_contents::{assert_same_run, config, metrics};
use crate::series_files::{SeriesFile, wave};
use crate::trained_runs::{TrainedRun, shared};
use ndarray::{Array2, Array3};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
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

/// Loss and mean absolute error in `test loss 0.0122, mean absolute error 0.0692`.
fn scores(Ended { stdout, .. }: &Ended) -> [f64; 2] {
    let (loss, error) =
        stdout.trim_end().split_once(", mean absolute error ").expect("the line has an error");
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

#[test]
fn predict_tells_the_values_of_sequences_of_any_length() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    for steps in [8, 3] {
        let x = Array3::from_shape_fn((5, steps, 2), |(n, t, i)| (n + t) as f32 * 0.1 + 10.0 * i as f32);
        x.write_npy(File::create(&input).unwrap()).unwrap();
        let call = Call::new("predict").arg(&trained().folder).flag("input", &input);
        call.flag("output", &output).succeed();
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
