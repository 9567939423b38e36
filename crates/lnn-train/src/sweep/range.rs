//! The values that a key of the configuration may have in a sweep, and how one is drawn.

use lnn_core::random::SplitMix64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How numbers are spread over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Differences count: each stretch of the same length is equally probable.
    #[default]
    Linear,
    /// Ratios count: each decade is equally probable.
    Log,
}

/// The values of one key. Both ends of a range of numbers belong to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Range {
    /// Real numbers, drawn with 6 digits.
    Float {
        /// The smallest number.
        from: f64,
        /// The largest number.
        to: f64,
        /// How numbers are spread.
        #[serde(default)]
        scale: Scale,
    },
    /// Whole numbers.
    Integer {
        /// The smallest number.
        from: i64,
        /// The largest number.
        to: i64,
        /// The distance between numbers.
        #[serde(default = "one")]
        step: i64,
        /// How numbers are spread.
        #[serde(default)]
        scale: Scale,
    },
    /// Some values, each with the same probability.
    Choice {
        /// The values.
        values: Vec<Value>,
    },
}

fn one() -> i64 {
    1
}

/// The largest magnitude of a whole number, so that it is exact in every format and counts do not overflow.
const LARGEST: i64 = 1 << 53;

impl Range {
    /// Returns what is wrong with the range, if anything is.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Float { from, to, scale } => {
                if !(from.is_finite() && to.is_finite()) {
                    return Some(format!("expected finite ends, found {from} and {to}"));
                }
                empty(from < to, &from, &to).or_else(|| not_above_zero(*scale, *from > 0.0, &from))
            }
            Self::Integer { from, to, step, scale } => {
                if from.abs().max(to.abs()) > LARGEST {
                    return Some(format!("expected ends of at most 2^53, found {from} and {to}"));
                }
                empty(from < to, &from, &to)
                    .or_else(|| not_above_zero(*scale, *from > 0, &from))
                    .or_else(|| (*step < 1).then(|| format!("step: expected at least 1, found {step}")))
                    .or_else(|| {
                        (*scale == Scale::Log && *step != 1)
                            .then(|| "a logarithmic range has no step; hint: leave it out".into())
                    })
            }
            Self::Choice { values } if values.is_empty() => {
                Some("expected at least one value to choose from, found none".into())
            }
            Self::Choice { values } => {
                let twice = values.iter().enumerate().find(|(place, value)| values[..*place].contains(value));
                twice.map(|(_, value)| format!("{value} is among the values twice"))
            }
        }
    }

    /// Draws a value.
    pub fn draw(&self, random: &mut SplitMix64) -> Value {
        match self {
            Self::Float { from, to, scale: Scale::Linear } => {
                shortened(from + (to - from) * random.uniform(), *from, *to).into()
            }
            Self::Float { from, to, scale: Scale::Log } => {
                let exponent = from.ln() + (to.ln() - from.ln()) * random.uniform();
                shortened(exponent.exp(), *from, *to).into()
            }
            Self::Integer { from, to, step, scale: Scale::Linear } => {
                let steps = (to - from) / step + 1;
                (from + step * random.below(steps as u64) as i64).into()
            }
            Self::Integer { from, to, scale: Scale::Log, .. } => {
                // Each number has the stretch up to the next one.
                let ends = [*from as f64, *to as f64 + 1.0].map(f64::ln);
                let drawn = (ends[0] + (ends[1] - ends[0]) * random.uniform()).exp().floor();
                (drawn as i64).clamp(*from, *to).into()
            }
            Self::Choice { values } => values[random.below(values.len() as u64) as usize].clone(),
        }
    }

    /// Whether the value belongs to the range.
    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Float { from, to, .. } => {
                value.as_f64().is_some_and(|value| (*from..=*to).contains(&value))
            }
            Self::Integer { from, to, step, .. } => value
                .as_i64()
                .is_some_and(|value| (*from..=*to).contains(&value) && (value - from) % step == 0),
            Self::Choice { values } => values.contains(value),
        }
    }

    /// Returns the values that stand for all others when the range is checked: both ends, or all choices.
    pub fn ends(&self) -> Vec<Value> {
        match self {
            Self::Float { from, to, .. } => vec![(*from).into(), (*to).into()],
            Self::Integer { from, to, step, .. } => {
                vec![(*from).into(), (from + (to - from) / step * step).into()]
            }
            Self::Choice { values } => values.clone(),
        }
    }

    /// Returns the place of a value between the smallest and the largest, 0 to 1, by the scale of the range; none for another value.
    pub fn place(&self, value: &Value) -> Option<f64> {
        let between = |[from, to]: [f64; 2], scale: Scale, value: f64| {
            let [from, to, value] = [from, to, value].map(|x| if scale == Scale::Log { x.ln() } else { x });
            (value - from) / (to - from)
        };
        match self {
            Self::Float { from, to, scale } => Some(between([*from, *to], *scale, value.as_f64()?)),
            Self::Integer { from, to, scale, .. } => {
                Some(between([*from as f64, *to as f64], *scale, value.as_f64()?))
            }
            Self::Choice { values } => {
                let place = values.iter().position(|known| known == value)?;
                Some(if values.len() == 1 { 0.5 } else { place as f64 / (values.len() - 1) as f64 })
            }
        }
    }

    /// Whether its values are numbers in an order that means something.
    pub fn is_numeric(&self) -> bool {
        !matches!(self, Self::Choice { .. })
    }
}

/// A number with 6 digits, which a person can read and copy, within the range.
fn shortened(number: f64, from: f64, to: f64) -> f64 {
    let short: f64 = format!("{number:.5e}").parse().expect("a number in this format is a number");
    short.clamp(from, to)
}

fn empty<T: std::fmt::Display>(increases: bool, from: &T, to: &T) -> Option<String> {
    (!increases).then(|| {
        format!("expected a range whose end is above its start, found {from} to {to}; hint: a fixed value is a key of `config`")
    })
}

fn not_above_zero<T: std::fmt::Display>(scale: Scale, positive: bool, from: &T) -> Option<String> {
    (scale == Scale::Log && !positive).then(|| {
        format!("a logarithmic range starts above 0, found {from}; hint: a small number above 0, or \"scale\": \"linear\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn float(from: f64, to: f64, scale: Scale) -> Range {
        Range::Float { from, to, scale }
    }

    fn integer(from: i64, to: i64, step: i64, scale: Scale) -> Range {
        Range::Integer { from, to, step, scale }
    }

    #[test]
    fn a_range_that_cannot_be_drawn_from_says_why() {
        let cases = [
            (float(1.0, 1.0, Scale::Linear), "above its start, found 1 to 1"),
            (float(2.0, 1.0, Scale::Linear), "above its start"),
            (float(0.0, 1.0, Scale::Log), "starts above 0, found 0"),
            (float(-1.0, 1.0, Scale::Log), "starts above 0, found -1"),
            (float(0.0, f64::INFINITY, Scale::Linear), "finite ends"),
            (integer(5, 4, 1, Scale::Linear), "above its start"),
            (integer(0, 4, 1, Scale::Log), "starts above 0"),
            (integer(0, 4, 0, Scale::Linear), "step: expected at least 1"),
            (integer(1, 4, 2, Scale::Log), "has no step"),
            (integer(0, i64::MAX, 1, Scale::Linear), "at most 2^53"),
            (Range::Choice { values: vec![] }, "found none"),
            (Range::Choice { values: vec![1.into(), 2.into(), 1.into()] }, "1 is among the values twice"),
        ];
        for (range, expected) in cases {
            assert!(
                range.problem().is_some_and(|text| text.contains(expected)),
                "{range:?}: {:?}",
                range.problem()
            );
        }
        assert_eq!(float(-1.0, 1.0, Scale::Linear).problem(), None);
        assert_eq!(integer(1, 2, 1, Scale::Log).problem(), None);
    }

    /// Draws many values and counts them by the class that `of` gives them.
    fn counts<const N: usize>(range: &Range, of: impl Fn(&Value) -> usize) -> [f64; N] {
        let mut counts = [0.0; N];
        for seed in 0..20_000 {
            counts[of(&range.draw(&mut SplitMix64::new(seed)))] += 1.0;
        }
        counts.map(|count| count / 20_000.0)
    }

    /// Five times the deviation of a fraction of 20,000 draws.
    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 5.0 * (expected * (1.0 - expected) / 20_000.0).sqrt()
    }

    #[test]
    fn each_stretch_of_a_linear_range_and_each_decade_of_a_logarithmic_one_is_equally_probable() {
        let linear = float(-2.0, 6.0, Scale::Linear);
        for fraction in counts::<8>(&linear, |value| (value.as_f64().unwrap() + 2.0).floor() as usize) {
            assert!(near(fraction, 1.0 / 8.0), "{fraction}");
        }
        let log = float(1e-4, 1.0, Scale::Log);
        for fraction in
            counts::<4>(&log, |value| (value.as_f64().unwrap().log10() + 4.0).floor().min(3.0) as usize)
        {
            assert!(near(fraction, 1.0 / 4.0), "{fraction}");
        }
    }

    #[test]
    fn whole_numbers_and_choices_have_the_probabilities_that_their_scale_gives_them() {
        let steps = integer(16, 70, 16, Scale::Linear);
        for fraction in counts::<4>(&steps, |value| value.as_i64().unwrap() as usize / 16 - 1) {
            assert!(near(fraction, 0.25), "{fraction}");
        }
        let log = integer(1, 7, 1, Scale::Log);
        for (place, fraction) in
            counts::<7>(&log, |value| value.as_i64().unwrap() as usize - 1).iter().enumerate()
        {
            let number = place as f64 + 1.0;
            assert!(near(*fraction, ((number + 1.0) / number).ln() / 8_f64.ln()), "{number}: {fraction}");
        }
        let choice = Range::Choice { values: vec!["a".into(), Value::Null, 3.into()] };
        for fraction in counts::<3>(&choice, |value| match value {
            Value::String(_) => 0,
            Value::Null => 1,
            _ => 2,
        }) {
            assert!(near(fraction, 1.0 / 3.0), "{fraction}");
        }
    }

    proptest! {
        #[test]
        fn what_is_drawn_belongs_to_its_range_and_the_ends_do(
            (a, b) in (-1e6_f64..1e6, -1e6_f64..1e6), (m, n) in (-10_000_i64..10_000, -10_000_i64..10_000),
            step in 1_i64..50, seed: u64, log: bool,
        ) {
            prop_assume!((a - b).abs() > 1e-6 && m != n);
            let scale = if log { Scale::Log } else { Scale::Linear };
            let positive = |x: f64| if log { x.abs() + 1e-9 } else { x };
            let (a, b) = (positive(a), positive(b));
            let whole = |x: i64| if log { x.abs() + 1 } else { x };
            let (m, n) = (whole(m), whole(n));
            prop_assume!(a.to_bits() != b.to_bits() && m != n);
            let step = if log { 1 } else { step };
            for range in [float(a.min(b), a.max(b), scale), integer(m.min(n), m.max(n), step, scale)] {
                prop_assert_eq!(range.problem(), None);
                let drawn = range.draw(&mut SplitMix64::new(seed));
                prop_assert!(range.contains(&drawn), "{:?} of {:?}", drawn, range);
                prop_assert!(range.ends().iter().all(|end| range.contains(end)));
            }
        }
    }
}
