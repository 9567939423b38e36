use super::super::range::Scale;
use super::*;
use lnn_models::{ModelKind, Preset};
use serde_json::json;

fn base() -> RunConfig {
    RunConfig::preset(ModelKind::Liquid, Preset::Tuned).unwrap()
}

fn read(space: &Value) -> Result<Space, String> {
    let space = Space::read(space.as_object().unwrap()).map_err(|error| error.to_string())?;
    space.check(&base()).map_err(|error| error.to_string())?;
    Ok(space)
}

fn usual() -> Space {
    read(&json!({
        "optimizer.learning_rate": {"kind": "float", "from": 1e-4, "to": 0.1, "scale": "log"},
        "model.units": {"kind": "integer", "from": 16, "to": 64, "step": 16},
        "schedule.kind": {"kind": "choice", "values": ["constant", "plateau"]},
        "schedule.patience": {"kind": "integer", "from": 1, "to": 5, "when": {"schedule.kind": "plateau"}},
    }))
    .unwrap()
}

#[test]
fn a_key_under_a_condition_has_a_value_only_where_it_holds_and_is_then_set() {
    let mut seen = [0; 2];
    for trial in 1..=100 {
        let values = usual().draw(0, trial, 0);
        let plateau = values["schedule.kind"] == "plateau";
        seen[usize::from(plateau)] += 1;
        assert_eq!(values.contains_key("schedule.patience"), plateau);
        let config = usual().configure(&base(), &values).unwrap();
        for (key, value) in &values {
            assert_eq!(settings::value_of(&config, key).as_ref(), Some(value), "{key}");
        }
        assert_eq!(usual().accept(&values).unwrap(), values);
    }
    assert!(seen[0] > 30 && seen[1] > 30, "{seen:?}");
}

#[test]
fn values_depend_on_the_seed_the_trial_and_the_key_and_not_on_other_keys() {
    let values = usual().draw(3, 7, 0);
    assert_eq!(usual().draw(3, 7, 0), values);
    for other in [usual().draw(4, 7, 0), usual().draw(3, 8, 0), usual().draw(3, 7, 1)] {
        assert_ne!(other["optimizer.learning_rate"], values["optimizer.learning_rate"]);
    }
    let mut fewer = usual();
    fewer.parameters.retain(|parameter| parameter.key != "optimizer.learning_rate");
    assert_eq!(fewer.draw(3, 7, 0)["model.units"], values["model.units"]);
}

#[test]
fn a_space_in_json_is_read_back_as_it_was() {
    let text = serde_json::to_string(&usual()).unwrap();
    assert_eq!(serde_json::from_str::<Space>(&text).unwrap(), usual());
}

#[test]
fn a_bad_space_is_refused_with_its_key_and_its_reason() {
    let float = json!({"kind": "float", "from": 0.1, "to": 0.2});
    let with = |entry: Value, key: &str, value: Value| {
        let mut entry = entry;
        entry[key] = value;
        entry
    };
    let cases = [
        (json!({}), "expected at least one key"),
        (
            json!({"optimizer.learning_rat": float}),
            "unknown key `optimizer.learning_rat`; hint: did you mean",
        ),
        (json!({"optimizer.beta1": 0.5}), "expected a range, as {\"kind\": \"float\""),
        (
            json!({"optimizer.beta1": {"kind": "real", "from": 0, "to": 1}}),
            "optimizer.beta1: unknown variant `real`",
        ),
        (
            json!({"optimizer.beta1": {"kind": "float", "from": "a", "to": 1}}),
            "optimizer.beta1: invalid type",
        ),
        (json!({"optimizer.beta1": {"kind": "float", "from": 0.5}}), "missing field `to`"),
        (
            json!({"optimizer.beta1": {"kind": "float", "from": 0.5, "to": 0.9, "log": true}}),
            "unknown field `log`",
        ),
        (
            json!({"optimizer.beta1": {"kind": "float", "from": 0.9, "to": 0.5}}),
            "expected a range whose end is above",
        ),
        (
            json!({"optimizer.weight_decay": {"kind": "float", "from": 0.0, "to": 0.5, "scale": "log"}}),
            "starts above 0",
        ),
        (
            json!({"optimizer.beta1": with(float.clone(), "when", json!({"model.units": 3}))}),
            "`model.units` is no key of the space before it",
        ),
        (
            json!({"optimizer.beta1": with(float.clone(), "when", json!(3))}),
            "when: expected a key with its values, found 3",
        ),
        // A wrong type, and a value that the key does not take.
        (
            json!({"model.units": {"kind": "choice", "values": [16, "many"]}}),
            "with the value \"many\": the key `model.units` does not take",
        ),
        (json!({"model.units": float}), "with the value 0.1: the key `model.units` does not take"),
        (
            json!({"patience": {"kind": "integer", "from": 0, "to": 3}}),
            "with the value 0: patience must be at least 1",
        ),
        (
            json!({"epochs": {"kind": "integer", "from": 1, "to": 3}}),
            "no sweep searches this key: all trials have the same number",
        ),
        (json!({"loss.kind": {"kind": "choice", "values": ["mse", "mae"]}}), "no sweep searches this key"),
    ];
    for (space, expected) in cases {
        let error = read(&space).unwrap_err();
        assert!(error.contains(expected), "{space}\n{error}\nexpected {expected}");
    }
    let conditions = |when: Value| {
        json!({
            "schedule.kind": {"kind": "choice", "values": ["constant", "plateau"]},
            "schedule.patience": {"kind": "integer", "from": 1, "to": 5, "when": when},
        })
    };
    assert!(
        read(&conditions(json!({"schedule.kind": "one-cycle"})))
            .unwrap_err()
            .contains("never is \"one-cycle\"")
    );
    assert!(read(&conditions(json!({"schedule.kind": []}))).unwrap_err().contains("at least one value"));
    // The key exists under the other kind alone.
    assert!(
        read(&conditions(json!({"schedule.kind": "constant"}))).unwrap_err().contains("schedule.patience")
    );
    let never = json!({
        "model.units": {"kind": "choice", "values": [8, 16]},
        "batch_size": {"kind": "choice", "values": [8, 16], "when": {"model.units": 8}},
        "patience": {"kind": "integer", "from": 1, "to": 3, "when": {"batch_size": 8, "model.units": 16}},
    });
    assert!(read(&never).unwrap_err().contains("patience: when: its conditions never hold together"));
}

#[test]
fn values_from_elsewhere_are_held_to_the_space() {
    let accept =
        |values: Value| usual().accept(values.as_object().unwrap()).map_err(|error| error.to_string());
    let good = json!({"schedule.kind": "constant", "model.units": 32, "optimizer.learning_rate": 0.01});
    let keys: Vec<String> = accept(good.clone()).unwrap().keys().cloned().collect();
    assert_eq!(keys, ["optimizer.learning_rate", "model.units", "schedule.kind"]);
    let cases = [
        ("model.units", json!(33), "model.units: expected a value of {"),
        ("model.units", Value::Null, "model.units: expected a value of {"),
        ("schedule.patience", json!(2), "it has no value where schedule.kind is as given"),
        ("epochs", json!(2), "epochs is no key of the space"),
        ("schedule.kind", json!("plateau"), "schedule.patience: expected a value, found none"),
    ];
    for (key, value, expected) in cases {
        let mut values = good.clone();
        values[key] = value;
        let error = accept(values).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_range_may_be_replaced_and_keeps_its_place() {
    let mut space = usual();
    let range = Range::Float { from: 0.1, to: 0.2, scale: Scale::Linear };
    let key = "optimizer.learning_rate".to_owned();
    space.add(Parameter { key, range: range.clone(), when: Vec::new() }).unwrap();
    assert_eq!((space.parameters.len(), &space.parameters[0].range), (4, &range));
}
