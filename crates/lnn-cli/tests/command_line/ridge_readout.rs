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
        let known = |name: &str| ["model.", "data."].iter().any(|group| name.starts_with(group));
        assert!(tensors("last.safetensors").keys().all(|name| known(name)));
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

/// A series whose target is a product of earlier inputs, which no linear function of the window gives.
fn products() -> String {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let inputs: Vec<f64> = (0..1500).map(|_| random()).collect();
    let rows = (2..1500).map(|t| format!("{},{}\n", inputs[t], 40.0 + 9.0 * inputs[t - 1] * inputs[t - 2]));
    format!("u,y\n{}", rows.collect::<String>())
}

#[test]
fn a_series_is_solved_in_one_pass_for_windows_and_for_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("products.csv");
    fs::write(&file, products()).unwrap();
    let data = format!("csv:{},target=y,columns=u,horizon=0,window=", file.display());
    for (name, options, settings) in [
        ("windows", "10", vec![]),
        ("steps", "60,task=per-step", vec!["model.washout=3", "model.reservoir.density=0.05"]),
    ] {
        let run = folder.path().join(name);
        let call = Call::new("train").flag("model", "lnn").flag("data", format!("{data}{options}"));
        let call = call.flag("precision", "f64").set("model.reservoir.units=200");
        let call = settings.into_iter().fold(call, Call::set);
        let ended = call.flag("out", &run).succeed();
        assert_eq!(config(&run)["method"]["kind"], "ridge");
        assert!(!ended.stderr.contains("no effect"), "{}", ended.stderr);
        let loss: f64 = ended
            .stdout
            .split("loss ")
            .nth(1)
            .unwrap()
            .split([',', ';', '\n'])
            .next()
            .unwrap()
            .parse()
            .unwrap();
        // The washout is no part of training, but of the test.
        assert!(loss < 0.4, "{name}: {}", ended.stdout);
        let evaluated = Call::new("eval").arg(&run).succeed().stdout;
        assert!(evaluated.starts_with(ended.stdout.trim_end()), "{evaluated} {}", ended.stdout);
    }
    // A copy of the file has the rows of the training.
    let copy = folder.path().join("copy.csv");
    fs::copy(&file, &copy).unwrap();
    let windows = folder.path().join("windows");
    let done = Call::new("eval").arg(&windows).flag("data", format!("csv:{}", copy.display())).succeed();
    assert!(
        done.stderr.contains("rows of") && done.stderr.contains("were in training or validation"),
        "{}",
        done.stderr
    );
    let own = Call::new("eval").arg(&windows).succeed().stdout;
    assert_eq!(done.stdout.split(" of csv").next(), own.split(" of csv").next());
    let message = Call::new("train")
        .flag("model", "lnn")
        .flag("data", format!("{data}10"))
        .flag("epochs", "2")
        .refused();
    assert!(message.contains("hint: leave it out, or take --readout gradient"), "{message}");
}

#[test]
fn a_series_that_stands_still_is_predicted_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("still.csv");
    fs::write(&file, format!("y\n{}", "5\n".repeat(200))).unwrap();
    let data = format!("csv:{},target=y,window=10", file.display());
    let run = folder.path().join("run");
    let done = Call::new("train").flag("model", "lnn").flag("data", data).flag("out", &run).succeed();
    assert!(done.stderr.contains("constant"), "{}", done.stderr);
    let forecast = Call::new("forecast").arg(&run).flag("steps", "2").succeed().stdout;
    let numbers: Vec<f64> =
        forecast.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(numbers.iter().all(|number| (number - 5.0).abs() < 1e-3), "{forecast}");
}
