//! The axes of a chart: their range, and the places and labels of their ticks.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// The maximum number of ticks.
const MOST_TICKS: f64 = 8.0;

/// The maximum number of ticks that have the text of a row.
const ROWS_WITH_TICKS: usize = 5;

/// Values whose ratio is at least this are drawn by their logarithm; on a linear axis the small ones would look equal.
const WIDE: f64 = 100.0;

/// An axis of values, linear or logarithmic.
#[derive(Debug)]
pub(crate) struct Axis {
    range: Range<f64>,
    ticks: Vec<f64>,
    logarithmic: bool,
    decimals: usize,
    /// The text of each tick, if it is not its number.
    labels: Vec<String>,
}

impl Axis {
    /// Returns an axis with ticks at whole epochs.
    pub(crate) fn of_epochs(epochs: impl Iterator<Item = f64>) -> Self {
        let last = epochs.fold(1.0, f64::max);
        let margin = ((last - 1.0) * 0.03).max(0.1);
        let step = step(last).max(1.0);
        let mut ticks = multiples(step, &(1.0..last));
        if step > 1.0 {
            ticks.insert(0, 1.0);
        }
        Self {
            range: 1.0 - margin..last + margin,
            ticks,
            logarithmic: false,
            decimals: 0,
            labels: Vec::new(),
        }
    }

    /// Returns an axis for finite values.
    pub(crate) fn of_values(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Self::linear(0.0..1.0);
        }
        if low > 0.0 && high / low >= WIDE {
            return Self::logarithmic(low.log10()..high.log10());
        }
        Self::around([low, high])
    }

    /// Returns a linear axis for finite values.
    pub(crate) fn of_series(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        if low > high { Self::linear(0.0..1.0) } else { Self::around([low, high]) }
    }

    /// Returns an axis with ticks at some of the places of rows, which increase, under the text of their row.
    pub(crate) fn of_rows(places: &[f64], texts: &[String]) -> Self {
        let (first, last) = (places.first().copied().unwrap_or(0.0), places.last().copied().unwrap_or(1.0));
        let margin = ((last - first) * 0.02).max(1e-9 * last.abs()).max(1e-12);
        let apart = places.len().div_ceil(ROWS_WITH_TICKS).max(1);
        let (ticks, labels) = places.iter().copied().zip(texts.iter().cloned()).step_by(apart).unzip();
        Self { range: first - margin..last + margin, ticks, logarithmic: false, decimals: 0, labels }
    }

    fn around([low, high]: [f64; 2]) -> Self {
        let margin = ((high - low) * 0.05).max(high.abs() * 1e-3).max(1e-12);
        Self::linear(low - margin..high + margin)
    }

    fn linear(range: Range<f64>) -> Self {
        let step = step(range.end - range.start);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        Self { ticks: multiples(step, &range), range, logarithmic: false, decimals, labels: Vec::new() }
    }

    fn logarithmic(exponents: Range<f64>) -> Self {
        let margin = (exponents.end - exponents.start) * 0.05;
        let exponents = exponents.start - margin..exponents.end + margin;
        let step = step(exponents.end - exponents.start).max(1.0);
        let ticks = multiples(step, &exponents).into_iter().map(|exponent| 10_f64.powf(exponent)).collect();
        let range = 10_f64.powf(exponents.start)..10_f64.powf(exponents.end);
        Self { range, ticks, logarithmic: true, decimals: 0, labels: Vec::new() }
    }

    /// Returns the place of a value relative to the range, 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let scaled = |value: f64| if self.logarithmic { value.log10() } else { value };
        let [start, end] = [self.range.start, self.range.end].map(scaled);
        (scaled(value) - start) / (end - start)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        start + (self.place(*value) * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Between the ticks there are no lighter lines.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        if let Some(place) = self.ticks.iter().position(|tick| tick.total_cmp(value).is_eq())
            && let Some(label) = self.labels.get(place)
        {
            return label.clone();
        }
        let usual = (1e-3..1e5).contains(value);
        match (self.logarithmic, usual) {
            (true, true) => value.to_string(),
            (true, false) => format!("{value:e}"),
            // More decimal places than fit beside the axis.
            (false, _) if self.decimals > 5 => format!("{value:.1e}"),
            // Adding zero makes a negative zero positive.
            (false, _) => format!("{:.*}", self.decimals, value + 0.0),
        }
    }
}

/// Returns the smallest of 1, 2 and 5 times a power of ten with which an axis of this length has few ticks.
fn step(length: f64) -> f64 {
    let least = length / MOST_TICKS;
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least)
        .unwrap_or(10.0 * power)
}

/// Returns the multiples of `step`, which is that of [`step`], within a range, ends included.
fn multiples(step: f64, range: &Range<f64>) -> Vec<f64> {
    let first = (range.start / step).ceil();
    let multiples = (0..=MOST_TICKS as i32).map(|i| (first + f64::from(i)) * step);
    multiples.take_while(|multiple| *multiple <= range.end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|tick| axis.format_ext(tick)).collect()
    }

    fn values(values: &[f64]) -> Axis {
        Axis::of_values(values.iter().copied())
    }

    #[test]
    fn ticks_are_at_whole_epochs() {
        let ticks = |last: i32| labels(&Axis::of_epochs((1..=last).map(f64::from)));
        assert_eq!(ticks(1), ["1"]);
        assert_eq!(ticks(3), ["1", "2", "3"]);
        assert_eq!(ticks(12), ["1", "2", "4", "6", "8", "10", "12"]);
        assert_eq!(ticks(13_000), ["1", "2000", "4000", "6000", "8000", "10000", "12000"]);
    }

    #[test]
    fn values_are_labelled_with_the_digits_that_tell_them_apart() {
        assert_eq!(labels(&values(&[0.9, 0.94])), ["0.90", "0.91", "0.92", "0.93", "0.94"]);
        assert_eq!(labels(&values(&[1.0, 0.0001])), ["1e-4", "0.001", "0.01", "0.1", "1"]);
        assert_eq!(labels(&values(&[1e-12, 1.0])), ["1e-12", "1e-10", "1e-8", "1e-6", "1e-4", "0.01", "1"]);
        assert_eq!(labels(&values(&[-1.0, 1.0])).first().unwrap(), "-1.0");
    }

    #[test]
    fn rows_are_labelled_with_their_text() {
        let texts: Vec<String> = (0..11).map(|row| format!("day {row}")).collect();
        let places: Vec<f64> = (0..11).map(|row| f64::from(row) * 86400.0).collect();
        assert_eq!(labels(&Axis::of_rows(&places, &texts)), ["day 0", "day 3", "day 6", "day 9"]);
        let none = Axis::of_rows(&[], &[]);
        assert!(none.range.start < none.range.end);
    }

    #[test]
    fn a_logarithmic_axis_gives_each_decade_the_same_length() {
        let axis = values(&[1e-3, 1.0]);
        let places: Vec<i32> = [1e-3, 1e-2, 1e-1, 1.0].map(|value| axis.map(&value, (330, 0))).to_vec();
        assert_eq!(places, [315, 215, 115, 15]);
    }

    #[test]
    fn equal_values_and_none_have_an_axis() {
        for axis in [values(&[]), values(&[0.0]), values(&[5.0, 5.0]), values(&[1e9])] {
            assert!(axis.range.start < axis.range.end, "{axis:?}");
            assert!((2..12).contains(&axis.ticks.len()), "{axis:?}");
        }
    }
}
