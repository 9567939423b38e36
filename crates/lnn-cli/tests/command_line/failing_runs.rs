//! Runs that were a sensible request and fail: exit 1, a message that helps, and the last good checkpoint.

use crate::program::Call;
use crate::run_contents::{config, metrics};
use crate::trained_runs::{CLLNN_ARTICLE, LNN_ARTICLE, LNN_TUNED, shared_data};
use std::fs;
use std::path::Path;

/// Steps of this size leave the range of the numbers at once.
const HUGE_RATE: &str = "1e38";

#[test]
fn a_loss_that_is_not_finite_ends_the_run_with_epoch_and_step() {
    let parent = tempfile::tempdir().unwrap();
    for variant in [LNN_ARTICLE, CLLNN_ARTICLE] {
        let out = parent.path().join(variant.model);
        let call = variant.train(&out).flag("data", shared_data()).flag("lr", HUGE_RATE);
        let message = call.fails_with(1);
        for part in
            ["loss is NaN in epoch 1, step ", " of 18; ", "there is no checkpoint", "hint: lower --lr"]
        {
            assert!(message.contains(part), "{part:?} in {message}");
        }
        assert!(!out.join("last.safetensors").exists());
    }
}

#[test]
fn the_last_good_checkpoint_stays_when_a_later_epoch_fails() {
    let run = tempfile::tempdir().unwrap();
    let call = LNN_ARTICLE.train(run.path()).flag("data", shared_data());
    call.flag("epochs", "3").flag("pause-after", "1").succeed();
    let last = run.path().join("last.safetensors");
    let before = fs::read(&last).unwrap();
    change_rate(run.path(), HUGE_RATE);

    let message = Call::new("train").flag("resume", run.path()).fails_with(1);
    for part in ["in epoch 2, step ", "holds the weights of the last finished epoch", last.to_str().unwrap()]
    {
        assert!(message.contains(part), "{part:?} in {message}");
    }
    assert!(fs::read(&last).unwrap() == before, "the checkpoint has changed");

    // With a rate of this world the run goes on from there.
    change_rate(run.path(), "0.02");
    Call::new("train").flag("resume", run.path()).succeed();
    assert_eq!(metrics(run.path()).len(), 3);
}

fn change_rate(run: &Path, rate: &str) {
    let mut changed = config(run);
    changed["optimizer"]["learning_rate"] = serde_json::from_str(rate).unwrap();
    fs::write(run.join("config.json"), changed.to_string()).unwrap();
}

/// With one step an epoch the loss of the epoch is still good, and the validation is the first to see the weights.
#[test]
fn a_validation_loss_that_is_not_finite_does_not_count_as_a_finished_epoch() {
    let run = tempfile::tempdir().unwrap();
    for epochs in ["1", "2"] {
        let out = run.path().join(epochs);
        let call = LNN_TUNED.train(&out).flag("data", shared_data()).flag("batch-size", "200");
        let message = call.flag("lr", HUGE_RATE).flag("epochs", epochs).fails_with(1);
        assert!(message.contains("validation") && message.contains("epoch 1"), "{message}");
        assert!(!out.join("last.safetensors").exists() && !out.join("best.safetensors").exists());
        assert!(metrics(&out).is_empty());
    }
}
