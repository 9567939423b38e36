//! `csv:FILE`: a time series as rows of numbers, cut into windows.
//!
//! The text after the colon is the file, followed by options that are separated by commas:
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `target=A+B` | the columns whose later values are to be predicted | the last column |
//! | `columns=A+B` | the columns that are the inputs of a step | all but the time |
//! | `window=N` | the number of rows per sequence | 32 |
//! | `horizon=N` | the number of rows from the last row of the window to the target | 1 |
//! | `time=A` | the column of time, which must increase: its differences are the `dt` of the steps | rows are one unit apart |
//! | `time_unit=X` | the divisor of the time differences | 1 |
//! | `test=X` | the fraction of the rows, at the end, that forms the test part | 0.15 |
//!
//! Training, validation and test parts follow one another in time, and no window crosses from one part into another.

use crate::error::DataError;
use crate::readers::series_error::SeriesError;
use crate::readers::table::Table;
use crate::source::{DataSource, Parts, SplitRequest};
use lnn_core::{InputSpec, SampleSet, Timing, Windows};
use std::path::{Path, PathBuf};
use tch::Tensor;

/// A time series as rows of numbers, and the windows that it is cut into.
#[derive(Debug)]
pub struct Series {
    path: PathBuf,
    /// Names of the I input features of a window.
    features: Vec<String>,
    /// Names of the O values to predict.
    values: Vec<String>,
    /// `[R, I]`.
    rows: Tensor,
    /// `[R, O]`.
    targets: Tensor,
    /// `[R]`, the time since the previous row, if there is a column of time; the first row has the value of the second.
    dt: Option<Tensor>,
    timing: Option<Timing>,
    window: usize,
    horizon: usize,
    test: f64,
}

/// The parsed text after `csv:`.
struct Options<'a> {
    path: &'a str,
    target: Option<&'a str>,
    columns: Option<&'a str>,
    time: Option<&'a str>,
    window: usize,
    horizon: usize,
    time_unit: f64,
    test: f64,
}

/// The names of the options.
const OPTIONS: [&str; 7] = ["target", "columns", "time", "window", "horizon", "time_unit", "test"];

impl<'a> Options<'a> {
    /// Parses the text after `csv:`. Trailing parts of the form `option=value` are options; the rest is the path.
    fn parse(text: &'a str) -> Result<Self, SeriesError> {
        let mut options = Self {
            path: text,
            target: None,
            columns: None,
            time: None,
            window: 32,
            horizon: 1,
            time_unit: 1.0,
            test: 0.15,
        };
        while let Some((before, last)) = options.path.rsplit_once(',') {
            let Some((name, value)) = last.split_once('=') else { break };
            options.path = before;
            match name {
                "target" => options.target = Some(value),
                "columns" => options.columns = Some(value),
                "time" => options.time = Some(value),
                "window" => options.window = number(name, value, "a whole number from 1", |n| *n >= 1)?,
                "horizon" => options.horizon = number(name, value, "a whole number from 1", |n| *n >= 1)?,
                "time_unit" => {
                    options.time_unit =
                        number(name, value, "a finite number above 0", |x: &f64| *x > 0.0 && x.is_finite())?;
                }
                "test" => {
                    options.test =
                        number(name, value, "a part above 0 and below 1", |x: &f64| *x > 0.0 && *x < 1.0)?;
                }
                _ => {
                    let expected = format!("one of {}", OPTIONS.join(", "));
                    return Err(SeriesError::Option { option: name.into(), expected, found: value.into() });
                }
            }
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(
    option: &str,
    found: &str,
    expected: &str,
    fits: impl Fn(&T) -> bool,
) -> Result<T, SeriesError> {
    found.parse().ok().filter(fits).ok_or_else(|| SeriesError::Option {
        option: option.into(),
        expected: expected.into(),
        found: found.into(),
    })
}

/// Splits the text after `csv:` into the path of the file and the options with their leading comma.
pub fn split_path(text: &str) -> (&str, &str) {
    let path = Options::parse(text).map_or(text, |options| options.path);
    (path, &text[path.len()..])
}

/// Reads the series that the text after `csv:` specifies.
///
/// # Errors
/// [`SeriesError`].
pub fn open(text: &str) -> Result<Series, SeriesError> {
    let options = Options::parse(text)?;
    let path = Path::new(options.path);
    let table = Table::read(path)?;
    let time = options.time.map(|name| table.column(name)).transpose()?;
    let columns = match options.columns {
        Some(names) => names.split('+').map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?,
        None => (0..table.names.len()).filter(|column| Some(*column) != time).collect(),
    };
    let targets = match options.target {
        Some(names) => names.split('+').map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?,
        None => vec![(0..table.names.len()).rfind(|column| Some(*column) != time).unwrap_or(0)],
    };
    let dt = time.map(|column| table.differences(column, options.time_unit)).transpose()?;
    let timing =
        dt.as_deref().and_then(|dt| Some(Timing { unit: options.time_unit, typical_dt: median(dt)? }));
    let names = |columns: &[usize]| columns.iter().map(|&column| table.names[column].clone()).collect();
    let Options { window, horizon, test, .. } = options;
    Ok(Series {
        path: path.to_owned(),
        features: names(&columns),
        values: names(&targets),
        rows: table.select(&columns),
        targets: table.select(&targets),
        dt: dt.as_deref().map(Tensor::from_slice),
        timing,
        window,
        horizon,
        test,
    })
}

/// Returns the median of `numbers`; `None` if there are none.
fn median(numbers: &[f32]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).map(|number| f64::from(*number))
}

impl Series {
    /// Returns the windows within the rows `from..to`, which form the part called `part`.
    fn windows(&self, part: &'static str, from: usize, to: usize) -> Result<SampleSet, SeriesError> {
        let (window, horizon) = (self.window, self.horizon);
        let tables = [&self.rows, &self.targets];
        let extents = [window, horizon].map(|extent| i64::try_from(extent).unwrap_or(i64::MAX));
        let windows = Windows::within(tables, self.dt.as_ref(), [from as i64, to as i64], extents);
        windows.map(SampleSet::Windows).ok_or_else(|| {
            let (path, expected) = (self.path.clone(), window.saturating_add(horizon));
            SeriesError::TooShort { path, part, rows: to - from, expected, window, horizon }
        })
    }

    /// Returns the number of rows, and the number of rows before the test part.
    fn rows(&self) -> [usize; 2] {
        let rows = self.rows.size()[0] as usize;
        [rows, rows - (rows as f64 * self.test).round() as usize]
    }
}

impl DataSource for Series {
    fn spec(&self) -> InputSpec {
        InputSpec { timing: self.timing, ..InputSpec::sequences(self.features.clone(), self.values.clone()) }
    }

    /// The three parts follow one another in time.
    fn parts(&self, request: &SplitRequest) -> Result<Parts, DataError> {
        let [rows, rest] = self.rows();
        let first = rest - (rest as f64 * request.validation_fraction).round() as usize;
        let parts = Parts {
            train: self.windows("training", 0, first)?,
            validation: self.windows("validation", first, rest)?,
            test: self.windows("test", rest, rows)?,
        };
        Ok(parts.limited_to_the_first(request))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        let [rows, rest] = self.rows();
        Ok(self.windows("test", rest, rows)?)
    }
}

#[cfg(test)]
// The numbers are whole.
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    /// Writes a file and opens it with options.
    fn opened(content: &str, options: &str) -> Result<Series, SeriesError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, content).unwrap();
        open(&format!("{}{options}", path.display()))
    }

    fn parts(series: &Series, validation_fraction: f64) -> Result<Parts, DataError> {
        series.parts(&SplitRequest { validation_fraction, seed: 0, limit: None })
    }

    fn refused(content: &str, options: &str) -> String {
        match opened(content, options) {
            Err(error) => error.to_string(),
            Ok(series) => parts(&series, 0.2).unwrap_err().to_string(),
        }
    }

    /// Returns `rows` rows of a time that increases by 2, a number and ten times the number.
    fn counted(rows: usize) -> String {
        let rows = (0..rows).map(|i| format!("{},{i},{}\n", 2 * i + 5, 10 * i));
        std::iter::once("t,a,b\n".to_owned()).chain(rows).collect()
    }

    #[test]
    fn windows_show_the_past_and_their_target_lies_a_horizon_behind() {
        let data =
            opened(&counted(40), ",target=b,columns=a+b,window=3,horizon=2,time=t,time_unit=4").unwrap();
        assert_eq!((data.features.join(" "), data.values.join(" ")), ("a b".into(), "b".into()));
        assert_eq!(data.spec().timing, Some(Timing { unit: 4.0, typical_dt: 0.5 }));
        let parts = parts(&data, 0.25).unwrap();
        // 6 of 40 rows are for the test and 9 of the other 34 (8.5, rounded) for validation.
        assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [21, 5, 2]);
        let (train, test) = (parts.train.narrow(0, 21), parts.test.narrow(0, 2));
        assert_eq!(train.input.x.size(), [21, 3, 2]);
        assert_eq!(train.input.x.double_value(&[4, 2, 0]), 6.0);
        assert_eq!(train.targets.double_value(&[4, 0]), 80.0);
        assert_eq!(test.input.x.double_value(&[0, 0, 0]), 34.0);
        assert_eq!(train.input.dt.unwrap().eq(0.5).all().int64_value(&[]), 1);
        assert_eq!(data.test().unwrap().narrow(0, 2).input.x, test.input.x);
    }

    #[test]
    fn a_limit_leaves_the_first_windows() {
        let data = opened(&counted(40), ",window=3,horizon=2").unwrap();
        let request = SplitRequest { validation_fraction: 0.25, seed: 0, limit: Some(8) };
        let parts = data.parts(&request).unwrap();
        assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [6, 2, 2]);
        assert_eq!(parts.train.narrow(5, 1).input.x.double_value(&[0, 0, 1]), 5.0);
    }

    #[test]
    fn without_options_all_columns_are_shown_and_the_last_is_predicted() {
        let data = opened(&counted(600), "").unwrap();
        assert_eq!((data.features.len(), data.values.join("")), (3, "b".into()));
        assert_eq!(parts(&data, 0.1).unwrap().train.narrow(0, 1).input.x.size(), [1, 32, 3]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_column() {
        for (content, options, words) in [
            ("a,b\n1,2\n3,x\n", "", vec!["line 3", "\"b\"", "\"x\""]),
            ("a,b\n1,NaN\n", "", vec!["line 2", "\"b\"", "NaN"]),
            ("a,b\n1,\n", "", vec!["line 2", "fill gaps"]),
            ("a,b\n1,1e300\n", "", vec!["finite number"]),
            ("a,b\n1,2\n3\n", "", vec!["line 3", "2 cells", "found 1"]),
            ("1,2\n3,4\n", "", vec!["header", "numbers"]),
            ("a,a\n3,4\n", "", vec!["header", "twice"]),
            ("a,\n3,4\n", "", vec!["header", "column 2"]),
            ("", "", vec!["header"]),
            ("a,b\n3,4\n", ",target=c", vec!["\"c\"", "a, b"]),
            ("a,b\n3,4\n3,5\n", ",time=a", vec!["line 3", "later than 3"]),
            ("a,b\n3,4\n", ",window=0", vec!["window", "from 1"]),
            ("a,b\n3,4\n", ",widow=5", vec!["widow", "horizon"]),
            ("a,b\n3,4\n", ",test=1.5", vec!["test", "below 1"]),
            ("a,b\n3,4\n5,6\n", ",window=9", vec!["training", "window of 9"]),
        ] {
            let error = refused(content, options);
            for word in words {
                assert!(error.contains(word), "{error:?} lacks {word:?}");
            }
        }
        assert!(open("/nowhere/x.csv").unwrap_err().to_string().contains("/nowhere/x.csv"));
    }

    #[test]
    fn a_path_may_hold_commas() {
        assert_eq!(split_path("a,b.csv,window=3"), ("a,b.csv", ",window=3"));
        assert_eq!(split_path("a,b.csv"), ("a,b.csv", ""));
    }
}
