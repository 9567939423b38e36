//! Signals that are not a Ctrl-C of a user who waits: hang-ups, signals that the parent ignores, and impatience.

use crate::interruption::LARGE_SET;
use crate::program::{Call, Running};
use crate::run_contents::{metrics, training};
use crate::trained_runs::CLLNN_TUNED;
use std::net::TcpListener;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn train(out: &Path) -> Call {
    CLLNN_TUNED.train(out).flag("data", &*LARGE_SET).flag("batch-size", "5").flag("epochs", "2")
}

/// Starts training and waits until its second epoch is under way.
fn under_way(call: impl FnOnce(&Path) -> Call) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let mut running = call(folder.path()).start();
    running.wait_until(|| folder.path().join("last.safetensors").exists());
    sleep(Duration::from_millis(50));
    (folder, running)
}

#[test]
fn a_terminal_that_closes_saves_the_run_even_if_it_hangs_up_twice() {
    let (folder, mut running) = under_way(train);
    running.signal("HUP");
    running.signal("HUP");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(training(folder.path())["step_in_epoch"].as_u64().unwrap() > 0);
}

#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() {
    let (folder, mut running) = under_way(|out| train(out).after("trap '' HUP INT"));
    running.signal("HUP");
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(metrics(folder.path()).len(), 2);
}

#[test]
fn a_second_interrupt_ends_the_process_at_once_and_quietly() {
    for pause in [0, 1, 3, 10, 30] {
        let (folder, mut running) = under_way(train);
        running.signal("INT");
        sleep(Duration::from_millis(pause));
        running.signal("INT");
        // The end says whether it was a panic.
        assert_eq!(running.end().code, Some(130));
        Call::new("inspect").arg(folder.path().join("last.safetensors")).succeed();
    }
}

#[test]
fn an_interrupt_ends_a_download_that_stalls() {
    let data = tempfile::tempdir().unwrap();
    let out = data.path().join("run");
    let calls = [
        Call::new("data").args(["fetch", "mnist"]),
        Call::new("train").flag("model", "lnn").flag("data", "mnist").flag("out", &out),
    ];
    for call in calls {
        // A proxy that accepts connections and never answers.
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let call = call.env("LNN_DATA_DIR", data.path().join("data"));
        let call = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
            .into_iter()
            .fold(call, |call, name| call.env(name, &address));
        let mut running = call.env("NO_PROXY", "").env("no_proxy", "").start();
        let _connection = proxy.accept().unwrap();
        let started = Instant::now();
        running.signal("INT");
        assert_eq!(running.end().code, Some(130));
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
    assert!(!out.exists(), "a run without data has no folder");
}
