//! How much a key of the space matters: the share of the variance of the ranks of the trials that the key explains alone.
//!
//! The trials are ranked by their scores at the first rung, where all of them are compared after the same number of epochs. For numbers the
//! ranks are fitted by a parabola in the rank of the value, so that an optimum within the range counts as much as one at its end; for
//! choices by the mean rank of each choice. The share is the adjusted R² = 1 − (1 − R²)(n − 1)/(n − p − 1) of n trials and a fit with p
//! parameters beside the constant, which is about 0 for a key that does not matter, and is cut at 0. Keys that matter only together are
//! not found by it.

use super::halving::order;
use super::plan::Plan;
use super::space::Parameter;
use super::trial::Trial;
use crate::policies::Scores;
use serde_json::Value;
use std::cmp::Ordering;

/// The importance of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// The key.
    pub key: String,
    /// The share of the variance, 0 to 1; none for too few trials.
    pub share: Option<f64>,
    /// The number of trials in which the key had a value.
    pub trials: usize,
}

/// Returns the importance of each key, in the order of the space.
pub fn importance(plan: &Plan, trials: &[Trial]) -> Vec<Importance> {
    let selection = plan.base.selection;
    let of_key = |parameter: &Parameter| {
        let known: Vec<(&Value, Scores)> = trials
            .iter()
            .filter_map(|trial| Some((trial.values.get(&parameter.key)?, trial.results.first()?.scores())))
            .collect();
        let ranks = ranks(&known, |a, b| order(selection, a.1, b.1));
        let share = match parameter.range.is_numeric() {
            true => {
                let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
                parabola(&self::ranks(&known, |a, b| number(a.0).total_cmp(&number(b.0))), &ranks)
            }
            false => groups(&known.iter().map(|(value, _)| *value).collect::<Vec<_>>(), &ranks),
        };
        Importance { key: parameter.key.clone(), share, trials: known.len() }
    };
    plan.space.parameters().iter().map(of_key).collect()
}

/// Returns the rank of each item, from 1; equal items share the mean of their ranks.
fn ranks<T>(items: &[T], order: impl Fn(&T, &T) -> Ordering) -> Vec<f64> {
    items
        .iter()
        .map(|item| {
            let count =
                |wanted: Ordering| items.iter().filter(|other| order(other, item) == wanted).count() as f64;
            count(Ordering::Less) + f64::midpoint(count(Ordering::Equal), 1.0)
        })
        .collect()
}

/// The share that a parabola in `x` explains of `y`.
fn parabola(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = (centred(x), centred(y));
    let squares = centred(&x.iter().map(|x| x * x).collect::<Vec<_>>());
    // The part of the squares that is orthogonal to the line.
    let slope = dot(&squares, &x) / dot(&x, &x);
    let bend: Vec<f64> = squares.iter().zip(&x).map(|(square, x)| square - slope * x).collect();
    let total = dot(&y, &y);
    let explained = |fit: &[f64]| dot(fit, &y).powi(2) / dot(fit, fit);
    // Two different values have no bend.
    let has_bend = dot(&bend, &bend) > 1e-9 * dot(&squares, &squares);
    let sum = explained(&x) + if has_bend { explained(&bend) } else { 0.0 };
    adjusted(sum / total, y.len(), if has_bend { 2 } else { 1 })
}

/// The share that the means of the groups of equal `values` explain of `y`.
fn groups(values: &[&Value], y: &[f64]) -> Option<f64> {
    let y = centred(y);
    let mut seen: Vec<&Value> = Vec::new();
    let mut between = 0.0;
    for value in values {
        if !seen.contains(value) {
            seen.push(value);
            let group: Vec<f64> =
                y.iter().zip(values).filter(|(_, other)| *other == value).map(|(y, _)| *y).collect();
            between += group.iter().sum::<f64>().powi(2) / group.len() as f64;
        }
    }
    adjusted(between / dot(&y, &y), y.len(), seen.len().saturating_sub(1))
}

fn adjusted(share: f64, trials: usize, parameters: usize) -> Option<f64> {
    let free = trials.checked_sub(parameters + 1).filter(|free| *free > 0 && parameters > 0)?;
    let adjusted = 1.0 - (1.0 - share) * (trials as f64 - 1.0) / free as f64;
    adjusted.is_finite().then(|| adjusted.clamp(0.0, 1.0))
}

fn centred(numbers: &[f64]) -> Vec<f64> {
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    numbers.iter().map(|number| number - mean).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::random::SplitMix64;

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-9)
    }

    fn numbers(count: i32, of: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let x: Vec<f64> = (1..=count).map(f64::from).collect();
        let y = x.iter().map(|x| of(*x)).collect();
        (x, y)
    }

    #[test]
    fn a_line_and_an_optimum_in_the_middle_explain_everything_and_noise_nearly_nothing() {
        let (x, y) = numbers(20, |x| 21.0 - x);
        assert!(near(parabola(&x, &y), 1.0));
        let (x, y) = numbers(21, |x| (x - 11.0).powi(2));
        assert!(near(parabola(&x, &y), 1.0));
        let mut shares = Vec::new();
        for seed in 0..200 {
            let noise = SplitMix64::new(seed).permutation(20);
            let y: Vec<f64> = noise.iter().map(|place| *place as f64).collect();
            shares.push(parabola(&numbers(20, |x| x).0, &y).unwrap());
        }
        let mean = shares.iter().sum::<f64>() / 200.0;
        assert!(mean < 0.08, "{mean}");
    }

    #[test]
    fn groups_and_the_adjustment_are_those_of_the_formula() {
        let [a, b] = ["a", "b"].map(Value::from);
        let values = [&a, &a, &b, &b];
        assert!(near(groups(&values, &[1.0, 1.0, 4.0, 4.0]), 1.0));
        // R² = 4 · 1² / 5 = 0.8, adjusted 1 − 0.2 · 3/2.
        assert!(near(groups(&values, &[1.0, 2.0, 3.0, 4.0]), 0.7));
        assert_eq!(groups(&[&a, &a, &a], &[1.0, 2.0, 3.0]), None, "one group explains nothing");
        assert_eq!(groups(&[&a, &b], &[1.0, 2.0]), None, "too few trials");
        assert_eq!((parabola(&[], &[]), groups(&[], &[])), (None, None));
        assert_eq!(parabola(&[1.0, 2.0, 3.0, 4.0], &[2.0; 4]), None, "equal scores have no variance");
        // Two values: a line is all there is.
        assert!(near(parabola(&[1.5, 1.5, 3.5, 3.5], &[1.0, 2.0, 3.0, 4.0]), 0.7));
    }

    #[test]
    fn equal_items_share_the_mean_of_their_ranks() {
        assert_eq!(ranks(&[3, 1, 3, 2], Ord::cmp), [3.5, 1.0, 3.5, 2.0]);
    }
}
