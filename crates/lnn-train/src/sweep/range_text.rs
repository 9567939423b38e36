//! A range on the command line: `1e-4..1e-1,log`, `16..128,step=16`, `a|b|c`.

use super::range::{Range, Scale};
use crate::error::Error;
use serde_json::Value;

/// Reads a range. `present` is the value that the key has now: a range for a key with a real number is one of real numbers even if its
/// ends are whole. Returns none if the text is a single value.
///
/// # Errors
/// [`Error::Configuration`] if the text begins as a range and goes on as none.
pub fn range_of_text(text: &str, present: Option<&Value>) -> Result<Option<Range>, Error> {
    let mut parts = text.split(',');
    let ends = parts.next().and_then(|ends| ends.split_once(".."));
    if let Some((from, to)) = ends
        && let (Ok(from_number), Ok(to_number)) = (from.trim().parse::<f64>(), to.trim().parse::<f64>())
    {
        let (mut scale, mut step) = (Scale::Linear, None);
        for option in parts {
            match option.split_once('=') {
                None if option == "log" => scale = Scale::Log,
                Some(("step", number)) if number.parse::<i64>().is_ok() => step = number.parse().ok(),
                _ => {
                    return Err(Error::configuration(format!(
                        "expected FROM..TO, FROM..TO,log or FROM..TO,step=N, found the option `{option}`"
                    )));
                }
            }
        }
        let whole = from.trim().parse::<i64>().ok().zip(to.trim().parse::<i64>().ok());
        let is_real = present.is_some_and(Value::is_f64);
        return Ok(Some(match whole.filter(|_| !is_real) {
            Some((from, to)) => Range::Integer { from, to, step: step.unwrap_or(1), scale },
            None if step.is_some() => {
                return Err(Error::configuration(
                    "a step is for ranges of whole numbers; hint: leave it out",
                ));
            }
            None => Range::Float { from: from_number, to: to_number, scale },
        }));
    }
    if !text.contains('|') {
        return Ok(None);
    }
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    Ok(Some(Range::Choice { values: text.split('|').map(value).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Range {
        range_of_text(text, None).unwrap().unwrap()
    }

    #[test]
    fn ranges_and_choices_are_read_and_single_values_are_none() {
        assert_eq!(range("1e-4..0.1,log"), Range::Float { from: 1e-4, to: 0.1, scale: Scale::Log });
        assert_eq!(range("-1..1.0"), Range::Float { from: -1.0, to: 1.0, scale: Scale::Linear });
        let whole = |step, scale| Range::Integer { from: 16, to: 128, step, scale };
        assert_eq!(range("16..128"), whole(1, Scale::Linear));
        assert_eq!(range("16..128,step=16"), whole(16, Scale::Linear));
        assert_eq!(range("16..128,log"), whole(1, Scale::Log));
        let values = vec!["plateau".into(), Value::Null, serde_json::json!([8, 16])];
        assert_eq!(range("plateau|null|[8,16]"), Range::Choice { values });
        for single in ["3", "plateau", "csv:x.csv,train=0..5", "..", "a..b", "[1,2]", "../x"] {
            assert_eq!(range_of_text(single, None).unwrap(), None, "{single}");
        }
    }

    #[test]
    fn a_key_of_real_numbers_has_a_range_of_real_numbers() {
        let of = |present: Value| range_of_text("0..1", Some(&present)).unwrap().unwrap();
        assert_eq!(of(0.5.into()), Range::Float { from: 0.0, to: 1.0, scale: Scale::Linear });
        assert_eq!(of(1.into()), Range::Integer { from: 0, to: 1, step: 1, scale: Scale::Linear });
    }

    #[test]
    fn a_range_with_an_unknown_option_is_refused() {
        for wrong in ["1..2,logarithmic", "1..2,step=x", "1..2,step", "0.5..2.5,step=1"] {
            assert!(range_of_text(wrong, None).is_err(), "{wrong}");
        }
    }
}
