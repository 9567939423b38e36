//! The options that follow the path in the text after a reader's colon: `PATH,name=value,…`.

use lnn_core::Missing;
use std::ops::Range;
use std::str::FromStr;

/// The reason why an option is refused.
#[derive(Debug, thiserror::Error)]
#[error("{option}: expected {expected}, found {found:?}")]
pub struct OptionError {
    /// The option.
    pub option: String,
    /// The valid values.
    pub expected: String,
    /// The value that was found.
    pub found: String,
}

impl OptionError {
    /// An option whose value is none of the valid ones.
    pub(super) fn new(option: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { option: option.into(), expected: expected.into(), found: found.into() }
    }
}

/// Splits the text after a reader's colon into the path and the options with their leading comma: the last parts with an equals sign.
pub(super) fn split_path(text: &str) -> (&str, &str) {
    let mut end = text.len();
    for part in text.split(',').skip(1).collect::<Vec<_>>().into_iter().rev() {
        if !part.contains('=') {
            break;
        }
        end -= part.len() + 1;
    }
    text.split_at(end)
}

/// What is done with missing values, the one option of a reader: as the options after its path say, and otherwise as `of_model`, that of its training, if there was one.
pub(super) fn missing(options: &str, of_model: Option<Missing>) -> Result<Missing, OptionError> {
    let mut missing = None;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        if name != "missing" {
            return Err(OptionError::new(name, "missing, the one option", value));
        }
        let words = [("refuse", Missing::Refused), ("mask", Missing::Mask)];
        once(name, value, &mut missing, Some(word(name, value, &words)?))?;
    }
    if let (Some(Missing::Mask), Some(Missing::Refused)) = (missing, of_model) {
        return Err(OptionError::new("missing", "what the model was trained with, refuse", "mask"));
    }
    Ok(missing.or(of_model).unwrap_or_default())
}

/// Sets an option that was not given before.
pub(super) fn once<T>(
    name: &str,
    found: &str,
    option: &mut Option<T>,
    value: Option<T>,
) -> Result<(), OptionError> {
    if option.is_some() {
        return Err(OptionError::new(name, "it once", format!("{found} and another")));
    }
    *option = value;
    Ok(())
}

/// Parses a number that fits.
pub(super) fn number<T: FromStr>(
    option: &str,
    found: &str,
    expected: &str,
    fits: impl Fn(&T) -> bool,
) -> Result<T, OptionError> {
    found.parse().ok().filter(fits).ok_or_else(|| OptionError::new(option, expected, found))
}

/// Parses one of some words.
pub(super) fn word<T: Copy>(option: &str, found: &str, words: &[(&str, T)]) -> Result<T, OptionError> {
    let value = words.iter().find(|(word, _)| *word == found).map(|(_, value)| *value);
    let known: Vec<_> = words
        .iter()
        .map(|(word, _)| *word)
        .filter(|word| word.chars().all(|c| c.is_alphabetic() || c == '-'))
        .collect();
    value.ok_or_else(|| OptionError::new(option, known.join(" or "), found))
}

/// Parses the first and the last place of a range, `A..B` without B.
pub(super) fn range(option: &str, found: &str) -> Result<Range<usize>, OptionError> {
    let parsed = found.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    parsed
        .filter(|range: &Range<usize>| !range.is_empty())
        .ok_or_else(|| OptionError::new(option, "A..B with A below B", found))
}
