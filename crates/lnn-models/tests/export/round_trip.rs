//! From a checkpoint to a module and back, and what is refused on the way.

use crate::{checkpoint, exported, small};
use lnn_models::{Checkpoint, Error, Exported, ModelKind, NamedTensor, Preset, Standardization};
use lnn_sys::ScriptModule;
use std::path::PathBuf;
use tch::{Device, Kind, Tensor};

/// A folder with a file of the given bytes.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pt");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn tuned() -> Checkpoint {
    checkpoint(&small(ModelKind::Cllnn, Preset::Tuned), Standardization::Channels)
}

#[test]
fn a_module_becomes_the_checkpoint_it_came_from() {
    for (kind, preset) in [(ModelKind::Lnn, Preset::Tuned), (ModelKind::Cllnn, Preset::Article)] {
        let original = checkpoint(&small(kind, preset), Standardization::Columns);
        let (_folder, path) = file(&exported(&original));
        assert!(Exported::recognizes(&path).unwrap());
        let read = Exported::load(&path).unwrap();
        assert_eq!(read.description.checkpoint, original.description);
        assert_eq!(read.description.metrics["val_accuracy"], 0.5);
        let back = read.to_checkpoint().unwrap();
        assert_eq!(back.description.model, original.description.model);
        assert_eq!(back.description.training["imported_from"], "model.pt");
        assert_eq!(back.model.len(), original.model.len());
        for ((name, tensor), (expected_name, expected)) in back.model.iter().zip(&original.model) {
            assert_eq!((name, tensor), (expected_name, expected));
        }
        back.save(&path.with_extension("safetensors")).unwrap();
        assert!(!Exported::recognizes(&path.with_extension("safetensors")).unwrap());
    }
}

/// A module with the description of `checkpoint` and other tensors.
fn forged(checkpoint: &Checkpoint, change: impl Fn(&NamedTensor) -> Option<(Tensor, bool)>) -> Error {
    let (_folder, path) = file(&exported(checkpoint));
    let original = Exported::load(&path).unwrap();
    let mut root = ScriptModule::new("__torch__.Forged").unwrap();
    let mut parts: Vec<(String, ScriptModule)> = Vec::new();
    for found in &original.tensors {
        let Some((tensor, parameter)) = change(found) else { continue };
        let (path, name) = found.name.rsplit_once('.').unwrap();
        let mut place = String::new();
        for step in path.split('.') {
            let outer = place.clone();
            place = if outer.is_empty() { step.to_owned() } else { format!("{outer}.{step}") };
            if parts.iter().all(|(known, _)| *known != place) {
                let parent = parts.iter_mut().find(|(known, _)| *known == outer);
                let parent = parent.map_or(&mut root, |(_, module)| module);
                let child = parent.child(step, "__torch__.Part").unwrap();
                parts.push((place.clone(), child));
            }
        }
        let (_, part) = parts.iter_mut().find(|(known, _)| *known == place).unwrap();
        match parameter {
            true => part.register_parameter(name, &tensor, true).unwrap(),
            false => part.register_buffer(name, &tensor).unwrap(),
        }
    }
    let description = serde_json::to_string(&original.description).unwrap();
    let (_folder, path) = file(&root.save(("lnn.json", &description)).unwrap());
    Exported::load(&path).unwrap().to_checkpoint().unwrap_err()
}

#[test]
fn tensors_that_do_not_fit_are_named_with_what_was_expected_and_found() {
    let original = tuned();
    let error = |victim: &'static str, change: &dyn Fn(Tensor, bool) -> Option<(Tensor, bool)>| {
        let error = forged(&original, |found| {
            let (tensor, parameter) = (found.tensor.shallow_clone(), found.parameter);
            if found.name == victim { change(tensor, parameter) } else { Some((tensor, parameter)) }
        });
        assert!(matches!(error, Error::Unfit { .. }));
        error.to_string()
    };
    let text = error("lstm.bias", &|_, _| None);
    assert!(text.contains("expected `lstm.bias` as a parameter, found nothing"), "{text}");
    let text = error("reservoir.input_weights", &|tensor, _| Some((tensor, true)));
    assert!(text.contains("expected `reservoir.input_weights` as a buffer, found a parameter"), "{text}");
    let text =
        error("readout.weight", &|tensor, parameter| Some((tensor.transpose(0, 1).contiguous(), parameter)));
    assert!(text.contains("`readout.weight` must be Float [3, 10], found Float [10, 3]"), "{text}");
    let text = error("readout.weight", &|tensor, parameter| Some((tensor.to_kind(Kind::Double), parameter)));
    assert!(text.contains("found Double [3, 10]") && text.contains("module.float()"), "{text}");
    for value in [f64::NAN, f64::INFINITY] {
        let text = error("readout.weight", &|tensor, parameter| {
            let mut changed = tch::no_grad(|| tensor.copy());
            let _ = tch::no_grad(|| changed.get(1).narrow(0, 2, 2).fill_(value));
            changed = changed.set_requires_grad(parameter);
            Some((changed, parameter))
        });
        assert!(text.contains("expected finite numbers, found 2 in `readout.weight`"), "{text}");
    }
}

#[test]
fn files_that_are_no_module_of_ours_are_refused() {
    let load = |bytes: &[u8]| {
        let (_folder, path) = file(bytes);
        Exported::load(&path).unwrap_err()
    };
    let whole = exported(&tuned());
    for bytes in [&b"no module"[..], &whole[..whole.len() - 100], &whole[..whole.len() / 2], &[]] {
        let error = load(bytes);
        assert!(matches!(&error, Error::Damaged { reason, .. } if reason.contains("TorchScript")), "{error}");
    }
    let mut other = ScriptModule::new("__torch__.Other").unwrap();
    other.define("def forward(self, x: Tensor) -> Tensor:\n    return x\n").unwrap();
    let error = load(&other.save(("x", "")).unwrap());
    assert!(error.to_string().contains("`lnn.json`, found neither"), "{error}");
    let error = load(&other.save(("lnn.json", "{\"export_version\": 99}")).unwrap());
    assert!(matches!(error, Error::NewerExport { found: 99, .. }), "{error}");
    let error = load(&other.save(("lnn.json", "{\"export_version\": 1}")).unwrap());
    assert!(matches!(error, Error::OlderExport { found: 1, .. }), "{error}");
    let error = load(&other.save(("lnn.json", "{")).unwrap());
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let missing = Exported::load(std::path::Path::new("/nowhere/model.pt")).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }));
}

#[test]
fn weights_hold_every_tensor_under_its_plain_name_and_the_description() {
    let original = tuned();
    let bytes = original.to_weights(serde_json::Value::Null).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let text = &header.metadata().as_ref().unwrap()["lnn.json"];
    let description: lnn_models::ExportDescription = serde_json::from_str(text).unwrap();
    assert_eq!(description.checkpoint, original.description);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let names: std::collections::BTreeSet<_> = tensors.names().into_iter().map(str::to_owned).collect();
    assert_eq!(names, original.model.iter().map(|(name, _)| name.clone()).collect());
}

#[test]
fn a_checkpoint_whose_tensors_do_not_belong_to_its_model_is_not_exported() {
    let mut broken = tuned();
    broken.model.pop();
    assert!(matches!(broken.to_torchscript(serde_json::Value::Null), Err(Error::Core(_))));
    assert!(broken.to_weights(serde_json::Value::Null).is_err());
    assert_eq!(tuned().model(Device::Cpu).unwrap().parameters().entries().len(), tuned().model.len());
}
