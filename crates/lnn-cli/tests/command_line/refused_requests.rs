//! Flags that cannot be obeyed: exit 2, a message that helps, and no trace of a run.

use crate::program::Call;
use crate::trained_runs::{LNN_TUNED, shared_data};
use clap::Parser;
use lnn_cli::commands::Arguments;
use std::fs;
use std::process::{Command, Stdio};

/// A training run that would be accepted, in a folder that is not there yet.
fn refused_with(arguments: &[&str]) -> String {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("run");
    let call = Call::new("train").flag("model", "lnn").flag("data", shared_data()).flag("out", &out);
    let message = call.set("model.reservoir.units=4").args(arguments).refused();
    assert!(!out.exists(), "{arguments:?} left {:?}", fs::read_dir(&out).unwrap().collect::<Vec<_>>());
    message
}

#[test]
fn a_flag_or_a_command_that_does_not_exist_is_named() {
    let message = refused_with(&["--epoch", "3"]);
    assert!(message.contains("'--epoch'") && message.contains("'--epochs'"), "{message}");
    let message = Call::new("trian").refused();
    assert!(message.contains("'trian'") && message.contains("'train'"), "{message}");
}

#[test]
fn a_value_that_a_flag_does_not_take_is_named_with_what_it_takes() {
    let message = refused_with(&["--device", "gpu"]);
    assert!(message.contains("expected auto, cpu, cuda or cuda:N, found `gpu`"), "{message}");
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--preset", "best"], &["'best'", "article, tuned"]),
        (&["--epochs", "many"], &["'many'", "--epochs"]),
        (&["--threads", "0"], &["--threads"]),
        (&["--seed=-1"], &["--seed"]),
    ];
    for (arguments, parts) in cases {
        // The parser alone, which is quicker than the program; it exits with the code of its error.
        let all = ["lnn-cli", "train", "--model", "lnn"].iter().chain(arguments);
        let error = Arguments::try_parse_from(all).expect_err("the value is wrong");
        let message = error.to_string();
        assert_eq!(error.exit_code(), 2, "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{arguments:?}: {message}");
    }
}

#[test]
fn a_number_out_of_range_is_named_with_its_range() {
    let cases: [(&[&str], &str); 3] = [
        (&["--epochs", "0"], "epochs must be at least 1, found 0"),
        (&["--lr", "NaN"], "optimizer.learning_rate must be a finite number above 0, found NaN"),
        (&["--limit", "2"], "limit must be at least 4, found 2"),
    ];
    for (arguments, expected) in cases {
        let message = refused_with(arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn cuda_without_a_gpu_says_what_was_found() {
    let quiet = Command::new("nvidia-smi").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if quiet.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this machine has a GPU");
        return;
    }
    let message = refused_with(&["--device", "cuda"]);
    for part in ["expected a CUDA device", "found", "hint: --device cpu"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn training_needs_a_model_or_a_run_and_not_both() {
    let message = Call::new("train").refused();
    assert!(message.contains("--model"), "{message}");
    let both = Call::new("train").flag("model", "lnn").flag("resume", "somewhere").refused();
    assert!(
        both.contains("--model") && both.contains("--resume") && both.contains("cannot be used with"),
        "{both}"
    );
}

#[test]
fn a_folder_that_holds_a_run_is_not_written_over() {
    let run = &LNN_TUNED.run().folder;
    let before = fs::read(run.join("config.json")).unwrap();
    let message = LNN_TUNED.train(run).flag("data", shared_data()).refused();
    for part in ["holds a run already", "hint: --resume", "--out", run.to_str().unwrap()] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
    assert_eq!(fs::read(run.join("config.json")).unwrap(), before);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let message = LNN_TUNED.train(&file.path().join("run")).flag("data", shared_data()).refused();
    assert!(message.contains("cannot write") && message.contains(file.path().to_str().unwrap()), "{message}");
}
