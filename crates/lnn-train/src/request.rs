//! What a user asks of a new run, and the configuration that it means.

use crate::config::RunConfig;
use crate::error::Error;
use crate::settings;
use lnn_models::{ModelKind, Preset};
use serde_json::{Map, Value};
use std::path::Path;

/// A new run as it is asked for: each field counts more than those before it.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The model.
    pub model: ModelKind,
    /// The hyper-parameters to start from, which also depend on the kind of the data.
    pub preset: Preset,
    /// The run or the checkpoint whose weights and model the run starts from.
    pub init: Option<&'a Path>,
    /// Keys of the configuration as a file has them, and the name of where they stand, for errors.
    pub keys: Option<(String, Map<String, Value>)>,
    /// Keys of the configuration, as `--set` has them.
    pub assignments: &'a [String],
    /// The data.
    pub data: Option<&'a str>,
}

impl Request<'_> {
    /// Returns the preset for the data, without any key that was asked for.
    ///
    /// # Errors
    /// [`Error::Model`] if the model has no such preset.
    pub fn preset(&self) -> Result<RunConfig, Error> {
        let config = RunConfig::preset(self.model, self.preset)?;
        Ok(match self.requested_data() {
            Some(data) => config.for_content(lnn_data::content(&data)),
            None => config,
        })
    }

    /// Returns the configuration; it is not validated, because flags may change it further.
    ///
    /// # Errors
    /// [`Error`] if a key is unknown or has a wrong value, or the checkpoint to start from cannot be read.
    pub fn config(&self) -> Result<RunConfig, Error> {
        let mut config = self.preset()?;
        if let Some(source) = self.init {
            config = config.starting_from(source)?;
        }
        let init = config.init.clone();
        if let Some((place, keys)) = &self.keys {
            config = settings::apply_keys(&config, keys.clone())
                .map_err(|error| Error::configuration(format!("{place}: {error}")))?;
        }
        for assignment in self.assignments {
            config = settings::apply_assignment(&config, assignment)?;
        }
        // A file may have no checkpoint to start from; the flag still counts.
        config.init = init.or(config.init);
        config.data = lnn_data::absolute(self.data.unwrap_or(&config.data))?;
        Ok(config)
    }

    /// Returns the data set that is asked for, if there is one.
    fn requested_data(&self) -> Option<String> {
        let assigned =
            || self.assignments.iter().rev().find_map(|assignment| settings::data_in_assignment(assignment));
        let in_keys = || self.keys.as_ref()?.1.get("data")?.as_str().map(str::to_owned);
        self.data.map(str::to_owned).or_else(assigned).or_else(in_keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(keys: &Value, assignments: &[String], data: Option<&str>) -> String {
        let keys = keys.as_object().map(|keys| ("config".to_owned(), keys.clone()));
        let (model, preset) = (ModelKind::Liquid, Preset::Tuned);
        Request { model, preset, init: None, keys, assignments, data }.config().unwrap().data
    }

    #[test]
    fn the_flag_counts_more_than_an_assignment_and_that_more_than_a_file() {
        let keys = serde_json::json!({"data": "sine", "epochs": 3});
        let assignments = ["data=lorenz".to_owned()];
        assert_eq!(data(&keys, &assignments, Some("toy")), "toy");
        assert_eq!(data(&keys, &assignments, None), "lorenz");
        assert_eq!(data(&keys, &[], None), "sine");
        assert_eq!(data(&serde_json::json!({"epochs": 3}), &[], None), "mnist");
    }
}
