//! stdout is data, stderr is messages.

use crate::image_sets::SetFolder;
use crate::program::Call;
use crate::run_contents::{json_lines, metrics};
use crate::trained_runs::{EPOCHS, LNN_TUNED, VARIANTS, shared_data};
use serde_json::Value;

#[test]
fn train_writes_one_line_of_data_and_one_line_of_talk_an_epoch() {
    for variant in VARIANTS {
        let ended = &variant.run().ended;
        assert_eq!(ended.stdout.lines().count(), 1, "{variant:?}: {}", ended.stdout);
        assert!(ended.stdout.starts_with("test accuracy "), "{}", ended.stdout);
        let lines: Vec<&str> = ended.stderr.lines().collect();
        // A spiking reservoir also reports added units and missing spikes, and 20 images are few to validate on.
        let more = ["growth: ", "warning: no unit ever spiked", "warning: only 20 samples"];
        let lines: Vec<&str> =
            lines.into_iter().filter(|line| !more.iter().any(|start| line.starts_with(start))).collect();
        assert_eq!(lines.len() as u64, 1 + EPOCHS, "{variant:?}: {}", ended.stderr);
        let head = format!("{} on {}: 180 samples to train, 20 to validate; ", variant.model, shared_data());
        assert!(lines[0].starts_with(&head) && lines[0].contains("; cpu, 1 thread on "), "{}", lines[0]);
        for (epoch, line) in (1..).zip(&lines[1..]) {
            let head = format!("epoch  {epoch}/{EPOCHS}  loss ");
            assert!(line.starts_with(&head) && line.contains("val_accuracy"), "{line}");
        }
    }
}

#[test]
fn json_lines_tell_the_whole_run_and_end_with_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let call = LNN_TUNED.train(folder.path()).flag("data", shared_data()).flag("epochs", "3").arg("--json");
    let ended = call.succeed();
    let events = json_lines(&ended.stdout);
    let types: Vec<&str> =
        events.iter().map(|event| event["type"].as_str().expect("a type is text")).collect();
    assert_eq!(types, ["started", "notice", "epoch", "epoch", "epoch", "test"]);
    assert!(events[1]["data"]["text"].as_str().unwrap().starts_with("warning: only 20 samples"));

    let started = &events[0]["data"];
    assert_eq!((&started["model"], &started["device"]), (&"lnn".into(), &"cpu".into()));
    assert_eq!((&started["train_samples"], &started["validation_samples"]), (&180.into(), &20.into()));
    let epochs: Vec<Value> = events[2..5].iter().map(|event| event["data"].clone()).collect();
    assert_eq!(epochs, metrics(folder.path()));

    let test = events[5]["data"].as_object().unwrap();
    assert!(test["accuracy"].is_number() && test["loss"].is_number(), "{test:?}");
    let eval = Call::new("eval").arg(folder.path()).arg("--json").succeed();
    assert_eq!(json_lines(&eval.stdout).last(), events.last());
    // The messages are still on stderr.
    assert!(ended.stderr.lines().last().unwrap().starts_with("test accuracy "), "{}", ended.stderr);
}

#[test]
fn the_sets_are_listed_for_people_and_for_programs() {
    let text = Call::new("data").arg("list").succeed().stdout;
    assert!(text.contains("mnist") && text.contains("not here"), "{text}");
    let sets = json_lines(&Call::new("data").args(["list", "--json"]).succeed().stdout);
    assert!(sets.iter().any(|set| set["name"] == "mnist" && set["cached"] == false), "{sets:?}");
}

#[test]
fn a_reader_that_leaves_early_causes_no_panic() {
    let set = SetFolder::usual();
    let runs = tempfile::tempdir().unwrap();
    let run = &LNN_TUNED.run().folder;
    let train = |name| LNN_TUNED.train(&runs.path().join(name)).flag("data", set.spec()).flag("epochs", "1");
    let calls = [
        Call::new("inspect").arg(run),
        Call::new("eval").arg(run),
        Call::new("data").arg("list"),
        train("text"),
        train("json").arg("--json"),
    ];
    for call in calls {
        let mut running = call.start();
        running.stop_reading();
        // The end says whether it was a panic.
        let ended = running.end();
        assert!([Some(0), Some(1)].contains(&ended.code), "{:?} {}", ended.code, ended.stderr);
    }
}
