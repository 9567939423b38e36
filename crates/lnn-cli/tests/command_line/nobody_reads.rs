//! Messages and results that nobody reads: the run matters, not its reader.

use crate::program::Call;
use crate::run_contents::metrics;
use crate::trained_runs::{LNN_TUNED, shared_data};
use std::fs::{File, OpenOptions};
use std::io::pipe;
use std::path::Path;
use std::process::Stdio;

/// The writing end of a pipe whose reader has gone.
fn broken() -> Stdio {
    pipe().unwrap().1.into()
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn train(out: &Path) -> Call {
    LNN_TUNED.train(out).flag("data", shared_data()).flag("epochs", "3")
}

#[test]
fn a_run_ends_well_and_is_saved_when_nobody_reads_its_messages() {
    let parent = tempfile::tempdir().unwrap();
    let out = |name: &str| parent.path().join(name);
    let calls = [
        ("broken", train(&out("broken")).streams(Stdio::piped(), broken())),
        ("full", train(&out("full")).streams(Stdio::piped(), full())),
        ("both", train(&out("both")).streams(broken(), broken())),
        ("json", train(&out("json")).arg("--json").streams(broken(), broken())),
        ("closed", train(&out("closed")).after("exec 2>&-")),
        ("both closed", train(&out("both closed")).after("exec >&- 2>&-")),
    ];
    for (name, call) in calls {
        assert_eq!(call.end().code, Some(0), "{name}");
        assert_eq!(metrics(&out(name)).len(), 3, "{name}");
        Call::new("eval").arg(out(name)).succeed();
    }
}

#[test]
fn results_that_do_not_fit_on_the_disk_cost_no_epoch_but_the_run_ends_with_1() {
    let parent = tempfile::tempdir().unwrap();
    for (name, words) in [("text", None), ("json", Some("--json"))] {
        let out = parent.path().join(name);
        let ended = train(&out).args(words).streams(full(), Stdio::piped()).end();
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("warning: standard output: ").count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("error: the checkpoints of the run are complete"), "{}", ended.stderr);
        assert_eq!(metrics(&out).len(), 3);
    }
}

#[test]
fn a_failure_is_reported_by_its_code_when_nobody_reads_the_message() {
    for stderr in [broken(), full()] {
        let call = Call::new("inspect").arg("/nowhere").streams(Stdio::piped(), stderr);
        assert_eq!(call.end().code, Some(2));
    }
}

#[test]
fn inspect_into_a_pipe_that_closes_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let run = &LNN_TUNED.run().folder;
    let model = folder.path().join("model.pt");
    Call::new("export").arg(run).flag("out", &model).succeed();
    for source in [run, &model] {
        for words in [None, Some("--json")] {
            let call = Call::new("inspect").arg(source).args(words).streams(broken(), Stdio::piped());
            let ended = call.end();
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        }
        let call = Call::new("inspect").arg(source);
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(call.streams(full, Stdio::piped()).end().code, Some(1));
    }
}
