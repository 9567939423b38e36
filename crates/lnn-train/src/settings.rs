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
    for tree in &trees {
        collect_keys(tree, "", &mut keys);
    }
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
#[path = "settings_tests.rs"]
mod tests;
