//! Checkpoints that cannot be used: exit 2 and a message with the file.

use crate::checkpoint_file::CheckpointFile;
use crate::image_sets::SetFolder;
use crate::program::Call;
use crate::trained_runs::{LNN_ARTICLE, LNN_TUNED};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn refused(command: &str, file: &Path) -> String {
    let call = Call::new(command).arg(file);
    let message = match command {
        "predict" => call.flag("input", "x.npy").flag("output", "y.npy").refused(),
        _ => call.refused(),
    };
    assert!(message.contains(file.to_str().unwrap()), "{message}");
    message
}

/// A spoilt copy of a good checkpoint.
struct Spoilt {
    _folder: TempDir,
    file: PathBuf,
}

impl Spoilt {
    fn bytes(change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("spoilt.safetensors");
        let mut bytes = fs::read(LNN_ARTICLE.run().folder.join("best.safetensors")).unwrap();
        change(&mut bytes);
        fs::write(&file, bytes).unwrap();
        Self { _folder: folder, file }
    }

    fn parts(change: impl FnOnce(&mut CheckpointFile)) -> Self {
        let spoilt = Self::bytes(|_| ());
        let mut parts = CheckpointFile::read(&spoilt.file);
        change(&mut parts);
        parts.write(&spoilt.file);
        spoilt
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let spoilt = Spoilt::bytes(|bytes| bytes.truncate(bytes.len() - 10));
    for command in ["eval", "predict"] {
        let message = refused(command, &spoilt.file);
        assert!(message.contains("is not a usable checkpoint"), "{message}");
    }
}

#[test]
fn a_file_of_another_kind_is_refused_with_what_was_expected() {
    for garbage in [&b""[..], &[0xff; 200]] {
        let spoilt = Spoilt::bytes(|bytes| *bytes = garbage.to_vec());
        let message = refused("eval", &spoilt.file);
        let found = format!("found {} bytes", garbage.len());
        assert!(message.contains("expected a safetensors file") && message.contains(&found), "{message}");
    }
}

#[test]
fn a_safetensors_file_of_another_program_is_refused() {
    let spoilt = Spoilt::parts(|file| {
        file.header().remove("__metadata__");
    });
    let message = refused("inspect", &spoilt.file);
    assert!(message.contains("expected the metadata key `lnn`"), "{message}");
}

#[test]
fn a_newer_format_is_refused_even_if_its_description_has_other_fields() {
    let spoilt =
        Spoilt::parts(|file| file.describe(|description| *description = json!({"format_version": 4})));
    let message = refused("eval", &spoilt.file);
    for part in ["checkpoint format 4", "reads up to 3", "hint: use a newer lnn-cli"] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn an_older_format_is_refused_by_its_number() {
    let spoilt =
        Spoilt::parts(|file| file.describe(|description| *description = json!({"format_version": 1})));
    let message = refused("eval", &spoilt.file);
    for part in ["checkpoint format 1", "reads 2 and later", "hint: use the lnn-cli that wrote it"] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn a_description_that_does_not_fit_the_tensors_is_refused() {
    let changes: [(&str, Value, &str); 2] = [
        ("/model/reservoir/units", json!(17), "17"),
        ("/model/reservoir/leak_rate", json!("fast"), "expected f64"),
    ];
    for (key, value, part) in changes {
        let spoilt = Spoilt::parts(|file| {
            file.describe(|description| *description.pointer_mut(key).expect("the key is there") = value);
        });
        let message = Call::new("eval").arg(&spoilt.file).refused();
        assert!(message.contains(part), "{key}: {message}");
    }
    let spoilt = Spoilt::parts(|file| {
        file.describe(|description| description["input"]["quantiles"] = json!([0.5]));
    });
    let message = Call::new("eval").arg(&spoilt.file).refused();
    assert!(message.contains("expected no quantiles of classes"), "{message}");
}

#[test]
fn a_model_far_larger_than_the_file_is_refused_by_its_shape_and_not_for_lack_of_memory() {
    let spoilt = Spoilt::parts(|file| {
        file.describe(|description| description["model"]["reservoir"]["units"] = json!(9_000_000));
    });
    let out = spoilt.file.with_file_name("x.pt");
    let calls =
        [Call::new("inspect").arg(&spoilt.file), Call::new("export").arg(&spoilt.file).flag("out", &out)];
    for call in calls {
        let message = call.refused();
        assert!(message.contains("must be Float [9000000, "), "{message}");
    }
    let spoilt = Spoilt::parts(|file| {
        file.describe(|description| description["model"]["reservoir"]["units"] = json!(1_i64 << 53));
    });
    let message = Call::new("inspect").arg(&spoilt.file).refused();
    assert!(message.contains("reservoir.units must be at most"), "{message}");
}

#[test]
fn a_tensor_of_another_type_is_refused() {
    let spoilt = Spoilt::parts(|file| {
        let tensor = file.header()["model.readout.weight"].as_object_mut().expect("the tensor is there");
        tensor["dtype"] = "I32".into();
    });
    let message = refused("predict", &spoilt.file);
    assert!(message.contains("readout.weight") && message.contains("I32"), "{message}");
}

#[test]
fn a_place_without_a_checkpoint_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let message = refused("inspect", empty.path());
    assert!(message.contains("expected best.safetensors or last.safetensors"), "{message}");
    let message = refused("predict", &empty.path().join("nothing"));
    assert!(message.contains("expected a run's folder or a checkpoint file, found nothing"), "{message}");
}

#[test]
fn data_of_another_shape_is_refused_with_both_shapes() {
    let other = SetFolder::of([20, 8], 12);
    let message = Call::new("eval").arg(&LNN_TUNED.run().folder).flag("data", other.spec()).refused();
    for part in ["takes images [1, 16, 16] of 4 classes", "has images [1, 12, 12] of 4 classes"] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn a_run_is_not_resumed_from_weights_alone() {
    let whole = &LNN_ARTICLE.run().folder;
    let run = tempfile::tempdir().unwrap();
    fs::copy(whole.join("config.json"), run.path().join("config.json")).unwrap();
    fs::copy(whole.join("best.safetensors"), run.path().join("last.safetensors")).unwrap();
    let message = Call::new("train").flag("resume", run.path()).flag("epochs", "9").refused();
    assert!(message.contains("the tensor `first.readout.weight` is missing"), "{message}");
}
