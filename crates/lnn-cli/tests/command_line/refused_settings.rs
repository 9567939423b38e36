//! `--set` and `--config` that no run can be made of: exit 2, a message that helps, and no trace of a run.

use crate::image_sets::SetFolder;
use crate::program::Call;
use crate::trained_runs::shared_data;
use std::fs;
use std::path::Path;

fn refused(model: &str, data: &str, arguments: &[&str]) -> String {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("run");
    let call = Call::new("train").flag("model", model).flag("data", data).flag("out", &out).args(arguments);
    let message = call.refused();
    assert!(!out.exists(), "{arguments:?} left a folder with which the corrected command would be refused");
    message
}

fn refused_settings(model: &str, assignments: &[&str]) -> String {
    let arguments: Vec<&str> = assignments.iter().flat_map(|assignment| ["--set", assignment]).collect();
    refused(model, &shared_data(), &arguments)
}

fn refused_file(path: &Path) -> String {
    let message = refused("lnn", &shared_data(), &["--config", path.to_str().unwrap()]);
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    message
}

#[test]
fn an_unknown_key_comes_back_with_the_nearest_one() {
    let message = refused_settings("lnn", &["model.reservoir.unit=3"]);
    assert!(message.contains("unknown key `model.reservoir.unit`"), "{message}");
    assert!(message.contains("hint: did you mean `model.reservoir.units`?"), "{message}");
}

#[test]
fn a_value_of_another_type_is_named_with_its_key() {
    let message = refused_settings("lnn", &["model.reservoir.units=2.5"]);
    for part in ["the key `model.reservoir.units` does not take 2.5", "expected i64"] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn numbers_that_no_computer_has_room_for_are_refused_by_their_key() {
    let most = u64::MAX.to_string();
    let units = format!("model.reservoir.units={}", 1_u64 << 53);
    let message = refused_settings("lnn", &[&units]);
    assert!(message.contains("reservoir.units must be at most"), "{message}");
    for (flag, key) in [("--epochs", "epochs must be at most"), ("--pause-after", "--pause-after")] {
        let message = refused("cllnn", &shared_data(), &[flag, &most]);
        assert!(message.contains(key) && message.contains(&most), "{message}");
    }
}

#[test]
fn a_configuration_file_with_an_unknown_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wish.json");
    fs::write(&path, r#"{"epochs": 2, "optimizer": {"learning_rat": 0.1}}"#).unwrap();
    let message = refused_file(&path);
    assert!(message.contains("unknown key `optimizer.learning_rat`"), "{message}");
    assert!(message.contains("did you mean `optimizer.learning_rate`?"), "{message}");
}

#[test]
fn a_configuration_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wish.json");
    assert!(refused_file(&path).contains("No such file"));
    fs::write(&path, "{\"epochs\": 2").unwrap();
    let message = refused_file(&path);
    assert!(message.contains("not JSON") && message.contains("line 1"), "{message}");
}

#[test]
fn numbers_that_no_model_can_be_made_of_are_named() {
    for (model, assignment, parts) in [
        ("lnn", "model.reservoir.units=0", ["units must be at least 1", "found 0"]),
        ("cllnn", "model.reservoir.leak_rate=2", ["leak_rate must be above 0 and at most 1", "found 2"]),
        ("lnn", "model.stretches=17", ["stretches must be 1 to 16", "found 17"]),
        ("cllnn", "model.channels=[4,-1]", ["channels must be at least 1", "-1 outputs"]),
    ] {
        let message = refused_settings(model, &["model.reservoir.units=4", assignment]);
        assert!(parts.iter().all(|part| message.contains(part)), "{assignment}: {message}");
    }
}

#[test]
fn numbers_that_no_training_can_be_made_of_are_named_before_there_is_a_folder() {
    for (model, assignment, part) in [
        ("lnn", "optimizer.beta1=2", "beta1 must be at least 0 and below 1, found 2"),
        ("lnn", "schedule.warmup=7", "schedule: warmup"),
        ("lnn", "readout_start.regularization=-1", "regulari"),
        ("cllnn", "readout_start={\"regularization\":1,\"scale\":1}", "readout_start needs a model"),
    ] {
        let message = refused_settings(model, &["model.reservoir.units=4", assignment]);
        assert!(message.contains(part), "{assignment}: {message}");
    }
}

#[test]
fn images_too_small_for_the_poolings_are_refused_with_their_size() {
    let small = SetFolder::of([40, 8], 4);
    let message = refused("cllnn", &small.spec(), &["--set", "model.reservoir.units=4"]);
    assert!(message.contains("images of 4 x 4 are too small for 3 poolings"), "{message}");
}

#[test]
fn a_model_larger_than_the_memory_fails_in_one_short_message() {
    let out = tempfile::tempdir().unwrap();
    let call = Call::new("train").flag("model", "lnn").flag("data", shared_data());
    let call = call.flag("out", out.path().join("run")).set("model.reservoir.units=3000000");
    let message = call.fails_with(1);
    for part in ["not enough memory", "the weights of the lnn model", "GB", "hint: a smaller model"] {
        assert!(message.contains(part) && message.lines().count() <= 3, "{part:?} in {message}");
    }
}
