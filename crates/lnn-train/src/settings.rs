//! `--config FILE.json` and `--set key=value`: changes to a configuration by key.
//!
//! The JSON form of the configuration defines the keys: a change to an unknown key is refused, with the nearest key as
//! a suggestion.

use crate::config::RunConfig;
use crate::error::Error;
use lnn_core::nearest_name;
use serde_json::{Map, Value};
use std::path::Path;

/// Applies the keys of a JSON file, which may omit keys. A file with all keys, as the `config.json` of a run, is the configuration,
/// whatever `config` is.
///
/// # Errors
/// [`Error::Configuration`] if the file cannot be read, is not a JSON object, or has an unknown key or a wrong value.
pub fn apply_file(config: &RunConfig, path: &Path) -> Result<RunConfig, Error> {
    apply_keys(config, read_keys(path)?)
        .map_err(|error| Error::configuration(format!("{}: {error}", path.display())))
}

/// Applies the keys of a JSON object, as those of a file.
///
/// # Errors
/// [`Error::Configuration`] if a key is unknown or has a wrong value.
pub fn apply_keys(config: &RunConfig, keys: Map<String, Value>) -> Result<RunConfig, Error> {
    let keys = renamed(keys);
    match serde_json::from_value::<RunConfig>(Value::Object(keys.clone())) {
        Ok(whole) if whole.model.name() == config.model.name() => Ok(whole),
        _ => apply_object(config.clone(), "", keys),
    }
}

/// Sets one key, which is written with dots, to a value.
///
/// # Errors
/// [`Error::Configuration`] if the key is unknown or does not take the value.
pub fn apply_key(config: &RunConfig, key: &str, value: &Value) -> Result<RunConfig, Error> {
    set(config, key, value.clone())
}

/// Returns the value of a key, which is written with dots; none if the configuration has no such key.
pub fn value_of(config: &RunConfig, key: &str) -> Option<Value> {
    pointer(&to_value(config), key).cloned()
}

/// Returns the keys whose values differ, with both values, as `epochs: 3 and 5`.
pub fn differences(one: &RunConfig, other: &RunConfig) -> Vec<String> {
    let trees = [to_value(one), to_value(other)];
    let mut keys = Vec::new();
    trees.iter().for_each(|tree| collect_keys(tree, "", &mut keys));
    let mut seen = std::collections::HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    let shown = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
    let is_leaf = |value: Option<&Value>| !value.is_some_and(Value::is_object);
    keys.into_iter()
        .filter_map(|key| {
            let [one, other] = trees.each_ref().map(|tree| pointer(tree, &key));
            (one != other && (is_leaf(one) || is_leaf(other)))
                .then(|| format!("{key}: {} and {}", shown(one), shown(other)))
        })
        .collect()
}

/// Returns the data set that an assignment `data=…` names.
pub fn data_in_assignment(assignment: &str) -> Option<String> {
    match split_assignment(assignment)? {
        ("data", Value::String(data)) => Some(data),
        _ => None,
    }
}

/// Reads the keys of a JSON file.
///
/// # Errors
/// [`Error::Configuration`] if the file cannot be read or is not a JSON object.
pub fn read_keys(path: &Path) -> Result<Map<String, Value>, Error> {
    let wrong = |reason: String| Error::configuration(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    match serde_json::from_str(&text).map_err(|error| wrong(format!("not JSON: {error}")))? {
        Value::Object(entries) => Ok(entries),
        _ => Err(wrong("expected a JSON object, as {\"epochs\": 5}".into())),
    }
}

/// Applies one `key=value`; nested keys are written with dots, as `optimizer.learning_rate=0.01`. The value is parsed
/// as JSON, otherwise as text.
///
/// # Errors
/// [`Error::Configuration`] if there is no `=`, the key is unknown or the value is wrong.
pub fn apply_assignment(config: &RunConfig, assignment: &str) -> Result<RunConfig, Error> {
    let (key, value) = split_assignment(assignment)
        .ok_or_else(|| Error::configuration(format!("--set: expected key=value, found `{assignment}`")))?;
    let [name, rest] = key.split_once('.').map_or([key, ""], |(name, rest)| [name, rest]);
    match FORMER_KEYS.contains(&name) {
        // An assignment to a former key is applied to the key that replaced it.
        true if rest.is_empty() => {
            let entries = renamed(Map::from_iter([(name.to_owned(), value)]));
            apply_object(config.clone(), "", entries)
        }
        true => set(config, &format!("method.{key}"), value),
        false => set(config, key, value),
    }
}

/// Splits `key=value` into the key and the value, which is JSON or else a text.
fn split_assignment(assignment: &str) -> Option<(&str, Value)> {
    let (key, value) = assignment.split_once('=')?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Some((key.trim(), value))
}

/// Reads a whole configuration, including one with keys of earlier versions.
///
/// # Errors
/// [`Error::Configuration`] if a key is missing, unknown or has a wrong value.
pub fn read(text: &str) -> Result<RunConfig, Error> {
    let wrong = |error: serde_json::Error| Error::configuration(error.to_string());
    let value = match serde_json::from_str(text).map_err(wrong)? {
        Value::Object(entries) => Value::Object(renamed(entries)),
        value => value,
    };
    serde_json::from_value(value).map_err(wrong)
}

/// Keys of earlier versions that `method` replaced.
const FORMER_KEYS: [&str; 3] = ["readout", "readout_start", "feature_cache_mb"];

/// Returns the entries with former keys moved to their current place.
fn renamed(mut entries: Map<String, Value>) -> Map<String, Value> {
    let former = FORMER_KEYS.map(|key| (key, entries.remove(key)));
    if former.iter().all(|(_, value)| value.is_none()) {
        return entries;
    }
    let [(_, readout), (_, readout_start), (_, feature_cache_mb)] = former;
    let mut method = Map::new();
    if readout == Some(Value::String("ridge".into())) {
        method.insert("kind".into(), "ridge".into());
    } else {
        if readout.is_some() || readout_start.is_some() && feature_cache_mb.is_some() {
            method.insert("kind".into(), readout.unwrap_or_else(|| "gradient".into()));
        }
        let settings = [("readout_start", readout_start), ("feature_cache_mb", feature_cache_mb)];
        method.extend(settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    }
    entries.insert("method".into(), Value::Object(method));
    entries
}

/// Applies an object of changes recursively. `kind` is applied first, because it determines the other keys of the
/// object.
fn apply_object(
    mut config: RunConfig,
    prefix: &str,
    entries: Map<String, Value>,
) -> Result<RunConfig, Error> {
    let (kinds, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key == "kind");
    for (key, value) in kinds.into_iter().chain(others) {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        config = match value {
            Value::Object(entries) if !replaces(&config, &key, &entries) => {
                find(&to_value(&config), &key)?;
                apply_object(config, &key, entries)?
            }
            value => set(&config, &key, value)?,
        };
    }
    Ok(config)
}

fn set(config: &RunConfig, key: &str, value: Value) -> Result<RunConfig, Error> {
    let mut tree = to_value(config);
    find(&tree, key)?;
    let shown = value.to_string();
    let part = match key.rsplit_once('.') {
        // Another kind has other keys: they are set to the defaults of that kind.
        Some((part, "kind")) => {
            if part == "model" && tree["model"]["kind"] != value {
                return Err(Error::configuration(
                    "the model is chosen by --model, not by the key `model.kind`",
                ));
            }
            let unchanged = pointer(&tree, key) == Some(&value);
            if unchanged { None } else { Some((part.to_owned(), serde_json::json!({ "kind": value }))) }
        }
        _ => Some((key.to_owned(), value)),
    };
    if let Some((key, value)) = part {
        let path = format!("/{}", key.replace('.', "/"));
        *tree.pointer_mut(&path).expect("the key was found above") = value;
    }
    serde_json::from_value(tree)
        .map_err(|error| Error::configuration(format!("the key `{key}` does not take {shown}: {error}")))
}

fn to_value(config: &RunConfig) -> Value {
    serde_json::to_value(config).expect("a configuration is plain data")
}

/// Whether an object is set as a whole, and not key by key: if there is null now, or another kind, which has other keys. Another kind
/// of model is refused by its key.
fn replaces(config: &RunConfig, key: &str, entries: &Map<String, Value>) -> bool {
    pointer(&to_value(config), key).is_some_and(|present| {
        let other_kind = entries.get("kind").is_some_and(|kind| present.get("kind") != Some(kind));
        present.is_null() || other_kind && key != "model"
    })
}

fn pointer<'a>(tree: &'a Value, key: &str) -> Option<&'a Value> {
    tree.pointer(&format!("/{}", key.replace('.', "/")))
}

/// Refuses a key that the configuration does not have.
fn find(tree: &Value, key: &str) -> Result<(), Error> {
    if pointer(tree, key).is_some() {
        return Ok(());
    }
    let mut keys = Vec::new();
    collect_keys(tree, "", &mut keys);
    let hint = match nearest_name(key, keys.iter().map(String::as_str)) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("the keys are {}", keys.join(", ")),
    };
    Err(Error::configuration(format!("unknown key `{key}`; hint: {hint}")))
}

fn collect_keys(tree: &Value, prefix: &str, keys: &mut Vec<String>) {
    if let Value::Object(entries) = tree {
        for (key, value) in entries {
            let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            collect_keys(value, &key, keys);
            keys.push(key);
        }
    }
}

#[cfg(test)]
mod tests {
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
            found
                .iter()
                .any(|line| line.ends_with("and 0.5") && line.starts_with("optimizer.learning_rate: "))
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
}
