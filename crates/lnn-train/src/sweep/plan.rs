//! The plan of a sweep: what all trials have in common, the space, how it is searched, and how many trials there are.

use super::halving::Search;
use super::range_text::range_of_text;
use super::space::{Parameter, Space};
use crate::config::RunConfig;
use crate::error::Error;
use crate::request::Request;
use crate::settings;
use lnn_models::{ModelKind, Preset};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// The number of trials unless a sweep says otherwise.
const TRIALS: u64 = 20;

/// The maximum number of trials: each of them is a folder, and the state of a sweep is read from all of them.
const MOST_TRIALS: u64 = 100_000;

/// A file that describes a sweep. Keys that are left out have defaults, or come from the command line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// The name of the model.
    pub model: Option<String>,
    /// The hyper-parameters to start from.
    pub preset: Option<Preset>,
    /// The data, as `--data`.
    pub data: Option<String>,
    /// Keys of the configuration that all trials have, as a file for `train --config`.
    pub config: Option<Map<String, Value>>,
    /// The keys to search, with their ranges.
    #[serde(default)]
    pub space: Map<String, Value>,
    /// How the space is searched.
    pub search: Option<Search>,
    /// The maximum number of trials.
    pub trials: Option<u64>,
    /// The hours after which the sweep stops.
    pub hours: Option<f64>,
    /// The seed of the values that are drawn.
    pub seed: Option<u64>,
}

impl SweepFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Configuration`] if it cannot be read, or has an unknown key or a wrong value.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let keys = Value::Object(settings::read_keys(path)?);
        serde_json::from_value(keys)
            .map_err(|error| Error::configuration(format!("{}: {error}", path.display())))
    }

    /// Returns the plan, with `assignments` of the command line: `KEY=RANGE` for the space, `KEY=VALUE` for all trials.
    ///
    /// # Errors
    /// [`Error`] if the model, the configuration, the space or the search cannot be used.
    pub fn plan(&self, assignments: &[String]) -> Result<Plan, Error> {
        let Some(name) = &self.model else {
            return Err(Error::configuration(
                "expected the model of the sweep, found none; hint: \"model\" in the file, or --model",
            ));
        };
        let model: ModelKind = name.parse()?;
        let fixed = |assignment: &&String| !names_range(assignment);
        let fixed: Vec<String> = assignments.iter().filter(fixed).cloned().collect();
        let preset = self.preset.unwrap_or(Preset::Tuned);
        let request = Request {
            model,
            preset,
            init: None,
            keys: self.config.clone().map(|keys| ("config".to_owned(), keys)),
            assignments: &fixed,
            data: self.data.as_deref(),
        };
        let mut base = request.config()?;
        if base.method.is_ridge() {
            base.epochs = 1;
        }
        base.validate()?;
        let mut space = Space::read(&self.space)?;
        for assignment in assignments {
            let Some((key, text)) = assignment.split_once('=') else { continue };
            let key = key.trim();
            let range = range_of_text(text, settings::value_of(&base, key).as_ref())
                .map_err(|error| Error::configuration(format!("--set {key}: {error}")))?;
            if let Some(range) = range {
                space.add(Parameter { key: key.to_owned(), range, when: Vec::new() })?;
            }
        }
        space.check(&base)?;
        let plan = Plan {
            base,
            space,
            search: self.search.unwrap_or_default(),
            seed: self.seed.unwrap_or(0),
            trials: self.trials.unwrap_or(TRIALS),
        };
        plan.validate()?;
        Ok(plan)
    }
}

/// Whether an assignment of the command line gives a range or choices.
fn names_range(assignment: &str) -> bool {
    let text = assignment.split_once('=').map(|(_, text)| text);
    text.is_some_and(|text| !matches!(range_of_text(text, None), Ok(None)))
}

/// The plan of a sweep, as its folder stores it in `sweep.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The configuration that all trials start from.
    pub base: RunConfig,
    /// The keys whose values are searched.
    pub space: Space,
    /// How the space is searched.
    pub search: Search,
    /// The seed of the values that are drawn.
    pub seed: u64,
    /// The maximum number of trials; another number may be asked for later.
    pub trials: u64,
}

impl Plan {
    /// Returns the epochs of each rung; a readout in closed form has one rung.
    pub fn rungs(&self) -> Vec<u64> {
        self.search.rungs(self.base.epochs)
    }

    /// Returns what makes another plan another sweep, with both values; the number of trials does not.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let shown = |plan: &Self| {
            let text = |value: serde_json::Result<String>| value.expect("a plan is plain data");
            let space = text(serde_json::to_string(&plan.space));
            [
                ("space", space),
                ("search", text(serde_json::to_string(&plan.search))),
                ("seed", plan.seed.to_string()),
            ]
        };
        let own = shown(self).into_iter().zip(shown(other)).filter(|(here, there)| here != there);
        let own = own.map(|((key, here), (_, there))| format!("{key}: {here} and {there}"));
        settings::differences(&self.base, &other.base).into_iter().chain(own).collect()
    }

    /// Refuses what no sweep can do.
    ///
    /// # Errors
    /// [`Error::Configuration`].
    pub fn validate(&self) -> Result<(), Error> {
        if !(1..=MOST_TRIALS).contains(&self.trials) {
            return Err(Error::configuration(format!(
                "trials: expected 1 to {MOST_TRIALS}, found {}",
                self.trials
            )));
        }
        if let Some(problem) = self.search.problem(self.base.epochs) {
            return Err(Error::configuration(problem));
        }
        let mixed = |parameter: &&Parameter| parameter.key == "method" || parameter.key == "method.kind";
        match self.space.parameters().iter().find(mixed) {
            Some(_) if self.search != Search::Random => Err(Error::configuration(
                "space: method.kind: what is solved in closed form has no epochs to pause in; hint: \"search\": {\"kind\": \"random\"}",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(file: Value, assignments: &[&str]) -> Result<Plan, String> {
        let file: SweepFile = serde_json::from_value(file).map_err(|error| error.to_string())?;
        let assignments: Vec<String> = assignments.iter().map(|text| (*text).to_owned()).collect();
        file.plan(&assignments).map_err(|error| error.to_string())
    }

    fn rate() -> Value {
        json!({"optimizer.learning_rate": {"kind": "float", "from": 0.001, "to": 0.1, "scale": "log"}})
    }

    #[test]
    fn the_command_line_adds_ranges_and_fixed_values_to_those_of_the_file() {
        let file = json!({"model": "liquid", "data": "sine", "config": {"epochs": 9, "batch_size": 8}, "space": rate()});
        let plan =
            plan(file, &["model.units=8..32,step=8", "epochs=27", "optimizer.learning_rate=0.5..1"]).unwrap();
        assert_eq!((plan.base.epochs, plan.base.batch_size, plan.base.data.as_str()), (27, 8, "sine"));
        let keys: Vec<&str> =
            plan.space.parameters().iter().map(|parameter| parameter.key.as_str()).collect();
        assert_eq!(keys, ["optimizer.learning_rate", "model.units"]);
        let text = serde_json::to_value(&plan.space).unwrap();
        assert_eq!(
            text["optimizer.learning_rate"],
            json!({"kind": "float", "from": 0.5, "to": 1.0, "scale": "linear"})
        );
        assert_eq!((plan.search, plan.trials, plan.rungs()), (Search::Random, 20, vec![27]));
        let stored = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    }

    #[test]
    fn a_plan_that_cannot_be_carried_out_is_refused() {
        let halving = json!({"kind": "halving"});
        let cases = [
            (json!({"space": rate()}), "expected the model of the sweep"),
            (json!({"model": "liquit", "space": rate()}), "liquit"),
            (json!({"model": "liquid"}), "expected at least one key with a range"),
            (json!({"model": "liquid", "spaces": {}}), "unknown field `spaces`"),
            (json!({"model": "liquid", "space": rate(), "config": {"epoch": 3}}), "unknown key `epoch`"),
            (
                json!({"model": "liquid", "space": rate(), "trials": 0}),
                "trials: expected 1 to 100000, found 0",
            ),
            (
                json!({"model": "liquid", "space": rate(), "config": {"epochs": 1}, "search": halving}),
                "fewer than the 1 of a trial",
            ),
            (
                json!({"model": "liquid", "space": rate(), "search": {"kind": "grid"}}),
                "unknown variant `grid`",
            ),
        ];
        for (file, expected) in cases {
            let error = plan(file.clone(), &[]).unwrap_err();
            assert!(error.contains(expected), "{file}: {error}");
        }
        let kinds = json!({"model": "lnn", "search": halving, "config": {"epochs": 9}});
        assert!(
            plan(kinds, &["method.kind=gradient|ridge"]).unwrap_err().contains("has no epochs to pause in")
        );
    }
}
