//! What lies in a run's folder, and when two runs are the same run.

use crate::checkpoint_file::{CheckpointFile, timeless};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The lines of `metrics.jsonl`.
pub(crate) fn metrics(run: &Path) -> Vec<Value> {
    json_lines(&fs::read_to_string(run.join("metrics.jsonl")).expect("the run has metrics"))
}

/// The values of JSON Lines.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The configuration of a run.
pub(crate) fn config(run: &Path) -> Value {
    let text = fs::read_to_string(run.join("config.json")).expect("the run has a configuration");
    serde_json::from_str(&text).expect("the configuration is JSON")
}

/// The training state in the last checkpoint.
pub(crate) fn training(run: &Path) -> Value {
    CheckpointFile::read(&run.join("last.safetensors")).description()["training"].take()
}

/// Holds two runs together: both checkpoints bit for bit, and the metrics, all but the time it took.
pub(crate) fn assert_same_run(whole: &Path, parts: &Path) {
    for name in ["last.safetensors", "best.safetensors"] {
        let [whole, parts] = [whole, parts].map(|run| CheckpointFile::read(&run.join(name)));
        assert_eq!(whole.timeless_description(), parts.timeless_description(), "{name}");
        let [whole, parts] = [whole, parts].map(|file| file.tensors(""));
        assert_eq!(whole.keys().collect::<Vec<_>>(), parts.keys().collect::<Vec<_>>(), "{name}");
        for (tensor, stored) in &whole {
            assert!(stored == &parts[tensor], "{tensor} of {name} differs");
        }
    }
    assert_eq!(timeless_metrics(whole), timeless_metrics(parts));
}

/// The metrics without what depends on the pace of the machine, and without the number of epochs that was asked for.
fn timeless_metrics(run: &Path) -> Vec<Value> {
    let mut lines = metrics(run);
    lines.iter_mut().for_each(timeless);
    lines
}
