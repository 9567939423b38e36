//! `sweep run`: processes of this machine train the trials, and the winner alone is tested.

use crate::checkpoint_file::CheckpointFile;
use crate::image_sets::{self, SIDE, SetFolder};
use crate::program::Call;
use crate::run_contents::{assert_same_run, config, json_lines, metrics};
use crate::sweep_folder::{halving, leaderboard, number, plan, read, run, timeless, trial};
use serde_json::{Value, json};
use std::fs;

#[test]
fn halving_trains_the_best_to_the_end_and_its_winner_is_a_run_like_any_other() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let ended = run(&halving(), &out).succeed();
    let lines = leaderboard(&out);
    assert_eq!(lines.len(), 9);
    // Every trial has paused at a rung, and those that have come further are first.
    let epochs: Vec<u64> = lines.iter().map(|line| number(line, "epochs").as_u64().unwrap()).collect();
    assert!(
        epochs.is_sorted_by(|a, b| a >= b) && epochs.iter().all(|epochs| [1, 3, 9].contains(epochs)),
        "{epochs:?}"
    );
    assert!(epochs[0] == 9 && epochs.iter().filter(|epochs| **epochs >= 3).count() >= 3, "{epochs:?}");
    assert!(epochs.iter().filter(|epochs| **epochs == 1).count() >= 3, "{epochs:?}");
    for line in &lines {
        let folder = out.join(line["run"].as_str().unwrap());
        let trained = metrics(&folder);
        assert_eq!(number(line, "epochs"), trained.len());
        let scores =
            |line: &&Value| (line["val_accuracy"].as_f64().unwrap(), -line["val_loss"].as_f64().unwrap());
        let best = trained.iter().max_by(|a, b| scores(a).partial_cmp(&scores(b)).unwrap()).unwrap();
        assert_eq!(best["val_loss"], number(line, "val_loss"));
        assert_eq!(best["epoch"], number(line, "best_epoch"));
        let config = config(&folder);
        // The schedule is that of the maximum, wherever the trial paused.
        assert_eq!(config["epochs"], 9);
        assert_eq!(config["optimizer"]["learning_rate"], number(line, "optimizer.learning_rate"));
        assert!(!folder.join("test.json").exists(), "a trial never sees the test part");
    }
    // The winner alone is tested.
    let winner = number(&lines[0], "trial").as_u64().unwrap();
    let tested = read(&out, "test.json");
    assert_eq!(tested["trial"], winner);
    let evaluated = Call::new("eval").arg(trial(&out, winner)).arg("--json").succeed().stdout;
    assert_eq!(json_lines(&evaluated)[0]["data"], tested["result"]);
    assert!(
        ended.stdout.contains(&format!("trial {winner}, rung 3 of 3: val_accuracy ")),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.lines().last().unwrap().starts_with("test accuracy "), "{}", ended.stdout);
    // Its configuration is one that `train --config` takes, and gives the same run, although the trial paused twice.
    let again = parent.path().join("again");
    let call =
        Call::new("train").flag("model", "lnn").flag("config", out.join("best.json")).flag("out", &again);
    call.arg("--no-test").succeed();
    assert_same_run(&again, &trial(&out, winner));
    for (name, text) in [("parallel.svg", "learning_rate"), ("importance.svg", "optimizer.learning_rate")] {
        assert!(fs::read_to_string(out.join(name)).unwrap().contains(text), "{name}");
    }
    // A finished sweep has nothing left to do and is not tested again.
    let tested = fs::metadata(out.join("test.json")).unwrap().modified().unwrap();
    let again = Call::new("sweep").arg("run").flag("out", &out).succeed();
    assert_eq!(again.stdout, ended.stdout);
    assert_eq!(fs::metadata(out.join("test.json")).unwrap().modified().unwrap(), tested);
}

#[test]
fn two_processes_share_the_threads_and_find_what_one_finds() {
    let parent = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| parent.path().join(name));
    run(&plan(), &one).succeed();
    let call = Call::new("sweep").arg("run").arg(one.with_extension("json")).flag("out", &two);
    let ended = call.flag("jobs", "2").flag("threads", "3").arg("--json").succeed();
    assert_eq!(timeless(&one), timeless(&two));
    for number in 1..=3 {
        let said = fs::read_to_string(two.join(format!("records/{number:04}.stderr"))).unwrap();
        assert!(said.contains("; cpu, 1 thread on "), "{said}");
        assert_same_run(&trial(&one, number), &trial(&two, number));
    }
    let lines = json_lines(&ended.stdout);
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sweep", "trial", "trial", "trial", "winner", "test"]);
    assert_eq!(lines[0]["data"]["rungs"], json!([9]));
    assert_eq!(lines[4]["data"]["trial"], number(&leaderboard(&one)[0], "trial"));
}

#[test]
fn the_test_part_decides_nothing() {
    let set = SetFolder::usual();
    let parent = tempfile::tempdir().unwrap();
    let mut plan = halving();
    (plan["data"], plan["trials"]) = (set.spec().into(), 4.into());
    let [one, two] = ["one", "two"].map(|name| parent.path().join(name));
    run(&plan, &one).succeed();
    // Other test images, among others.
    let other = parent.path().join("other");
    image_sets::write(&other, [8, 30], SIDE);
    for role in [2, 3] {
        fs::copy(other.join(image_sets::FILES[role]), set.file(role)).unwrap();
    }
    run(&plan, &two).succeed();
    assert_eq!(timeless(&one), timeless(&two));
    assert_eq!(read(&one, "best.json"), read(&two, "best.json"));
    let [a, b] = [&one, &two].map(|out| read(out, "test.json")["result"]["samples"].clone());
    assert_eq!((a, b), (60.into(), 30.into()));
    let tensors = |out| CheckpointFile::read(&trial(out, 1).join("best.safetensors")).tensors("");
    assert!(tensors(&one) == tensors(&two));
}

#[test]
fn a_trial_that_fails_is_kept_with_its_reason_and_the_others_go_on() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut plan = plan();
    plan["config"]["epochs"] = 2.into();
    // Larger than an image of 16 by 16, which is known when the data are read.
    plan["space"]["augmentation.crop"] = json!({"kind": "choice", "values": [1, 100]});
    plan["trials"] = 6.into();
    let ended = run(&plan, &out).succeed();
    let lines = leaderboard(&out);
    let (failed, good): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["augmentation.crop"] == "100");
    assert!(!failed.is_empty() && !good.is_empty(), "{lines:?}");
    assert!(good.iter().all(|line| line["status"] == "finished" && line["reason"] == ""));
    for line in &failed {
        assert!(line["status"] == "failed" && line["rank"] == "", "{line}");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.starts_with("exit code 2: error: augmentation: "), "{reason}");
    }
    assert!(ended.stderr.contains(" failed: exit code 2: error: augmentation"), "{}", ended.stderr);
    assert!(lines.last().unwrap()["status"] == "failed");
}

#[test]
fn a_sweep_all_of_whose_trials_fail_ends_early_with_the_reason() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut plan = plan();
    (plan["data"], plan["trials"]) = ("idx:/nowhere/at/all".into(), 100.into());
    let message = run(&plan, &out).fails_with(1);
    assert!(
        message.contains("the first 5 trials failed") && message.contains("/nowhere/at/all"),
        "{message}"
    );
    assert_eq!(
        fs::read_dir(out.join("records"))
            .unwrap()
            .filter(|entry| {
                entry.as_ref().unwrap().file_name().to_str().unwrap().ends_with(".failed.json")
            })
            .count(),
        5
    );
}

#[test]
fn more_trials_go_on_with_the_sweep_and_a_new_winner_is_not_tested_in_secret() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut small = plan();
    (small["config"]["epochs"], small["trials"]) = (2.into(), 1.into());
    run(&small, &out).succeed();
    // As if the trial that was tested had been the worst of all.
    let path = out.join("records/0001-0.result.json");
    let mut result = read(&out, "records/0001-0.result.json");
    result["val_accuracy"] = 0.0.into();
    fs::write(&path, result.to_string()).unwrap();
    let ended =
        Call::new("sweep").arg("run").flag("out", &out).flag("trials", "2").flag("threads", "1").succeed();
    assert_eq!(leaderboard(&out).len(), 2);
    assert!(ended.stderr.contains("the test was made for trial 1, which had won before"), "{}", ended.stderr);
    assert!(!ended.stdout.contains("test "), "{}", ended.stdout);
    assert_eq!(read(&out, "test.json")["trial"], 1);
}

#[test]
fn a_small_space_is_searched_once_and_ranges_may_come_from_the_command_line() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let call = Call::new("sweep").arg("run").flag("out", &out).flag("model", "lnn").flag("threads", "1");
    let call =
        call.flag("data", crate::trained_runs::shared_data()).set("epochs=1").set("model.reservoir.units=16");
    let call = call.set("batch_size=10|20").set("label_smoothing=0|0.1").arg("--no-test");
    let ended = call.succeed();
    assert!(ended.stderr.contains("every combination of values was tried"), "{}", ended.stderr);
    let mut pairs: Vec<(String, String)> = leaderboard(&out)
        .iter()
        .map(|line| {
            ["batch_size", "label_smoothing"].map(|key| line[key].as_str().unwrap().to_owned()).into()
        })
        .collect();
    pairs.sort();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(pairs, [pair("10", "0"), pair("10", "0.1"), pair("20", "0"), pair("20", "0.1")]);
    assert!(!out.join("test.json").exists() && !ended.stdout.contains("test "));
}

#[test]
fn a_readout_in_closed_form_is_searched_without_epochs() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut plan = plan();
    plan["config"] = json!({"method": {"kind": "ridge"}, "validation_fraction": 0.1});
    plan["space"] = json!({"model.reservoir.units": {"kind": "integer", "from": 8, "to": 24, "step": 8}});
    let ended = run(&plan, &out).succeed();
    assert!(ended.stdout.contains("test accuracy"), "{}", ended.stdout);
    assert!(leaderboard(&out).iter().all(|line| line["status"] == "finished" && line["epochs"] == "1"));
}
