use super::*;
use crate::method::{GradientMethod, Method, RidgeMethod};
use crate::policies::Schedule;
use lnn_models::{ModelConfig, ModelKind, Preset};
use std::io::Write;

fn base() -> RunConfig {
    RunConfig::preset(ModelKind::Cllnn, Preset::Tuned).unwrap()
}

#[test]
fn a_key_of_a_part_is_set_and_everything_else_stays() {
    let config = apply_assignment(&base(), "model.reservoir.units=32").unwrap();
    let ModelConfig::Cllnn(model) = &config.model else { panic!("another model") };
    assert_eq!(model.reservoir.units, 32);
    let back = apply_assignment(&config, "model.reservoir.units=256").unwrap();
    assert_eq!(back, apply_assignment(&base(), "model.reservoir.units=256").unwrap());
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let error = |assignment| apply_assignment(&base(), assignment).unwrap_err().to_string();
    assert!(error("model.reservoir.unit=3").contains("did you mean `model.reservoir.units`?"));
    assert!(error("learning_rate=3").contains("did you mean `optimizer.learning_rate`?"));
    assert!(error("xyzzy=3").contains("the keys are preset, "));
    assert!(error("epochs").contains("expected key=value"));
    assert!(error("epochs=many").contains("the key `epochs` does not take"));
    assert!(error("model.kind=lnn").contains("--model"));
}

#[test]
fn another_kind_of_schedule_brings_its_own_defaults() {
    let config = apply_assignment(&base(), "schedule.kind=plateau").unwrap();
    assert_eq!(config.schedule, Schedule::Plateau { factor: 0.1, patience: 2, threshold: 1e-4 });
    let config = apply_assignment(&config, "schedule.patience=5").unwrap();
    assert_eq!(config.schedule, Schedule::Plateau { factor: 0.1, patience: 5, threshold: 1e-4 });
    assert!(apply_assignment(&config, "schedule.warmup=0.5").is_err());
}

#[test]
fn another_kind_of_growth_or_encoding_brings_its_own_defaults() {
    let base = RunConfig::preset(ModelKind::Snlnn, Preset::Tuned).unwrap();
    for kind in ["rate", "latency", "delta", "scan", "current"] {
        let config = apply_assignment(&base, &format!("model.encoding.kind={kind}")).unwrap();
        assert_eq!(to_value(&config)["model"]["encoding"]["kind"], kind);
    }
    for kind in ["never", "activity", "plateau"] {
        let config = apply_assignment(&base, &format!("model.growth.rule.kind={kind}")).unwrap();
        assert_eq!(to_value(&config)["model"]["growth"]["rule"]["kind"], kind);
    }
}

#[test]
fn a_file_may_name_some_keys_and_its_own_output_is_accepted_whole() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let changed = apply_assignment(&base(), "schedule.kind=plateau").unwrap();
    serde_json::to_writer(&mut file, &changed).unwrap();
    assert_eq!(apply_file(&base(), file.path()).unwrap(), changed);

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{"epochs": 3, "optimizer": {"beta2": 0.9}}"#).unwrap();
    let config = apply_file(&base(), file.path()).unwrap();
    assert_eq!((config.epochs, config.optimizer.beta2), (3, 0.9));

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[]").unwrap();
    assert!(apply_file(&base(), file.path()).unwrap_err().to_string().contains("expected a JSON object"));
}

fn file(content: &Value) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.to_string().as_bytes()).unwrap();
    file
}

#[test]
fn the_configuration_of_every_preset_is_taken_onto_every_other() {
    for &kind in ModelKind::ALL {
        let presets = Preset::ALL.map(|preset| RunConfig::preset(kind, preset).ok());
        for wanted in presets.iter().flatten() {
            let file = file(&to_value(wanted));
            for base in presets.iter().flatten() {
                assert_eq!(&apply_file(base, file.path()).unwrap(), wanted);
                // The same with a key left out, and therefore key by key.
                let mut part = to_value(wanted);
                part.as_object_mut().unwrap().remove("seed");
                assert_eq!(&apply_file(base, self::file(&part).path()).unwrap(), wanted);
            }
        }
        let other = ModelKind::ALL.iter().find(|other| **other != kind).unwrap();
        let other = RunConfig::preset(*other, Preset::Tuned).unwrap();
        let error = apply_file(presets[0].as_ref().unwrap(), file(&to_value(&other)).path()).unwrap_err();
        assert!(error.to_string().contains("--model"), "{error}");
    }
}

#[test]
fn a_whole_configuration_of_an_earlier_version_means_what_it_meant() {
    let conv = RunConfig::preset(ModelKind::Cifar, Preset::Conv).unwrap();
    let mut earlier = to_value(&RunConfig::preset(ModelKind::Cifar, Preset::Tuned).unwrap());
    // Keys that did not exist yet: their default counts, and not the value of the preset that is changed.
    for key in ["crop", "cutout"] {
        earlier["augmentation"].as_object_mut().unwrap().remove(key).unwrap();
    }
    let config = apply_file(&conv, file(&earlier).path()).unwrap();
    assert_eq!((config.augmentation.crop, config.augmentation.cutout), (0, 0));
}

#[test]
fn the_data_of_an_assignment_are_found() {
    assert_eq!(data_in_assignment("data=csv:x.csv,target=a").as_deref(), Some("csv:x.csv,target=a"));
    assert_eq!(data_in_assignment("data=\"toy\"").as_deref(), Some("toy"));
    assert_eq!(data_in_assignment("epochs=3"), None);
}

#[test]
fn the_keys_that_differ_are_named_with_both_values() {
    let changed = apply_assignment(&base(), "optimizer.learning_rate=0.5").unwrap();
    let changed = apply_assignment(&changed, "schedule.kind=plateau").unwrap();
    let found = differences(&base(), &changed);
    assert!(
        found.iter().any(|line| line.ends_with("and 0.5") && line.starts_with("optimizer.learning_rate: "))
    );
    assert!(found.iter().any(|line| line == "schedule.patience: nothing and 2"), "{found:?}");
    assert!(found.iter().all(|line| line.starts_with("optimizer.l") || line.starts_with("schedule.")));
    assert!(differences(&changed, &changed).is_empty());
}

#[test]
fn former_keys_of_the_method_are_read_as_it() {
    let base = RunConfig::preset(ModelKind::Lnn, Preset::Tuned).unwrap();
    let start = base.method.readout_start().unwrap();
    let changed = |assignment: &str| apply_assignment(&base, assignment).unwrap().method;
    let gradient = |readout_start, feature_cache_mb| {
        Method::Gradient(GradientMethod { readout_start, feature_cache_mb })
    };
    assert_eq!(changed("readout=ridge"), Method::Ridge(RidgeMethod::default()));
    assert_eq!(changed("readout_start=null"), gradient(None, 4096));
    assert_eq!(changed("feature_cache_mb=7"), gradient(Some(start), 7));
    assert_eq!(changed("readout_start.scale=4.0"), changed("method.readout_start.scale=4.0"));
    assert_eq!(changed("method.kind=ridge"), Method::Ridge(RidgeMethod::default()));
}

#[test]
fn an_object_takes_the_place_of_null() {
    let base = RunConfig::preset(ModelKind::Lnn, Preset::Article).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let wanted = RunConfig::preset(ModelKind::Lnn, Preset::Tuned).unwrap();
    file.write_all(serde_json::to_string(&wanted).unwrap().as_bytes()).unwrap();
    assert_eq!(apply_file(&base, file.path()).unwrap(), wanted);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{"method": {"readout_start": {"scale": 8.0}}}"#).unwrap();
    assert!(apply_file(&base, file.path()).unwrap_err().to_string().contains("regularization"));
}

#[test]
fn a_configuration_of_an_earlier_version_is_read_whole() {
    let expected = RunConfig::preset(ModelKind::Lnn, Preset::Tuned).unwrap();
    let written = |keys: serde_json::Value| {
        let mut tree = to_value(&expected);
        let entries = tree.as_object_mut().unwrap();
        entries.remove("method");
        entries.extend(keys.as_object().unwrap().clone());
        read(&tree.to_string()).unwrap()
    };
    let start = serde_json::to_value(expected.method.readout_start()).unwrap();
    let keys = |readout: &str, start: &Value| serde_json::json!({"readout": readout, "readout_start": start, "feature_cache_mb": 4096});
    assert_eq!(written(keys("gradient", &start)), expected);
    assert_eq!(written(serde_json::json!({"readout_start": start, "feature_cache_mb": 4096})), expected);
    let ridge = RunConfig { method: Method::Ridge(RidgeMethod::default()), ..expected.clone() };
    assert_eq!(written(keys("ridge", &Value::Null)), ridge);
    assert_eq!(read(&to_value(&expected).to_string()).unwrap(), expected);
}
