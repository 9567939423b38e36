//! Runs that are stopped from outside go on as if nothing had happened.

use crate::image_sets;
use crate::program::{Call, Ended, Running};
use crate::run_contents::{assert_same_run, training};
use crate::trained_runs::{CLLNN_TUNED, LNN_TUNED, Variant, shared};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// What `--data` takes for a set so large that a signal arrives well before the end of an epoch.
pub(crate) static LARGE_SET: LazyLock<String> = LazyLock::new(|| {
    let folder = shared("large-set");
    image_sets::write(&folder, [2000, 40], 8);
    image_sets::spec(&folder)
});

/// Training of two long epochs. Batches are small, because a signal is answered after each.
fn train(variant: Variant, out: &Path) -> Call {
    let size = if variant == LNN_TUNED { "1" } else { "5" };
    variant.train(out).flag("data", &*LARGE_SET).flag("batch-size", size).flag("epochs", "2")
}

fn resume(run: &Path) -> Call {
    Call::new("train").flag("resume", run)
}

/// The same training without an interruption, done when first asked for.
fn whole(variant: Variant) -> &'static (PathBuf, Ended) {
    static WHOLE: [OnceLock<(PathBuf, Ended)>; 2] = [const { OnceLock::new() }; 2];
    WHOLE[usize::from(variant == LNN_TUNED)].get_or_init(|| {
        let folder = shared(&format!("long-{}", variant.model));
        let ended = train(variant, &folder).succeed();
        (folder, ended)
    })
}

/// A run that is stopped on its way.
struct Stopped {
    variant: Variant,
    folder: TempDir,
}

impl Stopped {
    fn of(variant: Variant) -> Self {
        Self { variant, folder: tempfile::tempdir().unwrap() }
    }

    /// Starts it and waits until it has written a file.
    fn start_until(&self, file: &str) -> Running {
        let mut running = train(self.variant, self.folder.path()).start();
        running.wait_until(|| self.folder.path().join(file).exists());
        running
    }

    /// Starts it and waits until its second epoch is under way.
    fn start_until_second_epoch(&self) -> Running {
        let running = self.start_until("last.safetensors");
        sleep(Duration::from_millis(50));
        running
    }

    /// Resumes it and holds it against the whole.
    fn resume_and_compare(&self) {
        let resumed = resume(self.folder.path()).succeed();
        let (whole, ended) = whole(self.variant);
        assert_eq!(resumed.stdout, ended.stdout);
        assert_same_run(whole, self.folder.path());
    }
}

fn interrupted_in_an_epoch_equals_the_whole(variant: Variant, signal: &str) {
    let stopped = Stopped::of(variant);
    let mut running = stopped.start_until_second_epoch();
    running.signal(signal);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    for part in ["interrupted: finishing the step and saving", "paused after 1 epochs", "error: interrupted"]
    {
        assert!(ended.stderr.contains(part), "{part:?} in {}", ended.stderr);
    }
    let state = training(stopped.folder.path());
    assert_eq!(state["epoch"], 1);
    assert!(state["step_in_epoch"].as_u64().unwrap() > 0, "{state}");
    stopped.resume_and_compare();
}

#[test]
fn an_lnn_interrupted_within_an_epoch_ends_as_the_whole_run() {
    interrupted_in_an_epoch_equals_the_whole(LNN_TUNED, "INT");
}

#[test]
fn a_cllnn_asked_to_terminate_within_an_epoch_ends_as_the_whole_run() {
    interrupted_in_an_epoch_equals_the_whole(CLLNN_TUNED, "TERM");
}

#[test]
fn a_run_killed_within_an_epoch_repeats_that_epoch() {
    let stopped = Stopped::of(CLLNN_TUNED);
    let mut running = stopped.start_until_second_epoch();
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    assert_eq!(training(stopped.folder.path())["step_in_epoch"], 0);
    stopped.resume_and_compare();
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_from_its_configuration() {
    let stopped = Stopped::of(LNN_TUNED);
    let mut running = stopped.start_until("config.json");
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    assert!(!stopped.folder.path().join("last.safetensors").exists(), "the kill came too late");
    stopped.resume_and_compare();
}

#[test]
fn a_run_in_which_another_process_trains_cannot_be_resumed() {
    let stopped = Stopped::of(CLLNN_TUNED);
    let mut running = stopped.start_until("config.json");
    // Stopped by the system, not by the program, so that it holds the run for as long as the other one takes.
    running.signal("STOP");
    let message = resume(stopped.folder.path()).refused();
    let folder = stopped.folder.path().to_str().unwrap();
    assert!(message.contains("another process is training in") && message.contains(folder), "{message}");
    running.signal("KILL");
    running.end();
}
