//! `sweep next` and `sweep report`: trials for workers of any scheduler, through a folder that they share.

use crate::program::Call;
use crate::run_contents::json_lines;
use crate::sweep_folder::{halving, leaderboard, number, plan, read, run, timeless, trial, write};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn next(out: &Path) -> Call {
    Call::new("sweep").arg("next").arg(out)
}

fn report(out: &Path, trial: &Value) -> Call {
    Call::new("sweep").arg("report").arg(out).arg(trial.to_string())
}

/// The next trial as JSON.
fn job(call: Call) -> Value {
    let mut line = json_lines(&call.arg("--json").succeed().stdout).remove(0);
    assert_eq!(line["type"], "job");
    line["data"].take()
}

/// Carries out the command of a trial.
fn train(job: &Value) {
    let words: Vec<&str> =
        job["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let done = Command::new(words[0]).args(&words[1..]).args(["--threads", "1"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.stdout.is_empty(), "a trial is not tested");
}

#[test]
fn workers_of_a_shell_search_what_one_process_searches() {
    let parent = tempfile::tempdir().unwrap();
    let [here, shared] = ["here", "shared folder"].map(|name| parent.path().join(name));
    run(&halving(), &here).succeed();
    let plan = write(&halving(), &here);
    // The loop of the documentation.
    let script = r#"
        while job=$("$0" sweep next "$1" --sweep "$2" --wait) && [ -n "$job" ]; do
            read -r trial lease command <<< "$job"
            if eval "$command --threads 1" 2> "$3"; then
                "$0" sweep report "$1" "$trial" --lease "$lease"
            else
                "$0" sweep report "$1" "$trial" --lease "$lease" --failed "$(tail -n 1 "$3")"
            fi
        done"#;
    let mut worker = Command::new("bash");
    worker.args(["-euc", script, env!("CARGO_BIN_EXE_lnn-cli")]).args([
        &shared,
        &plan,
        &parent.path().join("log"),
    ]);
    let done = worker.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(timeless(&here), timeless(&shared));
    assert!(!shared.join("test.json").exists());
    let over = json_lines(&next(&shared).arg("--json").succeed().stdout);
    assert_eq!(over[0]["type"], "over");
    // Whoever runs the sweep at the end tests the winner.
    let ended = Call::new("sweep").arg("run").flag("out", &shared).flag("threads", "1").succeed();
    assert!(ended.stdout.contains("test accuracy"), "{}", ended.stdout);
    assert_eq!(read(&here, "test.json"), read(&shared, "test.json"));
}

/// Lets the lease of a trial run out.
fn expire(out: &Path, trial: &Value) {
    let name = format!("records/{:04}-0.lease.json", trial.as_u64().unwrap());
    let mut lease = read(out, &name);
    lease["granted"] = (lease["granted"].as_u64().unwrap() - 100_000).into();
    fs::write(out.join(name), lease.to_string()).unwrap();
}

#[test]
fn a_trial_whose_lease_runs_out_is_handed_out_again_and_its_first_worker_is_told() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut plan = plan();
    (plan["config"]["epochs"], plan["trials"]) = (2.into(), 1.into());
    let first = job(next(&out).flag("sweep", write(&plan, &out)));
    assert_eq!((&first["trial"], &first["rung"], &first["epochs"]), (&1.into(), &1.into(), &2.into()));
    let waiting = next(&out).fails_with(75);
    assert!(
        waiting.contains("nothing to hand out until another worker has brought back its trial"),
        "{waiting}"
    );
    let early = report(&out, &first["trial"]).refused();
    assert!(early.contains("trial 1 has finished 0 of 2 epochs"), "{early}");

    expire(&out, &first["trial"]);
    let second = job(next(&out));
    assert_eq!(second["trial"], first["trial"]);
    assert_ne!(second["lease"], first["lease"]);
    let lease = |job: &Value| job["lease"].as_str().unwrap().to_owned();
    let late =
        report(&out, &first["trial"]).flag("lease", lease(&first)).flag("failed", "too slow").refused();
    assert!(late.contains("has run out, and the trial was or will be handed out again"), "{late}");

    let unfinished = report(&out, &second["trial"]).flag("lease", lease(&second)).arg("--unfinished");
    assert!(unfinished.succeed().stdout.contains("trial 1: no result yet"));
    let second = job(next(&out));
    assert_eq!(second["trial"], first["trial"]);
    train(&second);
    // An epoch that has just ended is a sign of life.
    expire(&out, &first["trial"]);
    next(&out).fails_with(75);
    let told = report(&out, &second["trial"]).flag("lease", lease(&second)).arg("--json").succeed();
    let told = json_lines(&told.stdout).remove(0);
    assert_eq!((&told["type"], &told["data"]["status"]), (&"trial".into(), &"finished".into()));
    assert!(told["data"]["val_loss"].is_f64());
    // A report may be repeated.
    let again = json_lines(&report(&out, &second["trial"]).arg("--json").succeed().stdout).remove(0);
    assert_eq!(again, told);
    assert_eq!(next(&out).succeed().stdout, "");
}

#[test]
fn a_failed_trial_is_kept_and_not_handed_out_again() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let first = job(next(&out).flag("sweep", write(&plan(), &out)));
    let said = report(&out, &first["trial"]).flag("failed", "the node has no memory").succeed().stdout;
    assert!(said.starts_with("trial 1 failed: the node has no memory; optimizer.learning_rate "), "{said}");
    assert_eq!(job(next(&out))["trial"], 2);
    let line = &leaderboard(&out)[0];
    assert_eq!((&line["status"], &line["reason"]), (&"failed".into(), &"the node has no memory".into()));
}

#[test]
fn values_that_another_optimiser_has_chosen_are_a_trial_like_any_other() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut plan = plan();
    plan["config"]["epochs"] = 2.into();
    let begin = || next(&out).flag("sweep", write(&plan, &out)).set("label_smoothing=0.1");
    assert!(begin().refused().contains("optimizer.learning_rate: expected a value, found none"));
    assert!(
        begin()
            .set("optimizer.learning_rate=7")
            .refused()
            .contains("expected a value of {\"kind\":\"float\"")
    );
    let given = job(begin().set("optimizer.learning_rate=0.02"));
    assert_eq!(given["values"]["optimizer.learning_rate"], 0.02);
    train(&given);
    report(&out, &given["trial"]).succeed();
    let line = &leaderboard(&out)[0];
    assert_eq!((number(line, "label_smoothing"), number(line, "epochs")), (0.1.into(), 2.into()));
    let config = crate::run_contents::config(&trial(&out, 1));
    assert_eq!(config["optimizer"]["learning_rate"], 0.02);
    // Another worker draws its own.
    assert_eq!(job(next(&out))["trial"], 2);
}

#[test]
fn a_folder_without_a_sweep_and_a_trial_that_does_not_exist_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    assert!(next(&out).refused().contains("holds no sweep; hint: --sweep SWEEP.json begins it"));
    assert!(report(&out, &1.into()).refused().contains("holds no sweep"));
    job(next(&out).flag("sweep", write(&plan(), &out)));
    assert!(report(&out, &7.into()).refused().contains("expected a trial from 1 to 1, found 7"));
    let mut other = plan();
    other["seed"] = 3.into();
    assert!(
        next(&out)
            .flag("sweep", write(&other, &out))
            .refused()
            .contains("holds another sweep, there and here: seed: 0 and 3; hint")
    );
    fs::write(out.join("records/0001.json"), "{").unwrap();
    assert!(next(&out).refused().contains("0001.json is damaged"));
}
