//! Spiking reservoirs that grow while they train.

use crate::interruption::LARGE_SET;
use crate::program::{Call, Ended};
use crate::run_contents::{assert_same_run, json_lines, metrics, training};
use crate::trained_runs::{TrainedRun, shared, shared_data};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

/// Training of a reservoir that spikes, of 12 units with a capacity of 22, with four more after each check.
fn train(out: &Path) -> Call {
    let call = Call::new("train").flag("model", "snlnn").flag("out", out).set("batch_size=10");
    let call = call.set("model.units=12").set("model.max_reservoir_dim=22").set("model.input_scale=0.1");
    call.set("model.threshold=0.2").set("model.growth.units=4").set("model.growth.rule.above=0")
}

fn four_epochs(out: &Path) -> Call {
    train(out).flag("data", shared_data()).flag("epochs", "4")
}

/// A run that grows after each epoch, trained when first asked for.
fn trained() -> &'static TrainedRun {
    static RUN: OnceLock<TrainedRun> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = shared("snlnn-grown");
        let ended = four_epochs(&folder).succeed();
        TrainedRun { folder, ended }
    })
}

fn birth(step: u64, born: i64, living: i64) -> Value {
    json!({"step": step, "born": born, "living": living, "room": 22})
}

/// The births of a run, epoch by epoch.
fn births(run: &Path) -> Vec<Value> {
    metrics(run).iter().map(|line| line.get("births").cloned().unwrap_or_else(|| json!([]))).collect()
}

#[test]
fn the_metrics_tell_births_living_units_and_spikes() {
    let run = &trained().folder;
    let expected =
        [json!([birth(18, 4, 16)]), json!([birth(36, 4, 20)]), json!([birth(54, 2, 22)]), json!([])];
    assert_eq!(births(run), expected);
    for (line, living) in metrics(run).iter().zip([16, 20, 22, 22]) {
        assert_eq!(line["living_units"], living);
        for key in ["spike_rate", "mean_state"] {
            let mean = line[key].as_f64().unwrap();
            assert!(mean > 0.0 && mean < 1.0, "{key} of {line}");
        }
    }
}

#[test]
fn the_terminal_tells_births_living_units_and_spikes() {
    let lines: Vec<&str> = trained().ended.stderr.lines().collect();
    let growth: Vec<&str> = lines.iter().copied().filter(|line| line.starts_with("growth: ")).collect();
    assert_eq!(
        growth,
        [
            "growth: 4 units added, 16 active, capacity 22",
            "growth: 4 units added, 20 active, capacity 22",
            "growth: 2 units added, 22 active, capacity 22",
        ]
    );
    let epochs: Vec<&str> = lines.into_iter().filter(|line| line.starts_with("epoch ")).collect();
    assert_eq!(epochs.len(), 4);
    for (line, units) in epochs.into_iter().zip(["16 units", "20 units", "22 units", "22 units"]) {
        assert!(line.contains("  spike rate 0.") && line.contains(units), "{line}");
    }
}

#[test]
fn a_birth_is_an_event_of_its_own() {
    let run = tempfile::tempdir().unwrap();
    let ended = four_epochs(run.path()).flag("pause-after", "1").arg("--json").succeed();
    let events = json_lines(&ended.stdout);
    let born = events.iter().find(|event| event["type"] == "birth").expect("units were added");
    assert_eq!(born["data"], birth(18, 4, 16));
}

#[test]
fn a_grown_model_is_evaluated_as_it_was_tested() {
    let run = trained();
    let ended = Call::new("eval").arg(&run.folder).succeed();
    let expected = format!("{}, 60 samples of {}\n", run.ended.stdout.trim_end(), shared_data());
    assert_eq!(ended.stdout, expected);
}

/// Pauses after each epoch but the last.
fn in_parts(call: Call, run: &Path) -> Ended {
    call.flag("pause-after", "1").succeed();
    for _ in 0..2 {
        Call::new("train").flag("resume", run).flag("pause-after", "1").succeed();
    }
    Call::new("train").flag("resume", run).succeed()
}

#[test]
fn a_run_in_parts_grows_as_the_whole_run() {
    let parts = tempfile::tempdir().unwrap();
    let ended = in_parts(four_epochs(parts.path()), parts.path());
    assert_eq!(ended.stdout, trained().ended.stdout);
    assert_same_run(&trained().folder, parts.path());
}

/// Looks 7 steps apart do not fall together with epochs of 18 steps.
#[test]
fn growth_that_looks_within_epochs_survives_pauses_between_its_looks() {
    let runs = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| runs.path().join(name));
    let train = |out: &Path| four_epochs(out).set("model.growth.every_steps=7").set("model.growth.units=2");
    let ended = train(&whole).succeed();
    let expected = [
        json!([birth(7, 2, 14), birth(14, 2, 16)]),
        json!([birth(21, 2, 18), birth(28, 2, 20), birth(35, 2, 22)]),
        json!([]),
        json!([]),
    ];
    assert_eq!(births(&whole), expected);
    assert_eq!(in_parts(train(&parts), &parts).stdout, ended.stdout);
    assert_same_run(&whole, &parts);
}

#[test]
fn a_run_interrupted_between_two_looks_grows_as_the_whole_run() {
    let runs = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| runs.path().join(name));
    let train = |out: &Path| {
        let call = train(out).flag("data", &*LARGE_SET).flag("epochs", "2").flag("batch-size", "5");
        call.set("model.growth.every_steps=200").set("model.growth.units=1")
    };
    let ended = train(&whole).succeed();
    let mut running = train(&parts).start();
    running.wait_until(|| parts.join("last.safetensors").exists());
    sleep(Duration::from_millis(50));
    running.signal("INT");
    assert_eq!(running.end().code, Some(130));
    assert!(training(&parts)["step_in_epoch"].as_u64().unwrap() > 0, "the signal came too early or too late");
    assert_eq!(Call::new("train").flag("resume", &parts).succeed().stdout, ended.stdout);
    assert_same_run(&whole, &parts);
}

#[test]
fn units_are_born_when_the_validation_loss_stands_still() {
    let run = tempfile::tempdir().unwrap();
    // No loss falls by 100: from the second epoch on each one calls.
    let call = four_epochs(run.path()).set("model.growth.rule.kind=plateau");
    call.set("model.growth.rule.patience=1").set("model.growth.rule.threshold=100").succeed();
    let expected =
        [json!([]), json!([birth(36, 4, 16)]), json!([birth(54, 4, 20)]), json!([birth(72, 2, 22)])];
    assert_eq!(births(run.path()), expected);
}

#[test]
fn a_reservoir_that_never_spikes_comes_with_advice() {
    let run = tempfile::tempdir().unwrap();
    let call = Call::new("train").flag("model", "snlnn").flag("preset", "article").flag("out", run.path());
    let call = call.flag("data", shared_data()).flag("epochs", "1").set("model.units=12");
    let ended = call.set("model.max_reservoir_dim=22").succeed();
    let advice = "warning: no unit ever spiked; hint: lower model.threshold, or raise model.input_scale or \
                  model.leak_rate";
    assert!(ended.stderr.contains(advice), "{}", ended.stderr);
    let lines = metrics(run.path());
    assert_eq!((&lines[0]["spike_rate"], &lines[0]["living_units"]), (&json!(0.0), &json!(12)));
    assert_eq!(births(run.path()), [json!([])]);
    assert!(!trained().ended.stderr.contains("warning: no unit"), "{}", trained().ended.stderr);
}
