//! Sweeps that are stopped or killed at any moment go on as if nothing had happened.

use crate::program::Call;
use crate::run_contents::assert_same_run;
use crate::sweep_folder::{halving, leaderboard, plan, read, run, signal_trial, timeless, trial, write};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn again(out: &Path) -> Call {
    Call::new("sweep").arg("run").flag("out", out).flag("threads", "1")
}

/// Waits until nobody holds the claim of any trial: processes that outlive the sweep have ended.
fn wait_for_processes(out: &Path) {
    let held = || {
        let records = fs::read_dir(out.join("records")).into_iter().flatten().flatten();
        let claims = records.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "claim"));
        claims.into_iter().any(|claim| fs::File::open(claim.path()).unwrap().try_lock().is_err())
    };
    let started = Instant::now();
    while held() {
        assert!(started.elapsed() < Duration::from_mins(1), "a process does not end");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_sweep_killed_at_many_moments_ends_as_one_that_was_not() {
    let parent = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| parent.path().join(name));
    run(&halving(), &whole).succeed();
    let mut running = run(&halving(), &killed).start();
    running.wait_until(|| killed.join("sweep.json").exists());
    let mut kills = 0;
    for pause in [0_u64, 40, 150, 300, 500, 700, 900, 1200].iter().cycle().take(10) {
        sleep(Duration::from_millis(*pause));
        running.signal("KILL");
        // The one that has come to the end starts again below, with nothing left to do.
        kills += u64::from(running.end().code.is_none());
        running = again(&killed).start();
    }
    drop(running);
    assert!(kills >= 5, "the sweep was too fast to be killed: {kills}");
    let ended = again(&killed).succeed();
    assert_eq!(timeless(&whole), timeless(&killed));
    for line in leaderboard(&whole) {
        let number = line["trial"].as_str().unwrap().parse().unwrap();
        assert_same_run(&trial(&whole, number), &trial(&killed, number));
    }
    assert_eq!(read(&whole, "test.json"), read(&killed, "test.json"));
    assert!(ended.stdout.contains("test accuracy"), "{}", ended.stdout);
    let left: Vec<String> = fs::read_dir(killed.join("records"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("lease"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_process_that_outlives_its_sweep_is_waited_for_and_not_doubled() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut plan = plan();
    (plan["trials"], plan["config"]["epochs"]) = (1.into(), 100_000.into());
    let mut running = run(&plan, &out).start();
    running.wait_until(|| trial(&out, 1).join("metrics.jsonl").exists());
    running.signal("KILL");
    running.end();
    let log = parent.path().join("log");
    let mut second = again(&out).streams(Stdio::null(), fs::File::create(&log).unwrap()).start();
    let waiting = "trial 1: a process of an earlier call still trains it; waiting for it";
    second.wait_until(|| fs::read_to_string(&log).unwrap().contains(waiting));
    sleep(Duration::from_millis(300));
    let said = || fs::read_to_string(out.join("records/0001.stderr")).unwrap();
    assert!(!said().contains("resumed"), "it waits as long as the process lives");
    signal_trial(&out, 1, "TERM");
    second.wait_until(|| said().contains("resumed after epoch"));
    assert!(!said().contains("another process is training"), "{}", said());
    second.signal("TERM");
    assert_eq!(second.end().code, Some(130));
}

/// A sweep of one long trial.
fn long() -> Value {
    let mut plan = plan();
    (plan["trials"], plan["config"]["epochs"]) = (2.into(), 3000.into());
    plan
}

fn stopped_by(signal: &str, code: i32, message: &str) {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut running = run(&long(), &out).flag("jobs", "2").start();
    running.wait_until(|| [1, 2].iter().all(|number| trial(&out, *number).join("metrics.jsonl").exists()));
    running.signal(signal);
    let ended = running.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains(message), "{}", ended.stderr);
    assert!(ended.stderr.contains("the same command line again goes on with them"), "{}", ended.stderr);
    // The processes have saved and ended before the sweep did.
    for number in [1, 2] {
        let said = fs::read_to_string(out.join(format!("records/{number:04}.stderr"))).unwrap();
        assert!(said.contains("error: interrupted; the run is saved"), "{said}");
    }
    let records: Vec<_> =
        fs::read_dir(out.join("records")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(records.iter().all(|name| !name.to_str().unwrap().contains("failed")), "{records:?}");
    wait_for_processes(&out);
    let goes_on = again(&out).flag("hours", "0.0005").fails_with(1);
    assert!(
        goes_on.contains("the time is over") && goes_on.contains("no trial of 2 has a result"),
        "{goes_on}"
    );
    let said = fs::read_to_string(out.join("records/0001.stderr")).unwrap();
    assert!(said.contains("resumed after epoch"), "{said}");
}

#[test]
fn a_sweep_that_is_interrupted_saves_its_trials_first() {
    stopped_by("INT", 130, "error: interrupted; the trials are saved");
}

#[test]
fn a_sweep_before_the_limit_of_its_job_asks_to_be_started_again() {
    stopped_by("USR1", 75, "error: stopped by SIGUSR1; the trials are saved");
}

#[test]
fn a_process_killed_alone_is_a_failed_trial_and_one_stopped_alone_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut plan = plan();
    (plan["trials"], plan["config"]["epochs"]) = (1.into(), 2000.into());
    let mut running = run(&plan, &out).start();
    running.wait_until(|| trial(&out, 1).join("last.safetensors").exists());
    signal_trial(&out, 1, "TERM");
    let said = || fs::read_to_string(out.join("records/0001.stderr")).unwrap_or_default();
    running.wait_until(|| said().contains("resumed after epoch"));
    signal_trial(&out, 1, "KILL");
    let ended = running.end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("killed by signal 9, perhaps for lack of memory"), "{}", ended.stderr);
    assert_eq!(leaderboard(&out)[0]["status"], "failed");
}

#[test]
fn a_request_that_cannot_be_carried_out_leaves_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let with = |key: &str, value: Value| {
        let mut plan = plan();
        plan["space"][key] = value;
        plan
    };
    let when = json!({"kind": "integer", "from": 1, "to": 5, "when": {"schedule.kind": "plateau"}});
    let cases = [
        (
            with("optimizer.learning_rat", json!({"kind": "float", "from": 0.1, "to": 0.2})),
            "did you mean `optimizer.learning_rate`?",
        ),
        (
            with("label_smoothing", json!({"kind": "float", "from": 0.2, "to": "b"})),
            "space: label_smoothing: invalid type",
        ),
        (
            with("label_smoothing", json!({"kind": "float", "from": 0.2, "to": 0.1})),
            "expected a range whose end is above its start",
        ),
        (
            with("label_smoothing", json!({"kind": "float", "from": 0.0, "to": 0.1, "scale": "log"})),
            "a logarithmic range starts above 0",
        ),
        (with("schedule.patience", when), "`schedule.kind` is no key of the space before it"),
        (json!({"model": "lnn", "spaces": {}}), "unknown field `spaces`"),
        (json!({"model": "lnn"}), "expected at least one key with a range"),
        (json!([]), "expected a JSON object"),
    ];
    for (plan, expected) in cases {
        let message = run(&plan, &out).refused();
        assert!(message.contains(expected) && !out.exists(), "{message}");
    }
    fs::write(out.with_extension("json"), "{").unwrap();
    let sweep = || Call::new("sweep").arg("run").flag("out", &out);
    assert!(sweep().arg(out.with_extension("json")).refused().contains("EOF"));
    assert!(sweep().arg(parent.path().join("none.json")).refused().contains("No such file"));
    assert!(sweep().refused().contains("expected a sweep, found neither a file"));
    assert!(
        sweep()
            .flag("hours", "0")
            .arg(write(&plan(), &out))
            .refused()
            .contains("--hours: expected a finite number above 0")
    );
    assert!(sweep().arg(write(&plan(), &out)).set("batch_size=4..2").refused().contains("above its start"));
    assert!(
        sweep().arg(write(&plan(), &out)).set("batch_size=2..4,x").refused().contains("found the option `x`")
    );
}

#[test]
fn a_folder_with_another_sweep_a_run_or_another_process_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("sweep");
    let mut running = run(&long(), &out).start();
    running.wait_until(|| trial(&out, 1).join("config.json").exists());
    let message = again(&out).refused();
    assert!(message.contains("another process runs the sweep in"), "{message}");
    running.signal("TERM");
    running.end();
    assert!(
        run(&plan(), &out)
            .refused()
            .contains("holds another sweep, there and here: epochs: 3000 and 9; hint")
    );
    let message = run(&plan(), &trial(&out, 1)).refused();
    assert!(message.contains("holds a run"), "{message}");
}
