//! `train --diagnose gradients`.

use crate::program::Call;
use crate::run_contents::{assert_same_run, json_lines};
use crate::sequences;
use crate::series_files::SeriesFile;
use crate::trained_runs::shared_data;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn gradients(run: &Path) -> Vec<Value> {
    json_lines(&fs::read_to_string(run.join("gradients.jsonl")).expect("the gradients were watched"))
}

fn watch(call: Call) -> Call {
    call.flag("diagnose", "gradients")
}

#[test]
fn each_epoch_has_a_line_with_the_norm_at_each_step() {
    let series = SeriesFile::wave();
    let run = series.folder().join("run");
    let train = || sequences::train(&run).flag("data", series.spec(",window=8"));
    let ended = watch(train()).arg("--json").succeed();
    let lines = gradients(&run);
    assert_eq!(lines.iter().map(|line| &line["epoch"]).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for line in &lines {
        let norms = line["norms"].as_array().unwrap();
        assert_eq!(norms.len(), 8);
        assert!(norms.iter().all(|norm| norm.as_f64().unwrap() > 0.0), "{line}");
        assert!(line["horizon"].is_null(), "so short a sequence is seen as a whole: {line}");
    }
    let events = json_lines(&ended.stdout).into_iter().filter(|event| event["type"] == "gradients");
    assert_eq!(events.map(|mut event| event["data"].take()).collect::<Vec<_>>(), lines);
    let lines = ended.stderr.lines().filter(|line| line.contains(": gradient ")).collect::<Vec<_>>();
    assert_eq!(lines.len(), 4, "{}", ended.stderr);
    assert!(lines[0].contains("at the last of 8 steps, nowhere below a thousandth of it"), "{}", lines[0]);
}

/// A reservoir that forgets at once, and a readout that sees its last state alone.
#[test]
fn a_short_memory_has_a_horizon() {
    let run = tempfile::tempdir().unwrap();
    let call = Call::new("train").flag("model", "snlnn").flag("data", shared_data()).flag("out", run.path());
    let call = call.flag("epochs", "1").set("model.units=12").set("model.max_reservoir_dim=12");
    let call = call.set("model.encoding.kind=scan").set("model.summaries=[\"last-membrane\"]");
    let ended = watch(call.set("model.leak_rate=1").set("model.spectral_radius=0.01")).succeed();
    let line = &gradients(run.path())[0];
    let norms: Vec<f64> = serde_json::from_value(line["norms"].clone()).unwrap();
    let horizon = line["horizon"].as_u64().expect("there is a horizon") as usize;
    assert_eq!(norms.len(), 16);
    assert!(norms[15 - horizon] < 1e-3 * norms[15] && norms[16 - horizon] >= 1e-3 * norms[15], "{line}");
    let lines = format!("below a thousandth of it {horizon} steps back, ");
    assert!(ended.stderr.contains(&lines), "{}", ended.stderr);
}

#[test]
fn watching_changes_nothing() {
    let series = SeriesFile::wave();
    let [plain, watched] = ["plain", "watched"].map(|name| series.folder().join(name));
    let train = |out: &Path| sequences::train(out).flag("data", series.spec(",window=8"));
    let ended = train(&plain).succeed();
    assert!(!plain.join("gradients.jsonl").exists());
    assert_eq!(watch(train(&watched)).succeed().stdout, ended.stdout);
    assert_same_run(&plain, &watched);
}

#[test]
fn a_resumed_run_is_watched_if_asked_again() {
    let series = SeriesFile::wave();
    let run = series.folder().join("run");
    watch(sequences::train(&run).flag("data", series.spec(",window=8")).flag("pause-after", "1")).succeed();
    Call::new("train").flag("resume", &run).flag("pause-after", "1").succeed();
    watch(Call::new("train").flag("resume", &run)).succeed();
    assert_eq!(gradients(&run).iter().map(|line| &line["epoch"]).collect::<Vec<_>>(), [1, 3, 4]);
}

#[test]
fn a_model_whose_readout_alone_trains_has_nothing_to_watch() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("run");
    let call = Call::new("train").flag("model", "lnn").flag("data", shared_data()).flag("out", &out);
    let message = watch(call.set("model.reservoir.units=4")).refused();
    assert!(message.contains("--diagnose gradients: expected a model that trains through time"), "{message}");
    assert!(!out.exists(), "the refused run left a folder");
}
