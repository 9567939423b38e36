//! The space that a sweep searches: keys of the configuration with their ranges, some of which exist under a condition alone.

use super::range::Range;
use crate::config::RunConfig;
use crate::error::Error;
use crate::settings;
use lnn_core::derive_seed;
use lnn_core::random::SplitMix64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The values of the keys of a trial, in the order of the space; a key whose condition does not hold has none.
pub type Values = Map<String, Value>;

/// Keys that no trial may change, because results would no longer be comparable, and why.
const FIXED: [(&str, &str); 10] = [
    (
        "epochs",
        "all trials have the same number of epochs and with it the same schedule; it is a key of `config`",
    ),
    ("data", "all trials are compared on the same data"),
    ("split", "all trials are compared on the same validation samples"),
    ("validation_fraction", "all trials are compared on the same validation samples"),
    ("limit", "all trials are compared on the same validation samples"),
    ("seed", "it also chooses the validation samples, on which all trials are compared"),
    ("selection", "all trials are compared by the same score"),
    ("loss", "all trials are compared by the same score"),
    ("preset", "the preset is the same for all trials; the keys that it sets may be in the space"),
    ("init", "all trials start from the same checkpoint"),
];

/// A key whose value is searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The key, written with dots.
    pub key: String,
    /// Its values.
    pub range: Range,
    /// The keys, before this one, that must have one of these values for this key to have any.
    pub when: Vec<(String, Vec<Value>)>,
}

/// All keys whose values are searched, in the order in which they are set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Space {
    parameters: Vec<Parameter>,
}

impl Space {
    /// Returns the keys with their ranges.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Reads a space from its JSON form: for each key its range, with `when` for its condition.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the key if its range or its condition is wrong.
    pub fn read(entries: &Map<String, Value>) -> Result<Self, Error> {
        let mut space = Self::default();
        for (key, entry) in entries {
            let wrong = |reason: String| Error::configuration(format!("space: {key}: {reason}"));
            let Value::Object(entry) = entry else {
                return Err(wrong(format!(
                    "expected a range, as {{\"kind\": \"float\", \"from\": 0.1, \"to\": 1.0}}, found {entry}; hint: a fixed value is a \
                     key of `config`"
                )));
            };
            let mut entry = entry.clone();
            let when = entry.remove("when").unwrap_or_else(|| Value::Object(Map::new()));
            let Value::Object(when) = when else {
                return Err(wrong(format!("when: expected a key with its values, found {when}")));
            };
            let list = |value: Value| if let Value::Array(values) = value { values } else { vec![value] };
            let when = when.into_iter().map(|(key, value)| (key, list(value))).collect();
            let range =
                serde_json::from_value(Value::Object(entry)).map_err(|error| wrong(error.to_string()))?;
            space.add(Parameter { key: key.clone(), range, when })?;
        }
        Ok(space)
    }

    /// Adds a key, or replaces the range of one that is there.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the key if its range is empty, or its condition does not name values of an earlier key.
    pub fn add(&mut self, parameter: Parameter) -> Result<(), Error> {
        let key = &parameter.key;
        let wrong = |reason: String| Err(Error::configuration(format!("space: {key}: {reason}")));
        if let Some((_, reason)) = FIXED.iter().find(|(fixed, _)| {
            key.strip_prefix(fixed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }) {
            return wrong(format!("no sweep searches this key: {reason}"));
        }
        if let Some(problem) = parameter.range.problem() {
            return wrong(problem);
        }
        let place = self.parameters.iter().position(|known| known.key == *key);
        let earlier = &self.parameters[..place.unwrap_or(self.parameters.len())];
        for (other, values) in &parameter.when {
            let Some(known) = earlier.iter().find(|known| known.key == *other) else {
                return wrong(format!(
                    "when: `{other}` is no key of the space before it; hint: add a range for `{other}` above it"
                ));
            };
            if values.is_empty() {
                return wrong(format!("when: expected at least one value of `{other}`, found none"));
            }
            if let Some(value) = values.iter().find(|value| !known.range.contains(value)) {
                return wrong(format!(
                    "when: `{other}` never is {value}; hint: one of the values of its range"
                ));
            }
        }
        match place {
            Some(place) => self.parameters[place] = parameter,
            None => self.parameters.push(parameter),
        }
        Ok(())
    }

    /// Checks that the configuration has each key and takes both ends of its range, under its condition.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the key.
    pub fn check(&self, base: &RunConfig) -> Result<(), Error> {
        if self.parameters.is_empty() {
            return Err(Error::configuration("space: expected at least one key with a range, found none"));
        }
        for parameter in &self.parameters {
            let key = &parameter.key;
            let wrong = |reason: String| Error::configuration(format!("space: {key}: {reason}"));
            let under = self.condition_of(parameter, Values::new());
            let needed = |known: &&Parameter| known.key == *key || under.contains_key(&known.key);
            if !self.parameters.iter().filter(needed).all(|known| is_active(known, &under)) {
                return Err(wrong("when: its conditions never hold together".into()));
            }
            for end in parameter.range.ends() {
                let mut values = under.clone();
                values.insert(key.clone(), end.clone());
                self.configure(base, &values)
                    .map_err(|error| wrong(format!("with the value {end}: {error}")))?;
            }
        }
        Ok(())
    }

    /// Adds values to `values` with which a key is active.
    fn condition_of(&self, parameter: &Parameter, mut values: Values) -> Values {
        for (other, allowed) in &parameter.when {
            let known = self.parameters.iter().find(|known| known.key == *other);
            values = self.condition_of(known.expect("checked when it was added"), values);
            if !values.get(other).is_some_and(|value| allowed.contains(value)) {
                values.insert(other.clone(), allowed[0].clone());
            }
        }
        values
    }

    /// Draws the values of a trial. They depend on the seed, the number of the trial, the attempt and the name of each key alone, so
    /// that another key in the space changes no other.
    pub fn draw(&self, seed: u64, trial: u64, attempt: u64) -> Values {
        let mut values = Values::new();
        for parameter in &self.parameters {
            if is_active(parameter, &values) {
                let words: Vec<u64> =
                    [trial, attempt].into_iter().chain(parameter.key.bytes().map(u64::from)).collect();
                let value = parameter.range.draw(&mut SplitMix64::new(derive_seed(seed, &words)));
                values.insert(parameter.key.clone(), value);
            }
        }
        values
    }

    /// Checks values that were chosen elsewhere, and returns them in the order of the space.
    ///
    /// # Errors
    /// [`Error::Configuration`] if a key is missing, is none of the space, is set against its condition, or lies outside its range.
    pub fn accept(&self, given: &Values) -> Result<Values, Error> {
        let mut values = Values::new();
        for parameter in &self.parameters {
            let Parameter { key, range, when } = parameter;
            let wrong = |reason: String| Err(Error::configuration(format!("{key}: {reason}")));
            match (is_active(parameter, &values), given.get(key)) {
                (true, Some(value)) if range.contains(value) => {
                    values.insert(key.clone(), value.clone());
                }
                (true, Some(value)) => {
                    let range = serde_json::to_string(range).expect("a range is plain data");
                    return wrong(format!("expected a value of {range}, found {value}"));
                }
                (true, None) => {
                    return wrong(
                        "expected a value, found none; hint: give one for each key of the space".into(),
                    );
                }
                (false, Some(_)) => {
                    let keys: Vec<&str> = when.iter().map(|(key, _)| key.as_str()).collect();
                    return wrong(format!("it has no value where {} is as given", keys.join(" and ")));
                }
                (false, None) => {}
            }
        }
        match given.keys().find(|key| !self.parameters.iter().any(|known| known.key == **key)) {
            None => Ok(values),
            Some(key) => Err(Error::configuration(format!("{key} is no key of the space of this sweep"))),
        }
    }

    /// Sets the keys of a trial.
    ///
    /// # Errors
    /// [`Error::Configuration`] if a key is unknown or does not take its value.
    pub fn configure(&self, base: &RunConfig, values: &Values) -> Result<RunConfig, Error> {
        let mut config = base.clone();
        for parameter in &self.parameters {
            if let Some(value) = values.get(&parameter.key) {
                config = settings::apply_key(&config, &parameter.key, value)?;
            }
        }
        config.validate()?;
        Ok(config)
    }
}

/// Whether the key has a value in a trial whose earlier keys have these values.
fn is_active(parameter: &Parameter, values: &Values) -> bool {
    parameter.when.iter().all(|(key, allowed)| values.get(key).is_some_and(|value| allowed.contains(value)))
}

impl Serialize for Space {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.parameters.iter().map(|Parameter { key, range, when }| {
            let mut entry = serde_json::to_value(range).expect("a range is plain data");
            if !when.is_empty() {
                entry["when"] =
                    when.iter().map(|(key, values)| (key.clone(), Value::from(values.clone()))).collect();
            }
            (key, entry)
        });
        serializer.collect_map(entries)
    }
}

impl<'a> Deserialize<'a> for Space {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Map::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "space_tests.rs"]
mod tests;
