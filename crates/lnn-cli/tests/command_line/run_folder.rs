//! A run is a folder with `config.json`, `metrics.jsonl`, `last.safetensors` and `best.safetensors`.

use crate::checkpoint_file::CheckpointFile;
use crate::program::Call;
use crate::run_contents::{config, metrics};
use crate::trained_runs::{CIFAR_CONV, CLLNN_ARTICLE, EPOCHS, VARIANTS, shared_data};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn the_configuration_has_every_default_written_out() {
    for variant in VARIANTS {
        let config = config(&variant.run().folder);
        assert_eq!((&config["preset"], &config["data"]), (&variant.preset.into(), &shared_data().into()));
        assert_eq!(
            (&config["epochs"], &config["batch_size"], &config["seed"]),
            (&EPOCHS.into(), &10.into(), &0.into())
        );
        assert_eq!(config["model"]["kind"], variant.model);
        let reservoir = &config["model"]["reservoir"];
        let units = if reservoir.is_null() { &config["model"]["units"] } else { &reservoir["units"] };
        assert_eq!(units, 16);
        for key in ["spectral_radius", "leak_rate", "input_scale", "bias_scale"] {
            assert!(reservoir.is_null() || reservoir[key].is_number(), "{key} of {config}");
        }
        for key in ["learning_rate", "beta1", "beta2", "epsilon", "weight_decay"] {
            assert!(config["optimizer"][key].is_number(), "{key} of {config}");
        }
        for key in ["limit", "validation_fraction", "standardization", "augmentation", "schedule", "patience"]
        {
            assert!(config.get(key).is_some(), "{key} of {config}");
        }
    }
}

#[test]
fn the_metrics_have_one_line_an_epoch_with_every_field() {
    const FIELDS: [&str; 12] = [
        "epoch",
        "epochs",
        "step",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "lr",
        "samples_per_second",
        "seconds",
        "eta_seconds",
        "best",
    ];
    for variant in VARIANTS {
        let lines = metrics(&variant.run().folder);
        assert_eq!(lines.len() as u64, EPOCHS);
        for (epoch, line) in (1..).zip(&lines) {
            // A spiking reservoir adds what it did.
            let more = ["spike_rate", "mean_state", "living_units", "births"];
            let spiking = |key: &&String| variant.model == "snlnn" && more.contains(&key.as_str());
            let keys: Vec<_> = line.as_object().unwrap().keys().filter(|key| !spiking(key)).collect();
            assert_eq!(keys, FIELDS, "{variant:?}");
            assert_eq!((&line["epoch"], &line["step"]), (&json!(epoch), &json!(epoch * 18)), "{variant:?}");
            assert!(FIELDS[3..11].iter().all(|field| line[field].is_number()), "{line}");
        }
        assert_eq!(lines[0]["best"], true);
    }
}

#[test]
fn the_best_checkpoint_is_that_of_the_last_line_called_best() {
    for variant in VARIANTS {
        let folder = &variant.run().folder;
        let lines = metrics(folder);
        let best = lines.iter().rfind(|line| line["best"] == true).unwrap();
        let training =
            CheckpointFile::read(&folder.join("best.safetensors")).description()["training"].take();
        assert_eq!(training["epoch"], best["epoch"], "{variant:?}");
        let scores = json!([best["val_loss"], best["val_accuracy"]]);
        assert_eq!(training["early_stopping"]["best"], scores, "{variant:?}");
    }
}

#[test]
fn the_last_checkpoint_holds_the_optimizer_and_the_best_does_not() {
    for variant in VARIANTS {
        let folder = &variant.run().folder;
        let [last, best] = ["last", "best"].map(|name| {
            let file = CheckpointFile::read(&folder.join(format!("{name}.safetensors")));
            let all = file.tensors("").len();
            // Those under `data.` are what a resume compares the data with, and what baselines are made of.
            let groups = ["model.", "optimizer.", "data."].map(|group| file.tensors(group).len());
            let baselines = file.tensors("data.baseline_").len();
            assert_eq!((all, groups[2] - baselines), (groups.iter().sum(), 2), "{variant:?}");
            file
        });
        assert!(best.tensors("optimizer.").is_empty(), "{variant:?}");
        // Two moments for each trainable tensor, or a momentum for each kernel of Muon, with its shape.
        let moments = last.tensors("optimizer.");
        let model = last.tensors("model.");
        let mut expected = BTreeSet::new();
        for (name, (_, shape, _)) in &model {
            let name = &name["model.".len()..];
            if variant.trains(name) {
                let muon = variant == CIFAR_CONV && shape.len() == 4;
                let kinds: &[&str] = if muon { &["momentum"] } else { &["first", "second"] };
                expected.extend(kinds.iter().map(|kind| format!("optimizer.{kind}.{name}")));
            }
        }
        assert_eq!(moments.keys().cloned().collect::<BTreeSet<_>>(), expected, "{variant:?}");
        for (name, (_, shape, _)) in &moments {
            let owner = model.iter().find(|(owner, _)| name.ends_with(&owner["model.".len()..]));
            let (_, (_, expected, _)) = owner.unwrap_or_else(|| panic!("{name} belongs to no tensor"));
            assert_eq!(shape, expected, "{name}");
        }
        assert_eq!(model.keys().collect::<Vec<_>>(), best.tensors("model.").keys().collect::<Vec<_>>());
    }
}

#[test]
fn the_description_says_what_the_file_is() {
    let file = CheckpointFile::read(&CLLNN_ARTICLE.run().folder.join("best.safetensors"));
    let description = file.description();
    assert_eq!(description["format_version"], 3);
    assert_eq!(description["program_version"], env!("CARGO_PKG_VERSION"));
    let input = json!({
        "shape": {"kind": "images", "channels": 1, "height": 16, "width": 16},
        "task": {"kind": "classification", "class_names": ["0", "1", "2", "3"]},
    });
    assert_eq!(description["input"], input);
    assert_eq!(description["standardization"], "columns");
    let tensors = file.tensors("model.");
    let (kind, shape, bytes) = &tensors["model.preprocessing.mean"];
    assert_eq!((kind.as_str(), &shape[..], bytes.len()), ("F32", &[1, 1, 1, 16][..], 64));
}

#[test]
fn a_run_without_a_name_gets_the_next_free_one() {
    let here = tempfile::tempdir().unwrap();
    for expected in ["lnn-tuned-1", "lnn-tuned-2"] {
        let call = Call::new("train").flag("model", "lnn").set("model.reservoir.units=4");
        call.flag("data", shared_data()).flag("epochs", "1").inside(here.path()).succeed();
        assert!(here.path().join("runs").join(expected).join("best.safetensors").is_file(), "{expected}");
    }
}
