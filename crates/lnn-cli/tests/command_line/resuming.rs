//! A run in parts is the run as a whole, bit for bit.

use crate::program::Call;
use crate::run_contents::{assert_same_run, config, metrics, training};
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
fn a_folder_without_a_run_cannot_be_resumed() {
    let empty = tempfile::tempdir().unwrap();
    let message = resume(empty.path()).refused();
    assert!(message.contains("is not the folder of a run") && message.contains("config.json"), "{message}");
}
