//! A column of labels.

use super::error::SeriesError;
use crate::progress::Progress;
use crate::readers::series_table::Targets;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

/// The maximum number of classes of a column of labels.
const MOST_CLASSES: usize = 1000;

/// The classes of a column of labels: its different texts, numbers in their order. Rows with an empty cell have none.
pub(super) fn classes<'a>(
    path: &Path,
    column: &str,
    labels: &[String],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Targets<'a>, SeriesError> {
    let mut names: Vec<&String> = labels.iter().filter(|label| !label.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > MOST_CLASSES {
        let (path, column, most, found) = (path.to_owned(), column.to_owned(), MOST_CLASSES, names.len());
        return Err(SeriesError::Classes { path, column, most, found });
    }
    let number = |name: &String| name.parse::<f64>().ok();
    if names.iter().all(|name| number(name).is_some()) {
        names.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal));
    }
    let known: HashMap<&String, usize> =
        names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
    let places: Vec<Option<usize>> = labels.iter().map(|label| known.get(label).copied()).collect();
    let without = places.iter().filter(|place| place.is_none()).count();
    if without > 0 {
        let text = format!("{without} of {} rows have no {column} and no target", places.len());
        progress(Progress::Note { text: &text });
    }
    Ok(Targets::Classes { names: names.into_iter().cloned().collect(), labels: places })
}
