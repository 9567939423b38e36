//! `train --readout ridge`: one pass, a run like any other, and nothing to go on with.

use crate::checkpoint_file::CheckpointFile;
use crate::program::Call;
use crate::run_contents::{config, metrics, training};
use crate::trained_runs::{CLLNN_ARTICLE, LIQUID_TUNED, LNN_ARTICLE, LNN_TUNED, Variant, shared_data};
use std::fs;
use std::path::Path;

fn train(variant: Variant, out: &Path) -> Call {
    variant.train(out).flag("data", shared_data()).flag("readout", "ridge")
}

#[test]
fn the_regularization_is_chosen_by_validation_and_the_run_is_one_like_others() {
    for variant in [LNN_ARTICLE, LNN_TUNED] {
        let run = tempfile::tempdir().unwrap();
        let ended = train(variant, run.path()).succeed();
        let candidates = metrics(run.path());
        assert_eq!(candidates.len(), 11);
        let chosen: Vec<_> = candidates.iter().filter(|candidate| candidate["chosen"] == true).collect();
        let accuracy = |line: &serde_json::Value| line["val_accuracy"].as_f64().unwrap_or(0.0);
        let highest = candidates.iter().map(accuracy).fold(0.0, f64::max);
        assert!(chosen.len() == 1 && accuracy(chosen[0]) >= highest && highest > 0.8, "{candidates:?}");
        let said = ended.stderr.matches("regularization 1e").count();
        assert_eq!((said, ended.stderr.matches('*').count()), (11, 1), "{}", ended.stderr);

        let printed: f64 = ended.stdout.split([' ', ',']).nth(2).unwrap().parse().unwrap();
        assert!(printed > 0.8, "{}", ended.stdout);
        let evaluated = Call::new("eval").arg(run.path()).succeed().stdout;
        assert!(evaluated.starts_with(ended.stdout.trim_end()), "{evaluated} {}", ended.stdout);

        let config = config(run.path());
        assert_eq!((&config["method"]["kind"], &config["epochs"]), (&"ridge".into(), &1.into()));
        assert_eq!(training(run.path())["early_stopping"]["best"][1], chosen[0]["val_accuracy"]);
        let tensors = |name| CheckpointFile::read(&run.path().join(name)).tensors("");
        assert!(tensors("best.safetensors") == tensors("last.safetensors"));
        assert!(tensors("last.safetensors").keys().all(|name| name.starts_with("model.")));
    }
}

#[test]
fn a_solved_run_has_nothing_to_go_on_with_but_starts_another() {
    let folder = tempfile::tempdir().unwrap();
    let [run, next] = ["run", "next"].map(|name| folder.path().join(name));
    train(LNN_TUNED, &run).succeed();
    let message = Call::new("train").flag("resume", &run).refused();
    assert!(
        message.contains("nothing to go on with") && message.contains("hint: `train --init"),
        "{message}"
    );
    let call = LNN_TUNED.train(&next).flag("data", shared_data()).flag("epochs", "1").flag("init", &run);
    assert!(call.succeed().stdout.starts_with("test accuracy "));
}

#[test]
fn a_run_that_was_killed_before_it_was_solved_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let [run, killed] = ["run", "killed"].map(|name| folder.path().join(name));
    let whole = train(LNN_ARTICLE, &run).succeed();
    fs::create_dir(&killed).unwrap();
    fs::copy(run.join("config.json"), killed.join("config.json")).unwrap();
    let resumed = Call::new("train").flag("resume", &killed).succeed();
    assert_eq!((resumed.stdout, metrics(&killed)), (whole.stdout, metrics(&run)));
}

#[test]
fn what_cannot_be_solved_in_one_pass_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for variant in [CLLNN_ARTICLE, LIQUID_TUNED] {
        let message = train(variant, &out).refused();
        for part in ["expected a model whose front is fixed", variant.model, "hint: --readout gradient"] {
            assert!(message.contains(part), "{part:?} in {message}");
        }
    }
    for (flag, value) in [("epochs", "2"), ("pause-after", "1"), ("lr", "0.1"), ("precision", "bf16")] {
        let message = train(LNN_ARTICLE, &out).flag(flag, value).refused();
        assert!(message.contains(&format!("--{flag}")) && message.contains("would do nothing"), "{message}");
    }
    let message = train(LNN_ARTICLE, &out).set("augmentation.shift=1").refused();
    assert!(message.contains("augmentation would do nothing"), "{message}");
    assert!(!out.exists());
}
