//! The records of a run: one line per epoch, whatever happens to the file, the folder or the disk.

use crate::checkpoint_file::CheckpointFile;
use crate::interruption::LARGE_SET;
use crate::program::{Call, Ended, Running};
use crate::run_contents::{assert_same_run, metrics};
use crate::trained_runs::{EPOCHS, LNN_TUNED, shared_data};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn resume(run: &Path) -> Ended {
    Call::new("train").flag("resume", run).succeed()
}

/// The shared run, paused after three of its epochs.
fn paused() -> TempDir {
    let run = tempfile::tempdir().unwrap();
    let call = LNN_TUNED.train(run.path()).flag("data", shared_data()).flag("epochs", EPOCHS.to_string());
    call.flag("pause-after", "3").succeed();
    run
}

#[test]
fn lines_that_a_kill_or_a_broken_byte_cost_are_restored_from_the_checkpoint() {
    let whole = &LNN_TUNED.run().folder;
    for damage in [
        // Killed after the checkpoint and before the line, or in the middle of it.
        |text: &mut Vec<u8>| text.truncate(text.iter().rposition(|byte| *byte == b'{').unwrap()),
        |text: &mut Vec<u8>| text.truncate(text.len() - 30),
        |text: &mut Vec<u8>| text[40] = 0xff,
        |text: &mut Vec<u8>| text.clear(),
    ] {
        let run = paused();
        let file = run.path().join("metrics.jsonl");
        let mut text = fs::read(&file).unwrap();
        damage(&mut text);
        fs::write(&file, text).unwrap();
        let ended = resume(run.path());
        assert!(!ended.stderr.contains("metrics.jsonl"), "{}", ended.stderr);
        assert_same_run(whole, run.path());
    }
}

#[test]
fn a_checkpoint_of_an_earlier_version_keeps_the_lines_of_the_file_and_says_what_is_missing() {
    let run = paused();
    let last = run.path().join("last.safetensors");
    let mut checkpoint = CheckpointFile::read(&last);
    checkpoint.describe(|description| {
        let removed = description["training"].as_object_mut().unwrap().remove("recorded_epochs");
        assert_eq!(removed.unwrap().as_array().unwrap().len(), 3);
    });
    checkpoint.write(&last);
    let file = run.path().join("metrics.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = text.lines().skip(1).collect();
    fs::write(&file, kept.join("\n") + "\n").unwrap();
    let ended = resume(run.path());
    assert!(ended.stderr.contains("the lines of 1 of 3 finished epochs are missing"), "{}", ended.stderr);
    assert_eq!(metrics(run.path()).len() as u64, EPOCHS - 1);
}

#[test]
fn a_record_that_cannot_be_written_costs_no_epoch_and_the_run_ends_with_1() {
    let run = paused();
    let curves = run.path().join("curves.svg");
    fs::remove_file(&curves).unwrap();
    fs::create_dir(&curves).unwrap();
    let ended = Call::new("train").flag("resume", run.path()).end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("test accuracy"), "{}", ended.stdout);
    assert!(ended.stderr.contains("warning: ") && ended.stderr.contains("curves.svg"), "{}", ended.stderr);
    fs::remove_dir(&curves).unwrap();
    resume(run.path());
    assert_same_run(&LNN_TUNED.run().folder, run.path());
}

/// Starts a run of two long epochs in `out` and waits for the first line.
fn long_run(out: &Path) -> Running {
    let call = LNN_TUNED.train(out).flag("data", &*LARGE_SET).flag("batch-size", "1").flag("epochs", "2");
    let mut running = call.start();
    let file = out.join("metrics.jsonl");
    running.wait_until(|| fs::metadata(&file).is_ok_and(|found| found.len() > 0));
    running
}

#[test]
fn metrics_that_are_removed_while_training_are_written_again_with_a_warning() {
    let run = tempfile::tempdir().unwrap();
    let running = long_run(run.path());
    fs::remove_file(run.path().join("metrics.jsonl")).unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("metrics.jsonl was removed, replaced or changed"), "{}", ended.stderr);
    assert_eq!(metrics(run.path()).len(), 2);
}

#[test]
fn a_folder_that_is_moved_while_training_ends_the_run_with_1_and_can_be_resumed() {
    let parent = tempfile::tempdir().unwrap();
    let [out, moved] = ["run", "moved"].map(|name| parent.path().join(name));
    let running = long_run(&out);
    fs::rename(&out, &moved).unwrap();
    // Another folder in its place is not written to.
    fs::create_dir(&out).unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("was removed, renamed or replaced"), "{}", ended.stderr);
    assert!(!out.join("last.safetensors").exists());
    resume(&moved);
    assert_eq!(metrics(&moved).len(), 2);
}

#[test]
fn scraps_of_a_killed_run_are_swept_when_it_is_resumed() {
    let run = paused();
    for name in [".tmpQ7xk2A", ".partial-m0ZZy9"] {
        fs::write(run.path().join(name), "half of a checkpoint").unwrap();
    }
    resume(run.path());
    let names: Vec<_> = fs::read_dir(run.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let scraps = names.iter().filter(|name| name.to_str().unwrap().starts_with('.') && *name != ".lock");
    assert_eq!(scraps.count(), 0, "{names:?}");
}

#[test]
fn a_full_disk_is_no_wrong_request() {
    // Files of more than 512 bytes do not fit; the signal for them is ignored, so that writing fails as on a full disk.
    let out = tempfile::tempdir().unwrap();
    let call = LNN_TUNED.train(&out.path().join("run")).flag("data", shared_data());
    call.after("trap '' XFSZ; ulimit -f 1").fails_with(1);
    let call = Call::new("export").arg(&LNN_TUNED.run().folder).flag("out", out.path().join("model.pt"));
    call.after("trap '' XFSZ; ulimit -f 1").fails_with(1);
    assert!(!out.path().join("model.pt").exists());
}
