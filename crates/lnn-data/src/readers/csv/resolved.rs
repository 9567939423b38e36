//! The options of a table: those that are given, and for a trained model otherwise those of its training.

use super::error::SeriesError;
use super::gaps::Gaps;
use super::options::{Division, Options, Window};
use crate::progress::Progress;
use crate::readers::known_table;
use crate::source::Trained;

/// The options of the text after `csv:`, checked.
///
/// # Errors
/// [`SeriesError`] if one is invalid, or contradicts the others or the training.
pub(super) fn resolved<'a>(
    text: &'a str,
    trained: Option<&Trained<'a>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Options<'a>, SeriesError> {
    let given = Options::parse(text)?;
    let before = match trained.and_then(|trained| of_table(trained.data)) {
        Some(text) => Some(Options::parse(text)?),
        None => None,
    };
    let options = match (trained, before) {
        (Some(trained), Some(before)) => inherit(given, before, trained, progress)?,
        (Some(_), None) => Options { test: given.test.or(Some(1.0)), ..given },
        (None, _) => given,
    };
    // A file beside the several of a training is one series.
    let of_files = options.of_files || before.is_some_and(|before| before.of_files);
    let options = Options { of_files, ..options };
    options.check()?;
    if options.gaps() == Gaps::Mask && trained.is_some_and(|trained| !trained.input.may_miss()) {
        let (expected, found) = ("without missing values".into(), "mask".into());
        return Err(SeriesError::Contradiction { option: "missing", expected, found });
    }
    Ok(options)
}

/// The text after `csv:`, or the name and the options of a known set that is a table.
pub(super) fn of_table(data: &str) -> Option<&str> {
    data.strip_prefix("csv:").or_else(|| known_table::is_named(data).then_some(data))
}

/// The options of a test: those that are given, and otherwise those of the training.
fn inherit<'a>(
    given: Options<'a>,
    before: Options<'a>,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Options<'a>, SeriesError> {
    // A pattern is no file, and is compared as it is.
    let real = |path: &str| std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let same_file = real(given.path) == real(before.path);
    let contradiction =
        |option, expected: String, found: String| Err(SeriesError::Contradiction { option, expected, found });
    if let (None, Some(name)) = (before.time, given.time_name()) {
        return contradiction("time", "without a column of time".into(), name);
    }
    if let (Some(timing), Some(unit)) = (trained.input.timing, given.time_unit)
        && (timing.unit - unit).abs() > 1e-9 * timing.unit
    {
        return contradiction("time_unit", format!("with {}", timing.unit), unit.to_string());
    }
    let trained_for = before.horizon();
    if let Some(horizon) = given.horizon.filter(|horizon| *horizon != trained_for) {
        return contradiction("horizon", format!("for {trained_for} rows ahead"), horizon.to_string());
    }
    let in_time = |options: Options<'_>| options.division == Some(Division::Time);
    if given.division.is_some() && in_time(given) != in_time(before) {
        let [trained, found] = match in_time(before) {
            true => ["on each series up to a time", "series"],
            false => ["on whole series", "time"],
        };
        return contradiction("split", trained.into(), found.into());
    }
    if let (Window::Rows(window), Some(Window::Rows(other))) = (before.window(), given.window)
        && window != other
    {
        let text =
            format!("the model was trained on windows of {window} rows, the test has windows of {other}");
        progress(Progress::Warning { text: &text });
    }
    let of_file = if same_file { before } else { Options { test: Some(1.0), ..Options::default() } };
    Ok(Options {
        time: given.time.or(before.time),
        label: given.label.or(before.label),
        id: given.id.or(before.id),
        task: given.task.or(before.task),
        window: given.window.or(before.window),
        horizon: given.horizon.or(before.horizon),
        stride: given.stride.or(before.stride),
        missing: given.missing.or(before.missing),
        statics: given.statics.or(before.statics),
        duplicates: given.duplicates.or(before.duplicates),
        division: given.division.or(before.division),
        test: given.test.or(of_file.test),
        separator: given.separator.or(of_file.separator),
        decimal: given.decimal.or(of_file.decimal),
        reverse: given.reverse.or(of_file.reverse),
        ..given
    })
}
