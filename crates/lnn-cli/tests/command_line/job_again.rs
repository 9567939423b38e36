//! One command line for a job that a scheduler stops and starts again: SIGUSR1, `--resume-or-start`, the threads of a job.

use crate::interruption::LARGE_SET;
use crate::program::Call;
use crate::run_contents::{assert_same_run, config, json_lines, metrics, training};
use crate::trained_runs::{CLLNN_TUNED, EPOCHS, LNN_TUNED, Variant, shared_data};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// The command line of a job in the folder `out`; `--resume-or-start` takes the place of `--out`.
fn job(variant: Variant, out: &Path) -> Call {
    variant.job(Call::new("train"), out).flag("data", shared_data())
}

fn long_job(out: &Path) -> Call {
    CLLNN_TUNED
        .job(Call::new("train"), out)
        .flag("data", &*LARGE_SET)
        .flag("batch-size", "5")
        .flag("epochs", "2")
}

#[test]
fn a_job_that_is_stopped_before_its_limit_asks_to_be_started_again_and_goes_on() {
    let [whole, stopped] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let expected = long_job(whole.path()).succeed();
    let mut running = long_job(stopped.path()).start();
    running.wait_until(|| stopped.path().join("last.safetensors").exists());
    sleep(Duration::from_millis(50));
    running.signal("USR1");
    // A scheduler may send it to the job and to each of its steps.
    running.signal("USR1");
    let ended = running.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(75), ""), "{}", ended.stderr);
    let again =
        "error: stopped by SIGUSR1; the run is saved, and the same command line again goes on with it";
    assert!(ended.stderr.contains(again), "{}", ended.stderr);
    assert!(training(stopped.path())["step_in_epoch"].as_u64().unwrap() > 0);
    let resumed = long_job(stopped.path()).succeed();
    assert!(resumed.stderr.contains("resumed after epoch 1 of 2"), "{}", resumed.stderr);
    assert_eq!(resumed.stdout, expected.stdout);
    assert_same_run(whole.path(), stopped.path());
}

#[test]
fn a_run_with_a_folder_of_its_own_says_how_it_goes_on_after_sigusr1() {
    let out = tempfile::tempdir().unwrap();
    let call = CLLNN_TUNED.train(out.path()).flag("data", &*LARGE_SET).flag("batch-size", "5");
    let mut running = call.start();
    running.wait_until(|| out.path().join("last.safetensors").exists());
    running.signal("USR1");
    let ended = running.end();
    assert_eq!(ended.code, Some(75), "{}", ended.stderr);
    let again = format!("`lnn-cli train --resume {}` goes on with it", out.path().display());
    assert!(ended.stderr.contains(&again), "{}", ended.stderr);
}

#[test]
fn a_finished_job_reports_its_result_and_repeats_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("new");
    let call = || job(LNN_TUNED, &out).flag("epochs", EPOCHS.to_string());
    let first = call().succeed();
    assert!(first.stdout.starts_with("test accuracy "), "{}", first.stdout);
    let files = |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap();
    let names = ["last.safetensors", "best.safetensors", "metrics.jsonl", "test.json"];
    let before = names.map(files);
    let second = call().succeed();
    assert_eq!(second.stdout, first.stdout);
    assert!(second.stderr.contains("the run is finished; nothing is left to do"), "{}", second.stderr);
    assert!(!second.stderr.contains("resumed after"), "{}", second.stderr);
    assert_eq!(names.map(files), before);
    let lines = json_lines(&call().arg("--json").succeed().stdout);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["type"], "test");
    assert!(first.stdout.contains(&format!("{:.4}", lines[0]["data"]["accuracy"].as_f64().unwrap())));
    assert_eq!(call().arg("--no-test").succeed().stdout, "");
    // Killed between training and test: the test is made up for.
    fs::remove_file(out.join("test.json")).unwrap();
    assert_eq!(call().succeed().stdout, first.stdout);
    assert!(out.join("test.json").exists());
}

#[test]
fn a_readout_in_closed_form_is_solved_once_and_tested_once() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("run");
    let call = || job(LNN_TUNED, &out).flag("readout", "ridge");
    let first = call().succeed();
    let solved = fs::metadata(out.join("last.safetensors")).unwrap().modified().unwrap();
    assert_eq!(call().succeed().stdout, first.stdout);
    fs::remove_file(out.join("test.json")).unwrap();
    assert_eq!(call().succeed().stdout, first.stdout);
    assert_eq!(fs::metadata(out.join("last.safetensors")).unwrap().modified().unwrap(), solved);
}

#[test]
fn more_epochs_in_the_same_line_are_trained_and_tested_anew() {
    let out = tempfile::tempdir().unwrap();
    let call = |epochs: &str| job(LNN_TUNED, out.path()).flag("epochs", epochs);
    call("1").succeed();
    let resumed = call("2").flag("pause-after", "1").succeed();
    assert!(resumed.stdout.starts_with("test accuracy"), "{}", resumed.stdout);
    let paused = call("4").flag("pause-at", "3").succeed();
    assert_eq!((paused.stdout.as_str(), metrics(out.path()).len()), ("", 3));
    assert!(!out.path().join("test.json").exists(), "the test was of other weights");
    assert_eq!(config(out.path())["epochs"], 4);
}

#[test]
fn pausing_at_an_epoch_counts_from_the_start_and_may_be_repeated() {
    let out = tempfile::tempdir().unwrap();
    let call = |epoch: &str| job(LNN_TUNED, out.path()).flag("epochs", "4").flag("pause-at", epoch);
    for epoch in ["2", "2", "3"] {
        let paused = call(epoch).arg("--no-test").succeed();
        assert!(paused.stderr.contains(&format!("paused after {epoch} epochs")), "{}", paused.stderr);
        assert_eq!(metrics(out.path()).len().to_string(), epoch);
    }
    let last = call("4").arg("--no-test").succeed();
    assert_eq!((last.stdout.as_str(), metrics(out.path()).len()), ("", 4));
    assert!(!last.stderr.contains("paused") && !last.stderr.contains("test"), "{}", last.stderr);
    assert!(!out.path().join("test.json").exists());
    assert_same_run(&LNN_TUNED.run().folder, out.path());
}

#[test]
fn a_folder_whose_process_was_killed_before_its_first_checkpoint_is_started_again() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("run");
    let mut running = long_job(&out).start();
    running.wait_until(|| out.join("config.json").exists());
    running.signal("KILL");
    running.end();
    assert!(!out.join("last.safetensors").exists(), "the kill came too late");
    long_job(&out).flag("pause-at", "1").succeed();
    assert_eq!(metrics(&out).len(), 1);
    // Killed before the configuration was written.
    let bare = parent.path().join("bare");
    fs::create_dir(&bare).unwrap();
    fs::write(bare.join(".lock"), "").unwrap();
    job(LNN_TUNED, &bare).flag("epochs", "1").succeed();
}

#[test]
fn a_run_of_other_settings_is_refused_with_the_keys_that_differ() {
    let out = tempfile::tempdir().unwrap();
    let call = || job(LNN_TUNED, out.path()).flag("epochs", "1");
    call().succeed();
    let before = fs::read(out.path().join("config.json")).unwrap();
    let message = call().flag("lr", "0.5").flag("seed", "7").refused();
    for part in
        ["holds a run of other settings", "seed: 0 and 7", "optimizer.learning_rate: ", " and 0.5", "hint: "]
    {
        assert!(message.contains(part), "{part:?} in {message}");
    }
    assert!(!message.contains("batch_size"), "{message}");
    assert_eq!(fs::read(out.path().join("config.json")).unwrap(), before);
    let message = call().flag("out", "x").refused();
    assert!(message.contains("cannot be used with"), "{message}");
    let stray = tempfile::tempdir().unwrap();
    fs::write(stray.path().join("best.safetensors"), "precious").unwrap();
    assert!(job(LNN_TUNED, stray.path()).refused().contains("holds best.safetensors without a config.json"));
}

#[test]
fn two_jobs_do_not_train_in_one_folder() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("run");
    let mut running = long_job(&out).start();
    running.wait_until(|| out.join("config.json").exists());
    running.signal("STOP");
    assert!(long_job(&out).refused().contains("another process is training in"));
    running.signal("KILL");
    running.end();
}

#[test]
fn the_threads_of_a_job_are_those_that_slurm_gives_unless_a_flag_or_openmp_says_otherwise() {
    let started = |call: Call| {
        let parent = tempfile::tempdir().unwrap();
        let call = LNN_TUNED.train_by(call, &parent.path().join("run")).flag("data", shared_data());
        let lines = json_lines(&call.flag("epochs", "1").args(["--no-test", "--json"]).succeed().stdout);
        assert!(lines.iter().all(|line| line["type"] != "test"), "{lines:?}");
        lines[0]["data"].clone()
    };
    let given = |cpus: &str| Call::on_own_threads("train").env("SLURM_CPUS_PER_TASK", cpus);
    let place = started(given("1"));
    assert_eq!(place["threads"], 1);
    assert!(!place["host"].as_str().unwrap().is_empty());
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(started(given("100000"))["threads"], cores);
    assert_eq!(started(given(""))["threads"], cores);
    assert_eq!(started(given("1").flag("threads", "2"))["threads"], 2);
    assert_eq!(started(given("1").env("OMP_NUM_THREADS", "2"))["threads"], 2);
    for wrong in ["0", "-1", "many"] {
        let message = given(wrong).flag("model", "lnn").refused();
        assert!(message.contains("SLURM_CPUS_PER_TASK: expected a number of CPUs, found"), "{message}");
    }
}
