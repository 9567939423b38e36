//! The checkpoint file: what goes in comes out, and a file that is wrong is refused with a reason.

use lnn_models::{
    Checkpoint, Description, Error, FORMAT_VERSION, InputSpec, Model, ModelConfig, ModelKind, Preset,
    Standardization,
};
use std::path::Path;
use tch::{Device, Kind, Tensor};

fn model(seed: u64) -> Model {
    let mut config = ModelConfig::preset(ModelKind::Cllnn, Preset::Tuned).unwrap();
    if let ModelConfig::Cllnn(config) = &mut config {
        (config.channels, config.lstm_units, config.reservoir.units) = (vec![2, 3], 4, 5);
    }
    let class_names = ["cat", "dog"].map(String::from).to_vec();
    let input = InputSpec::images([1, 8, 8], class_names);
    Model::new(config, input, Standardization::Columns, seed, (Kind::Float, Device::Cpu)).unwrap()
}

fn checkpoint(model: &Model) -> Checkpoint {
    Checkpoint {
        description: Description {
            format_version: FORMAT_VERSION,
            program_version: "1.2.3".into(),
            program_commit: "abc".into(),
            model: model.config().clone(),
            input: model.input().clone(),
            standardization: model.standardization(),
            data: "idx:somewhere".into(),
            seed: 7,
            loss: lnn_core::Loss::Mse,
            input_noise: 0.0,
            // A number without a short decimal form: it must come back to the last bit.
            training: serde_json::json!({ "loss_sum": 0.1 + 0.2, "step": u64::MAX }),
        },
        model: model.parameters().snapshot(),
        optimizer: vec![("first.x".into(), Tensor::from_slice(&[f32::MIN_POSITIVE, -0.0, 1e30]))],
        data: vec![("train".into(), Tensor::from_slice(&[7i64, -1]))],
    }
}

fn saved(folder: &Path, checkpoint: &Checkpoint) -> std::path::PathBuf {
    let path = folder.join("x.safetensors");
    checkpoint.save(&path).unwrap();
    path
}

#[test]
fn what_was_saved_is_loaded_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let original = checkpoint(&model(1));
    let loaded = Checkpoint::load(&saved(folder.path(), &original)).unwrap();
    assert_eq!(loaded.description, original.description);
    for (before, after) in [(&original.model, &loaded.model), (&original.optimizer, &loaded.optimizer)] {
        assert_eq!(before.len(), after.len());
        for (name, tensor) in before {
            let (_, found) = after.iter().find(|(other, _)| other == name).unwrap();
            assert_eq!(tensor.view_dtype(Kind::Int), found.view_dtype(Kind::Int), "{name}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn a_model_that_is_loaded_predicts_what_the_saved_one_did() {
    let folder = tempfile::tempdir().unwrap();
    let original = model(1);
    let loaded = Checkpoint::load(&saved(folder.path(), &checkpoint(&original))).unwrap();
    let loaded = loaded.model(Device::Cpu).unwrap();
    let images = lnn_core::seeded(1, || lnn_core::random::rand([4, 1, 8, 8], (Kind::Float, Device::Cpu)));
    assert_eq!(loaded.forward(&images, false).unwrap(), original.forward(&images, false).unwrap());
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_cut_and_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), &checkpoint(&model(1)));
    let bytes = std::fs::read(&path).unwrap();
    for cut in [0, 1, 7, 8, 9, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let error = Checkpoint::load(&path).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "cut at {cut}: {error}");
        assert!(error.to_string().contains("x.safetensors"), "{error}");
    }
    std::fs::write(&path, b"PK\x03\x04 this is a zip file, not a checkpoint").unwrap();
    assert!(matches!(Checkpoint::load(&path).unwrap_err(), Error::Damaged { .. }));
    assert!(matches!(Checkpoint::load(folder.path()).unwrap_err(), Error::Io { .. }));
}

#[test]
fn a_file_of_a_later_format_says_so_even_if_its_description_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut newer = checkpoint(&model(1));
    newer.description.format_version = FORMAT_VERSION + 1;
    let error = Checkpoint::load(&saved(folder.path(), &newer)).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found, .. } if found == FORMAT_VERSION + 1));
    assert!(error.to_string().contains("newer lnn-cli"), "{error}");
}

#[test]
fn tensors_that_do_not_fit_the_description_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = checkpoint(&model(1));
    let (name, tensor) = &mut broken.model[3];
    *tensor = tensor.unsqueeze(0);
    let name = name.clone();
    let error = Checkpoint::load(&saved(folder.path(), &broken)).unwrap().model(Device::Cpu).unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
    drop(broken.model.remove(3));
    let error = Checkpoint::load(&saved(folder.path(), &broken)).unwrap().model(Device::Cpu).unwrap_err();
    assert_eq!(error.to_string(), format!("the tensor `{name}` is missing"));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_its_path() {
    let error = checkpoint(&model(1)).save(Path::new("/nowhere/at/all.safetensors")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("/nowhere/at/all"), "{error}");
}
