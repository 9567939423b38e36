//! Models with wirings, and traces whose every step has a target, from the command line.

use crate::program::Call;
use crate::run_contents::json_lines;
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use std::fs::{self, File};
use std::path::Path;

/// Six traces of two waves.
fn traces(folder: &Path) -> String {
    for k in 0..6 {
        let trace =
            Array2::from_shape_fn((40, 2), |(t, i)| (t as f64 * 0.3 + f64::from(k) + i as f64 * 0.7).sin());
        trace.write_npy(File::create(folder.join(format!("{k}.npy"))).unwrap()).unwrap();
    }
    format!("npy-folder:{},window=8,stride=4", folder.display())
}

const POLICY: &str = r#"model.wiring={"kind": "auto-ncp", "outputs": 2, "sparsity": 0.5, "seed": 1}"#;

#[test]
fn a_policy_trains_on_traces_is_drawn_and_goes_on_where_it_was_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let [data, run, picture] = ["traces", "run", "wiring.svg"].map(|name| folder.path().join(name));
    fs::create_dir(&data).unwrap();
    let data = traces(&data);
    let call = Call::new("train").flag("model", "ltc").flag("data", &data).flag("out", &run).set(POLICY);
    let call = call.set("model.units=12").set("optimizer.clip=0.5").set("optimizer.learning_rate=0.02");
    call.flag("epochs", "12").flag("pause-after", "5").succeed();
    let resumed = Call::new("train").flag("resume", &run).arg("--json").succeed().stdout;
    let lines = json_lines(&resumed);
    let test = &lines.last().unwrap()["data"];
    assert!(test["loss"].as_f64().unwrap() < 1.0, "{test}");
    Call::new("inspect").arg(&run).flag("wiring", &picture).succeed();
    let drawn = fs::read_to_string(&picture).unwrap();
    assert!(drawn.contains("motor (2)") && drawn.contains("inputs (2)"), "{drawn}");
    let exported = folder.path().join("model.pt");
    Call::new("export").arg(&run).flag("out", &exported).succeed();
    let refused = Call::new("inspect").arg(&exported).flag("wiring", &picture).refused();
    assert!(refused.contains("--wiring needs a run or a checkpoint"), "{refused}");
}

#[test]
fn what_is_no_wiring_and_what_has_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let data = traces(folder.path());
    let refused = |model: &str, setting: &str, reason: &str| {
        let out = folder.path().join("run");
        let call = Call::new("train").flag("model", model).flag("data", &data).flag("out", &out);
        let text = call.set(setting).flag("epochs", "1").refused();
        assert!(text.contains(reason), "{text}");
        assert!(!out.exists());
    };
    refused(
        "ltc",
        r#"model.wiring={"kind": "random", "sparsity": 1.5, "seed": 0}"#,
        "at least 0 and below 1",
    );
    refused(
        "ltc",
        r#"model.wiring={"kind": "auto-ncp", "outputs": 99, "sparsity": 0.5, "seed": 0}"#,
        "3 units more",
    );
    refused("ltc", "model.unfolds=0", "unfolds must be at least 1");
    refused("cfc", POLICY, "model.backbone.layers=0");
    refused("cfc", "model.backbone.dropout=1", "dropout of the backbone");
    refused("gru", "optimizer.clip=0", "optimizer.clip");
    let run = folder.path().join("plain");
    let call = Call::new("train").flag("model", "gru").flag("data", &data).flag("out", &run);
    call.set("model.units=4").flag("epochs", "1").succeed();
    let text = Call::new("inspect").arg(&run).flag("wiring", folder.path().join("x.svg")).refused();
    assert!(text.contains("the model gru has no wiring"), "{text}");
}

#[test]
fn a_method_that_diverges_on_the_data_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (traces(folder.path()), folder.path().join("run"));
    let call = Call::new("train").flag("model", "ltc").flag("data", &data).flag("out", &run);
    let call = call.set("model.units=6").set("model.solver=euler").set("model.unfolds=1").flag("epochs", "1");
    // What the run comes to is left open.
    let messages = call.end().stderr;
    assert!(messages.contains("can diverge") && messages.contains("semi-implicit"), "{messages}");
}
