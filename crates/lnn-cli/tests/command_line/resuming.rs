//! A run in parts is the run as a whole, bit for bit.

use crate::image_sets::SetFolder;
use crate::program::Call;
use crate::run_contents::{assert_same_run, config, json_lines, metrics, training};
use crate::sequences;
use crate::series_files::SeriesFile;
use crate::trained_runs::{
    CIFAR_CONV, CLLNN_ARTICLE, CLLNN_TUNED, EPOCHS, LNN_ARTICLE, LNN_TUNED, SNLNN_TUNED, Variant, shared_data,
};
use std::fs;
use std::path::Path;

fn resume(run: &Path) -> Call {
    Call::new("train").flag("resume", run)
}

fn pausing_equals_the_whole(variant: Variant) {
    let parts = tempfile::tempdir().unwrap();
    let train = variant.train(parts.path()).flag("data", shared_data()).flag("epochs", EPOCHS.to_string());
    let paused = train.flag("pause-after", "2").succeed();
    assert_eq!(paused.stdout, "", "a paused run has no test result");
    assert!(
        paused.stderr.contains("paused after 2 epochs, 36 steps; `lnn-cli train --resume "),
        "{}",
        paused.stderr
    );
    assert_eq!(training(parts.path())["epoch"], 2);

    let resumed = resume(parts.path()).succeed();
    assert!(resumed.stderr.contains("resumed after epoch 2 of 4"), "{}", resumed.stderr);
    let whole = variant.run();
    assert_eq!(resumed.stdout, whole.ended.stdout);
    assert_same_run(&whole.folder, parts.path());
}

#[test]
fn a_paused_lnn_of_the_article_ends_as_the_whole_run() {
    pausing_equals_the_whole(LNN_ARTICLE);
}

#[test]
fn a_paused_lnn_ends_as_the_whole_run() {
    pausing_equals_the_whole(LNN_TUNED);
}

#[test]
fn a_paused_cllnn_of_the_article_ends_as_the_whole_run() {
    pausing_equals_the_whole(CLLNN_ARTICLE);
}

#[test]
fn a_paused_cllnn_ends_as_the_whole_run() {
    pausing_equals_the_whole(CLLNN_TUNED);
}

/// Convolutions that Muon trains, and batch normalisation.
#[test]
fn a_paused_cifar_with_convolutions_ends_as_the_whole_run() {
    pausing_equals_the_whole(CIFAR_CONV);
}

#[test]
fn a_paused_snlnn_that_has_grown_ends_as_the_whole_run() {
    pausing_equals_the_whole(SNLNN_TUNED);
    let line = &metrics(&SNLNN_TUNED.run().folder)[1];
    assert!(line["living_units"].as_i64().unwrap() > 16, "it grew before the pause: {line}");
}

/// The article's schedule does not depend on the number of epochs, so more of them can be asked for later.
#[test]
fn more_epochs_asked_for_later_equal_as_many_asked_for_at_once() {
    for variant in [LNN_ARTICLE, CLLNN_ARTICLE] {
        let run = tempfile::tempdir().unwrap();
        let call = variant.train(run.path()).flag("data", shared_data()).flag("epochs", "2");
        assert!(call.succeed().stdout.starts_with("test accuracy "));
        let resumed = resume(run.path()).flag("epochs", EPOCHS.to_string()).succeed();
        let whole = variant.run();
        assert_eq!(resumed.stdout, whole.ended.stdout, "{variant:?}");
        assert_same_run(&whole.folder, run.path());
    }
}

#[test]
fn more_epochs_are_remembered_by_the_next_resume() {
    let run = tempfile::tempdir().unwrap();
    let call = LNN_ARTICLE.train(run.path()).flag("data", shared_data()).flag("epochs", "2");
    call.flag("pause-after", "1").succeed();
    resume(run.path()).flag("epochs", EPOCHS.to_string()).flag("pause-after", "1").succeed();
    resume(run.path()).succeed();
    assert_eq!(config(run.path())["epochs"], EPOCHS);
    assert_same_run(&LNN_ARTICLE.run().folder, run.path());
}

#[test]
fn a_finished_run_resumed_repeats_its_test_and_changes_nothing() {
    let whole = LNN_TUNED.run();
    let copy = tempfile::tempdir().unwrap();
    for name in ["config.json", "metrics.jsonl", "last.safetensors", "best.safetensors"] {
        fs::copy(whole.folder.join(name), copy.path().join(name)).unwrap();
    }
    let ended = resume(copy.path()).succeed();
    assert_eq!(ended.stdout, whole.ended.stdout);
    assert_same_run(&whole.folder, copy.path());
    assert_eq!(metrics(copy.path()), metrics(&whole.folder));
}

#[test]
fn a_run_that_stopped_early_stays_so() {
    let run = tempfile::tempdir().unwrap();
    // With so small a rate no epoch is better than the first by accuracy, and the patience ends the run.
    let call =
        LNN_ARTICLE.train(run.path()).flag("data", shared_data()).flag("epochs", "9").set("patience=1");
    let ended = call.flag("lr", "1e-30").set("selection=accuracy").succeed();
    assert!(ended.stderr.contains("stopped early after epoch 2; the best was epoch 1"), "{}", ended.stderr);
    let resumed = resume(run.path()).succeed();
    assert_eq!(resumed.stdout, ended.stdout);
    assert_eq!(metrics(run.path()).len(), 2);
}

#[test]
fn a_run_that_stopped_early_goes_on_when_it_gets_more_epochs() {
    let run = tempfile::tempdir().unwrap();
    let call =
        LNN_ARTICLE.train(run.path()).flag("data", shared_data()).flag("epochs", "9").set("patience=1");
    call.flag("lr", "1e-30").set("selection=accuracy").succeed();
    let resumed = resume(run.path()).flag("epochs", "12").succeed();
    assert!(resumed.stderr.contains("its patience counts anew"), "{}", resumed.stderr);
    assert_eq!(metrics(run.path()).len(), 3);
}

#[test]
fn fewer_epochs_than_are_finished_are_refused_and_change_nothing() {
    let run = tempfile::tempdir().unwrap();
    LNN_ARTICLE.train(run.path()).flag("data", shared_data()).flag("epochs", "2").succeed();
    let before = fs::read(run.path().join("config.json")).unwrap();
    let message = resume(run.path()).flag("epochs", "1").refused();
    assert!(message.contains("expected at least 2") && message.contains("found 1"), "{message}");
    assert_eq!(fs::read(run.path().join("config.json")).unwrap(), before);
}

#[test]
fn a_one_cycle_schedule_is_not_stretched_by_more_epochs() {
    let run = tempfile::tempdir().unwrap();
    let call = CLLNN_TUNED.train(run.path()).flag("data", shared_data()).flag("epochs", "2");
    call.flag("pause-after", "1").succeed();
    let resumed = resume(run.path()).flag("epochs", "4").succeed();
    assert!(resumed.stderr.contains("ends after 2 epochs"), "{}", resumed.stderr);
    let rates: Vec<f64> = metrics(run.path()).iter().map(|line| line["lr"].as_f64().unwrap()).collect();
    let whole: Vec<f64> = metrics(&shorter()).iter().map(|line| line["lr"].as_f64().unwrap()).collect();
    assert_eq!(rates[..2], whole[..]);
    assert!((rates[2] - 1e-4).abs() < 1e-12 && (rates[3] - 1e-4).abs() < 1e-12, "{rates:?}");
}

/// A run of two epochs.
fn shorter() -> std::path::PathBuf {
    let run = crate::trained_runs::shared("cllnn-two-epochs");
    CLLNN_TUNED.train(&run).flag("data", shared_data()).flag("epochs", "2").succeed();
    run
}

#[test]
fn changed_images_are_refused_unless_they_are_accepted_and_then_keep_their_part() {
    let (set, run) = (SetFolder::usual(), tempfile::tempdir().unwrap());
    LNN_ARTICLE.train(run.path()).flag("data", set.spec()).flag("epochs", "2").succeed();
    let config = fs::read(run.path().join("config.json")).unwrap();
    // One pixel of the first image, behind a header of 16 bytes.
    let mut images = fs::read(set.file(0)).unwrap();
    images[16] ^= 1;
    fs::write(set.file(0), images).unwrap();
    let message = resume(run.path()).flag("epochs", "3").refused();
    assert!(message.contains("1 samples of it are gone or changed, 1 are new"), "{message}");
    assert!(message.contains("--accept-changed-data"), "{message}");
    assert_eq!(fs::read(run.path().join("config.json")).unwrap(), config);
    let ended = resume(run.path()).flag("epochs", "3").arg("--accept-changed-data").succeed();
    assert!(ended.stderr.contains("warning: 1 samples"), "{}", ended.stderr);
}

#[test]
fn rows_that_came_after_the_known_ones_are_for_the_test() {
    let (series, run) = (SeriesFile::wave(), tempfile::tempdir().unwrap());
    let text = fs::read_to_string(series.path()).unwrap();
    sequences::train(run.path()).flag("data", series.spec(",target=a,window=8")).succeed();
    let last = text.lines().last().unwrap().to_owned() + "\n";
    fs::write(series.path(), text.clone() + &last + &last).unwrap();
    let resumed = resume(run.path()).flag("epochs", "5").arg("--json").succeed();
    let test = json_lines(&resumed.stdout).pop().unwrap();
    assert_eq!(test["data"]["samples"], 18);
    fs::write(series.path(), text.replacen(&last, "", 1).replacen("t,a,b\n0,", "t,a,b\n-1,", 1)).unwrap();
    assert!(resume(run.path()).flag("epochs", "6").refused().contains("is not what the run was trained on"));
}

#[test]
fn a_folder_without_a_run_cannot_be_resumed() {
    let empty = tempfile::tempdir().unwrap();
    let message = resume(empty.path()).refused();
    assert!(message.contains("is not the folder of a run") && message.contains("config.json"), "{message}");
}
