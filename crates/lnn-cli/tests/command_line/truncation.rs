//! `optimizer.tbptt`, the steps over which gradients reach back, on sequences of unequal length and irregular time.

use crate::program::Call;
use crate::run_contents::metrics;
use crate::trained_runs::shared_data;
use std::path::Path;

fn train(out: &Path, setting: &str) -> Call {
    let call = Call::new("train")
        .flag("model", "cfc")
        .flag("data", "xor-event")
        .flag("limit", "300")
        .flag("out", out);
    call.set("model.units=8").set("model.backbone.units=8").set(setting).flag("epochs", "3")
}

#[test]
fn more_steps_than_a_sequence_has_change_nothing_and_fewer_do() {
    let folder = tempfile::tempdir().unwrap();
    let losses = |name: &str, setting: &str| {
        let run = folder.path().join(name);
        train(&run, setting).succeed();
        metrics(&run).iter().map(|epoch| epoch["loss"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let whole = losses("whole", "optimizer.tbptt=null");
    assert_eq!(losses("long", "optimizer.tbptt=32"), whole);
    assert_ne!(losses("short", "optimizer.tbptt=2"), whole);
}

#[test]
fn a_truncated_run_goes_on_where_it_paused() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let ended = train(&whole, "optimizer.tbptt=3").succeed();
    train(&parts, "optimizer.tbptt=3").flag("pause-after", "1").succeed();
    let resumed = Call::new("train").flag("resume", &parts).succeed();
    assert_eq!(resumed.stdout, ended.stdout);
}

#[test]
fn what_cannot_be_truncated_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let refused = train(&out, "optimizer.tbptt=0").refused();
    assert!(refused.contains("optimizer.tbptt") && refused.contains("at least 1"), "{refused}");
    let call = Call::new("train").flag("model", "lnn").flag("data", shared_data()).flag("out", &out);
    let refused = call.set("optimizer.tbptt=3").flag("epochs", "1").refused();
    assert!(refused.contains("cannot be truncated") && refused.contains("liquid"), "{refused}");
    assert!(!out.exists());
}
