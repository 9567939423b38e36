//! The limit of whole numbers in a configuration: sizes are multiplied with each other, and a product must not overflow.

use crate::config::ModelConfig;
use crate::error::Error;
use serde_json::Value;

/// The largest whole number that a configuration of a model may have.
const LARGEST: i64 = 10_000_000;

impl ModelConfig {
    /// Refuses a number that is too large to be a size, by its key.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub(crate) fn check_numbers(&self) -> Result<(), Error> {
        let value = serde_json::to_value(self).expect("a configuration is plain data");
        let Some((key, found)) = too_large(&value, "") else { return Ok(()) };
        let reason = format!("{key} must be at most {LARGEST}, found {found}");
        Err(Error::Config { model: self.name(), reason })
    }
}

/// Returns the first whole number beyond ±[`LARGEST`], with its key.
fn too_large<'a>(value: &'a Value, key: &str) -> Option<(String, &'a Value)> {
    match value {
        Value::Number(number) if number.is_u64() || number.is_i64() => {
            let fits = number.as_i64().is_some_and(|number| (-LARGEST..=LARGEST).contains(&number));
            (!fits).then(|| (key.to_owned(), value))
        }
        Value::Object(entries) => entries.iter().find_map(|(name, value)| {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            too_large(value, &key)
        }),
        Value::Array(values) => {
            values.iter().enumerate().find_map(|(i, value)| too_large(value, &format!("{key}[{i}]")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModelKind;
    use crate::preset::Preset;
    use serde_json::json;

    #[test]
    fn presets_are_within_the_limit_and_what_is_not_is_named() {
        for &kind in ModelKind::ALL {
            kind.preset(Preset::Tuned).unwrap().check_numbers().unwrap();
        }
        for found in [json!(1_i64 << 53), json!(u64::MAX), json!(i64::MIN)] {
            let mut config = serde_json::to_value(ModelKind::Cllnn.preset(Preset::Tuned).unwrap()).unwrap();
            config["channels"][1] = json!(32);
            config["reservoir"]["units"] = found.clone();
            let Ok(config) = serde_json::from_value::<ModelConfig>(config) else { continue };
            let error = config.check_numbers().unwrap_err().to_string();
            assert!(
                error.contains("reservoir.units must be at most") && error.contains(&found.to_string()),
                "{error}"
            );
        }
        let mut config = serde_json::to_value(ModelKind::Cllnn.preset(Preset::Tuned).unwrap()).unwrap();
        config["channels"][1] = json!(1_i64 << 40);
        let error = serde_json::from_value::<ModelConfig>(config).unwrap().check_numbers().unwrap_err();
        assert!(error.to_string().contains("channels[1]"), "{error}");
    }
}
