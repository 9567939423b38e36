//! One `.ts` file: its header, and its series as one table of rows.

use super::error::TsError;
use lnn_core::Missing;
use std::path::{Path, PathBuf};

/// What a series has behind its dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Classified {
    /// One of these classes.
    Classes(Vec<String>),
    /// A number.
    Values,
}

/// The content of a file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Number of dimensions I.
    pub(super) dimensions: usize,
    /// `[R, I]`, the rows of all series; NaN for what is missing.
    pub(super) numbers: Vec<f64>,
    /// The row after the last one of each series.
    pub(super) ends: Vec<usize>,
    /// The place of the class of each series, or its value.
    pub(super) targets: Vec<f64>,
    pub(super) classes: Classified,
}

/// What the header says.
#[derive(Debug, Default)]
struct Header {
    classes: Option<Classified>,
    /// Whether numbers have a time, which is not read.
    timed: bool,
}

impl File {
    /// Reads the file at `path`; values that are missing become NaN if the model may see them.
    pub(super) fn read(path: &Path, missing: Missing) -> Result<Self, TsError> {
        let io = |source| TsError::Io { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(io)?;
        // Comments of the archive have letters of other encodings.
        Self::parse(path, &String::from_utf8_lossy(&bytes), missing)
    }

    fn parse(path: &Path, text: &str, missing: Missing) -> Result<Self, TsError> {
        let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
        let refuse = |line: usize, expected: &str, found: &str| TsError::Line {
            path: path.to_owned(),
            line,
            expected: expected.into(),
            found: shortened(found),
        };
        let mut header = Header::default();
        let mut data = false;
        for (line, text) in lines.by_ref().filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            if text.eq_ignore_ascii_case("@data") {
                data = true;
                break;
            }
            if !text.starts_with('@') {
                return Err(refuse(
                    line,
                    "a line of the header, as @classLabel, and @data before the series",
                    text,
                ));
            }
            header.take(text).map_err(|expected| refuse(line, expected, text))?;
        }
        if !data {
            return Err(TsError::Empty { path: path.to_owned() });
        }
        let mut file = Self {
            path: path.to_owned(),
            dimensions: 0,
            numbers: Vec::new(),
            ends: Vec::new(),
            targets: Vec::new(),
            classes: header.classes.unwrap_or(Classified::Classes(Vec::new())),
        };
        for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            if header.timed || text.starts_with('(') {
                return Err(refuse(
                    line,
                    "series without times; hint: csv:FILE,time=A,id=B reads series with times",
                    "@timeStamps true",
                ));
            }
            file.add(text, missing).map_err(|(expected, found)| refuse(line, &expected, &found))?;
        }
        Ok(file)
    }

    /// Adds the series of one line.
    fn add(&mut self, text: &str, missing: Missing) -> Result<(), (String, String)> {
        let other = |expected: &str, found: &str| (expected.to_owned(), found.to_owned());
        let Some((dimensions, target)) = text.rsplit_once(':') else {
            return Err(other("dimensions and the class behind a colon", text));
        };
        self.targets.push(self.target(target.trim())?);
        let mut columns = Vec::new();
        for dimension in dimensions.split(':') {
            let numbers = dimension.split(',').map(|cell| number(cell.trim(), missing));
            columns.push(numbers.collect::<Result<Vec<f64>, _>>()?);
        }
        let rows = columns[0].len();
        if self.ends.is_empty() {
            self.dimensions = columns.len();
        }
        if columns.len() != self.dimensions {
            let expected = format!("{} dimensions, as in the first series", self.dimensions);
            return Err((expected, columns.len().to_string()));
        }
        if let Some(other) = columns.iter().find(|column| column.len() != rows) {
            return Err((format!("{rows} values in each dimension of the series"), other.len().to_string()));
        }
        self.numbers.extend((0..rows).flat_map(|row| columns.iter().map(move |column| column[row])));
        self.ends.push(self.ends.last().unwrap_or(&0) + rows);
        Ok(())
    }

    /// The place of a class, or a value.
    fn target(&self, text: &str) -> Result<f64, (String, String)> {
        match &self.classes {
            Classified::Values => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(value),
                _ => Err(("a finite number as the target".into(), text.to_owned())),
            },
            Classified::Classes(names) => match names.iter().position(|name| name == text) {
                Some(place) => Ok(place as f64),
                None => Err((format!("one of the classes {}", names.join(", ")), text.to_owned())),
            },
        }
    }
}

impl Header {
    /// Takes a line of the header, or says what was expected.
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default().to_lowercase();
        let mut yes = || words.next().is_some_and(|word| word.eq_ignore_ascii_case("true"));
        match name.as_str() {
            "@timestamps" => self.timed = yes(),
            "@classlabel" => {
                if !yes() {
                    return Err(
                        "@classLabel true and the classes, because a series without a target trains nothing",
                    );
                }
                let names: Vec<String> = words.map(str::to_owned).collect();
                if names.is_empty() || (1..names.len()).any(|i| names[..i].contains(&names[i])) {
                    return Err("the classes behind @classLabel true, each once");
                }
                self.classes = Some(Classified::Classes(names));
            }
            "@targetlabel" => {
                if !yes() {
                    return Err("@targetLabel true, because a series without a target trains nothing");
                }
                self.classes = Some(Classified::Values);
            }
            // What these say is found again in the series themselves.
            _ => {}
        }
        Ok(())
    }
}

/// The number of a cell.
fn number(cell: &str, missing: Missing) -> Result<f64, (String, String)> {
    if cell == "?" || cell.eq_ignore_ascii_case("nan") {
        return match missing {
            Missing::Mask => Ok(f64::NAN),
            Missing::Refused => Err((
                "a value; hint: missing=mask lets the model see which values are missing".into(),
                cell.to_owned(),
            )),
        };
    }
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(("finite numbers with commas between them".into(), cell.to_owned())),
    }
}

/// A text for a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
