//! A column of time: numbers, or dates and times of ISO 8601.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// One cell of a column of time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    Number(f64),
    /// With a zone, in nanoseconds since 1970.
    Zoned(i128),
    /// Without a zone, as if in UTC.
    Local(i128),
}

/// The times of a column, in seconds for dates, relative to the first row.
#[derive(Debug, Default)]
pub(super) struct Times {
    first: Option<Moment>,
    times: Vec<f64>,
}

impl Times {
    /// Adds the cell of the next row. `None` if it is no time, or another kind of time than the cells before.
    pub(super) fn add(&mut self, cell: &str) -> Option<()> {
        let moment = moment(cell)?;
        let seconds = |nanoseconds: i128| nanoseconds as f64 / 1e9;
        self.times.push(match (*self.first.get_or_insert(moment), moment) {
            (Moment::Number(_), Moment::Number(number)) => number,
            (Moment::Zoned(first), Moment::Zoned(time)) | (Moment::Local(first), Moment::Local(time)) => {
                seconds(time - first)
            }
            _ => return None,
        });
        Some(())
    }

    /// Whether the cells are dates, which are counted in seconds.
    pub(super) fn are_dates(&self) -> bool {
        matches!(self.first, Some(Moment::Zoned(_) | Moment::Local(_)))
    }

    pub(super) fn into_numbers(self) -> Vec<f64> {
        self.times
    }
}

/// Whether a cell is a date or a time of ISO 8601.
pub(super) fn is_date(cell: &str) -> bool {
    matches!(moment(cell), Some(Moment::Zoned(_) | Moment::Local(_)))
}

/// Seconds, or for numbers the difference, from one time to another of the same kind.
pub(super) fn between(from: &str, to: &str) -> Option<f64> {
    let mut times = Times::default();
    times.add(from)?;
    times.add(to)?;
    let numbers = times.into_numbers();
    Some(numbers[1] - numbers[0])
}

/// The text of a time `difference` after `cell`: a number, or a date and time as ISO 8601 has it.
pub(super) fn later(cell: &str, difference: f64) -> Option<String> {
    let nanoseconds = |from: i128| from.checked_add((difference * 1e9).round() as i128);
    match moment(cell)? {
        Moment::Number(number) => Some((number + difference).to_string()),
        Moment::Zoned(time) => Some(Timestamp::from_nanosecond(nanoseconds(time)?).ok()?.to_string()),
        Moment::Local(time) => {
            let time = Timestamp::from_nanosecond(nanoseconds(time)?).ok()?;
            Some(time.to_zoned(TimeZone::UTC).datetime().to_string())
        }
    }
}

fn moment(cell: &str) -> Option<Moment> {
    if let Ok(number) = cell.parse::<f64>() {
        return Some(Moment::Number(number)).filter(|_| number.is_finite());
    }
    if let Ok(time) = cell.parse::<Timestamp>() {
        return Some(Moment::Zoned(time.as_nanosecond()));
    }
    let time = cell.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(Moment::Local(time.timestamp().as_nanosecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cells: &[&str]) -> Option<Vec<f64>> {
        let mut times = Times::default();
        cells.iter().try_for_each(|cell| times.add(cell))?;
        Some(times.into_numbers())
    }

    #[test]
    fn dates_count_seconds_with_or_without_a_zone() {
        for dates in [
            ["2016-07-01", "2016-07-02"],
            ["2016-07-01 05:00:00", "2016-07-02T05:00"],
            ["2016-07-01T05:00:00Z", "2016-07-02T07:00:00+02:00"],
            ["2016-02-28T23:00:00.25", "2016-02-29T23:00:00.25"],
        ] {
            assert_eq!(times(&dates), Some(vec![0.0, 86400.0]), "{dates:?}");
        }
        assert_eq!(times(&["1600000000", "1600000000.5"]), Some(vec![1_600_000_000.0, 1_600_000_000.5]));
    }

    #[test]
    fn a_later_time_is_written_as_a_time_of_its_kind() {
        for (cell, difference, expected) in [
            ("1.5", 2.25, "3.75"),
            ("2016-02-28", 86400.0, "2016-02-29T00:00:00"),
            ("2016-07-01 23:59:59", 1.5, "2016-07-02T00:00:00.5"),
            ("2016-07-01T05:00:00Z", 3600.0, "2016-07-01T06:00:00Z"),
        ] {
            let found = later(cell, difference).unwrap();
            assert_eq!(found, expected);
            assert!((between(cell, &found).unwrap() - difference).abs() < 1e-9);
        }
        assert_eq!(later("x", 1.0), None);
        assert_eq!(between("1", "2016-07-01"), None);
    }

    #[test]
    fn what_is_no_time_or_another_kind_of_time_is_refused() {
        for cells in [
            &["x"][..],
            &["2016-13-01"],
            &["", ""],
            &["1", "2016-07-01"],
            &["2016-07-01", "2016-07-02T00:00Z"],
            &["NaN"],
        ] {
            assert_eq!(times(cells), None, "{cells:?}");
        }
    }
}
