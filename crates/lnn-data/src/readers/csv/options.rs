//! The text after `csv:`: a file and its options.

use super::duplicates::Duplicates;
use super::files;
use super::gaps::Gaps;
use super::names::{split, unquoted};
use crate::readers::horizons::Horizons;
use crate::readers::known_table;
use crate::readers::option::{OptionError, number, once, word};
use lnn_core::Per;

/// The rows of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Window {
    /// As many.
    Rows(usize),
    /// All of a series.
    All,
}

/// How several series are divided into training, validation and test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Division {
    /// Whole series.
    Series,
    /// Each series in time.
    Time,
}

/// The parsed text. An option that was not given is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Options<'a> {
    pub(super) path: &'a str,
    pub(super) target: Option<&'a str>,
    pub(super) label: Option<&'a str>,
    /// Whether a window has one target, or each of its rows.
    pub(super) task: Option<Per>,
    pub(super) columns: Option<&'a str>,
    pub(super) time: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) window: Option<Window>,
    pub(super) horizon: Option<Horizons>,
    pub(super) stride: Option<usize>,
    pub(super) missing: Option<Gaps>,
    /// The columns that have one number for all rows of a series.
    pub(super) statics: Option<&'a str>,
    pub(super) duplicates: Option<Duplicates>,
    pub(super) division: Option<Division>,
    /// Whether each file is a series of its own, or several.
    pub(super) of_files: bool,
    pub(super) time_unit: Option<f64>,
    /// The fraction of the rows, at the end, that forms the test part; 1 for all of them.
    pub(super) test: Option<f64>,
    pub(super) separator: Option<u8>,
    pub(super) decimal: Option<u8>,
    pub(super) reverse: Option<bool>,
}

/// The names of the options.
const OPTIONS: [&str; 18] = [
    "target",
    "label",
    "id",
    "task",
    "columns",
    "time",
    "window",
    "horizon",
    "stride",
    "missing",
    "static",
    "duplicates",
    "split",
    "time_unit",
    "test",
    "separator",
    "decimal",
    "reverse",
];

impl<'a> Options<'a> {
    const WINDOW: usize = 32;
    pub(super) const TEST: f64 = 0.15;

    /// Parses the text after `csv:`. Trailing parts of the form `option=value` are options; the rest is the path.
    pub(super) fn parse(text: &'a str) -> Result<Self, OptionError> {
        let mut options = Self { path: text, ..Self::default() };
        let parts = split(text, ',');
        for part in parts.iter().skip(1).rev() {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), value.trim()),
                None if part.trim() == "reverse" => ("reverse", "true"),
                None => break,
            };
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            options.path = &text[..start - 1];
            options.set(name, value)?;
        }
        options.of_files = !known_table::is_named(options.path) && files::are_several(options.path);
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &'a str) -> Result<(), OptionError> {
        match name {
            "target" => once(name, value, &mut self.target, Some(value)),
            "columns" => once(name, value, &mut self.columns, Some(value)),
            "time" => once(name, value, &mut self.time, Some(value)),
            "window" => {
                let window = match value {
                    "all" => Window::All,
                    _ => Window::Rows(number(name, value, "a whole number from 1, or all", |n| *n >= 1)?),
                };
                once(name, value, &mut self.window, Some(window))
            }
            "horizon" => {
                let horizon = Horizons::parse(value)
                    .ok_or_else(|| OptionError::new(name, Horizons::EXPECTED, value))?;
                once(name, value, &mut self.horizon, Some(horizon))
            }
            "stride" => {
                let stride = number(name, value, "a whole number from 1", |n| *n >= 1)?;
                once(name, value, &mut self.stride, Some(stride))
            }
            "id" => once(name, value, &mut self.id, Some(value)),
            "label" => once(name, value, &mut self.label, Some(value)),
            "task" => {
                let words = [("per-step", Per::Step), ("per-window", Per::Sequence)];
                once(name, value, &mut self.task, Some(word(name, value, &words)?))
            }
            "missing" => {
                let words = [("refuse", Gaps::Refuse), ("mask", Gaps::Mask), ("previous", Gaps::Previous)];
                once(name, value, &mut self.missing, Some(word(name, value, &words)?))
            }
            "static" => once(name, value, &mut self.statics, Some(value)),
            "duplicates" => {
                let words = [("mean", Duplicates::Mean), ("last", Duplicates::Last)];
                once(name, value, &mut self.duplicates, Some(word(name, value, &words)?))
            }
            "split" => {
                let words = [("series", Division::Series), ("time", Division::Time)];
                once(name, value, &mut self.division, Some(word(name, value, &words)?))
            }
            "time_unit" => {
                let unit =
                    number(name, value, "a finite number above 0", |x: &f64| *x > 0.0 && x.is_finite())?;
                once(name, value, &mut self.time_unit, Some(unit))
            }
            "test" => {
                let value = if value == "all" { "1" } else { value };
                let expected = "a part above 0 and up to 1, or all";
                let test = number(name, value, expected, |x: &f64| *x > 0.0 && *x <= 1.0)?;
                once(name, value, &mut self.test, Some(test))
            }
            "separator" => {
                let words = [
                    ("comma", b','),
                    ("semicolon", b';'),
                    (";", b';'),
                    ("tab", b'\t'),
                    ("\\t", b'\t'),
                    ("space", b' '),
                ];
                once(name, value, &mut self.separator, Some(word(name, value, &words)?))
            }
            "decimal" => {
                let words = [("point", b'.'), (".", b'.'), ("comma", b',')];
                once(name, value, &mut self.decimal, Some(word(name, value, &words)?))
            }
            "reverse" => {
                let words = [("true", true), ("false", false)];
                once(name, value, &mut self.reverse, Some(word(name, value, &words)?))
            }
            _ => Err(OptionError::new(name, format!("one of {}", OPTIONS.join(", ")), value)),
        }
    }

    /// Whether there may be several series.
    pub(super) fn has_series(&self) -> bool {
        self.id.is_some() || self.of_files
    }

    /// Refuses options that contradict each other.
    pub(super) fn check(&self) -> Result<(), OptionError> {
        const SERIES: &str = "id=COLUMN beside it, which tells the series apart, or several files";
        let refuse = |name, expected: &str, found: &str| Err(OptionError::new(name, expected, found));
        match (self.label, self.target) {
            (Some(_), Some(target)) => return refuse("target", "none beside a label", target),
            (Some(label), None) if self.per() != Per::Step && !self.has_series() => {
                let expected = "id=COLUMN beside it or several files for a label per series, or task=per-step for \
                                one per row";
                return refuse("label", expected, label);
            }
            (Some(_), None) if self.horizon().count() > 1 => {
                return refuse("horizon", "one number of rows beside a label", &self.horizon().to_string());
            }
            _ => {}
        }
        if self.window() == Window::All && !self.has_series() {
            return refuse("window", SERIES, "all");
        }
        if let (Some(statics), false) = (self.statics, self.has_series()) {
            return refuse("static", SERIES, statics);
        }
        match self.division {
            Some(Division::Time) if self.window() == Window::All => {
                refuse("split", "window=N beside it, because whole series have no parts in time", "time")
            }
            Some(division) if !self.has_series() => {
                let found = if division == Division::Time { "time" } else { "series" };
                let hint = "; one series is split in time without it";
                refuse("split", &format!("{SERIES}{hint}"), found)
            }
            _ if self.duplicates.is_some() && self.time.is_none() => {
                refuse("duplicates", "time=COLUMN beside it, whose equal times it joins", "no column of time")
            }
            _ => Ok(()),
        }
    }

    /// The name of the column that tells series apart.
    pub(super) fn id_name(&self) -> Option<String> {
        self.id.map(unquoted)
    }

    /// The name of the column of time.
    pub(super) fn time_name(&self) -> Option<String> {
        self.time.map(unquoted)
    }

    /// The name of the column of labels.
    pub(super) fn label_name(&self) -> Option<String> {
        self.label.map(unquoted)
    }

    /// What is done with cells without a value.
    pub(super) fn gaps(&self) -> Gaps {
        self.missing.unwrap_or(Gaps::Refuse)
    }

    /// Rows from a row to its target: none for a label, which is that of its own row.
    pub(super) fn horizon(&self) -> Horizons {
        self.horizon.unwrap_or_else(|| Horizons::one(usize::from(self.label.is_none())))
    }

    /// Whether a window has one target, or each of its rows.
    pub(super) fn per(&self) -> Per {
        self.task.unwrap_or_default()
    }

    /// Rows from the beginning of a window to that of the next: all windows, or those that do not overlap where each row has a target.
    pub(super) fn stride(&self) -> usize {
        let of_task = || match (self.per(), self.window()) {
            (Per::Step, Window::Rows(window)) => window,
            _ => 1,
        };
        self.stride.unwrap_or_else(of_task)
    }

    /// Rows of a window; whole series where each has a label.
    pub(super) fn window(&self) -> Window {
        let of_series = self.label.is_some() && self.per() == Per::Sequence;
        self.window.unwrap_or(if of_series { Window::All } else { Window::Rows(Self::WINDOW) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_hold_commas_and_names_may_hold_any_sign_in_quotes() {
        assert_eq!(Options::parse("a,b.csv,window=3").unwrap().path, "a,b.csv");
        assert_eq!(Options::parse("a,b.csv").unwrap().path, "a,b.csv");
        let options = Options::parse("a.csv,target=\"load, kW\",reverse,test=all").unwrap();
        assert_eq!((options.path, options.target), ("a.csv", Some("\"load, kW\"")));
        assert_eq!((options.reverse, options.test), (Some(true), Some(1.0)));
    }

    #[test]
    fn an_option_that_stands_twice_or_is_unknown_is_refused() {
        for (text, words) in [
            ("a.csv,window=3,window=4", ["window", "once"]),
            ("a.csv,target=a,target=a", ["target", "once"]),
            ("a.csv,widow=3", ["widow", "horizon"]),
            ("a.csv,test=1.5", ["test", "all"]),
            ("a.csv,window=0", ["window", "from 1"]),
            ("a.csv,separator=pipe", ["separator", "semicolon"]),
            ("a.csv,missing=zero", ["missing", "refuse or mask or previous"]),
            ("a.csv,task=per-row", ["task", "per-step"]),
            ("a.csv,stride=0", ["stride", "from 1"]),
            ("a.csv,window=whole", ["window", "or all"]),
        ] {
            let error = Options::parse(text).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        }
    }
}
