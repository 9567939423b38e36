//! Which trial trains next: random search, or asynchronous successive halving (ASHA; Li et al., "A System for Massively Parallel
//! Hyperparameter Tuning", `MLSys` 2020, algorithm 2).
//!
//! A trial pauses at rungs, numbers of epochs r₀ < r₁ < … < the epochs of its schedule. Of the n trials that have reached rung k, the best
//! ⌊n/η⌋ go on to rung k + 1. Nobody waits: whenever somebody is free, the highest rung that allows a promotion gives one, and otherwise
//! a new trial begins. Random search is the same with one rung.

use crate::policies::{Scores, Selection};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// How a sweep searches its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Search {
    /// Random search: every trial trains to the end.
    #[default]
    Random,
    /// Successive halving: the best of each rung go on.
    Halving {
        /// The epochs of the first rung.
        #[serde(default = "first")]
        first: u64,
        /// η: one of so many trials goes on, for so many times the epochs.
        #[serde(default = "factor")]
        factor: u64,
    },
}

fn first() -> u64 {
    1
}

fn factor() -> u64 {
    3
}

impl Search {
    /// Successive halving with its defaults.
    pub const HALVING: Self = Self::Halving { first: 1, factor: 3 };

    /// Returns the epochs of each rung, of which the last one is `epochs`.
    pub fn rungs(self, epochs: u64) -> Vec<u64> {
        let Self::Halving { first, factor } = self else { return vec![epochs] };
        let rungs = std::iter::successors(Some(first), |rung| rung.checked_mul(factor));
        rungs.take_while(|rung| *rung < epochs).chain([epochs]).collect()
    }

    /// Returns what is wrong with the search for trials of `epochs` epochs, if anything is.
    pub fn problem(self, epochs: u64) -> Option<String> {
        let Self::Halving { first, factor } = self else { return None };
        if factor < 2 {
            return Some(format!("search: factor: expected at least 2, found {factor}"));
        }
        (first < 1 || first >= epochs).then(|| {
            format!(
                "search: first: expected at least 1 epoch and fewer than the {epochs} of a trial, found {first}; hint: more epochs, or \
                 {{\"kind\": \"random\"}}"
            )
        })
    }

    /// η, of which random search makes no use.
    pub(super) fn factor(self) -> usize {
        match self {
            Self::Random => 2,
            Self::Halving { factor, .. } => usize::try_from(factor).unwrap_or(usize::MAX),
        }
    }
}

/// How far a trial has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// The best validation scores up to each rung that it has reached.
    pub reached: Vec<Scores>,
    /// The rung that it was sent to.
    pub target: usize,
    /// Whether it has failed.
    pub failed: bool,
}

impl Standing {
    /// Whether it is still on its way to its rung.
    pub fn is_under_way(&self) -> bool {
        !self.failed && self.reached.len() <= self.target
    }
}

/// What comes next in a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A trial goes on to a rung.
    Promote {
        /// Its place among all trials.
        trial: usize,
        /// The rung.
        rung: usize,
    },
    /// A new trial begins.
    Begin,
    /// Nothing, until a trial that is under way has reached its rung.
    Wait,
    /// The sweep is over.
    Over,
}

/// Decides what comes next for a sweep of `rungs` rungs and at most `most` trials. When nothing else is left to do and no trial has come to
/// the last rung, the best one of the highest rung goes on until one has, so that a sweep has a winner that was trained to the end.
pub fn decide(
    trials: &[Standing],
    rungs: usize,
    factor: usize,
    selection: Selection,
    most: usize,
) -> Decision {
    for rung in (0..rungs.saturating_sub(1)).rev() {
        let ranked = ranked(trials, rung, selection);
        let best = ranked.iter().take(ranked.len() / factor).find(|trial| trials[**trial].target <= rung);
        if let Some(&trial) = best {
            return Decision::Promote { trial, rung: rung + 1 };
        }
    }
    if trials.len() < most {
        return Decision::Begin;
    }
    if trials.iter().any(Standing::is_under_way) {
        return Decision::Wait;
    }
    if trials.iter().any(|trial| trial.reached.len() == rungs) {
        return Decision::Over;
    }
    for rung in (0..rungs.saturating_sub(1)).rev() {
        let ranked = ranked(trials, rung, selection);
        if let Some(&trial) =
            ranked.iter().find(|trial| trials[**trial].target <= rung && !trials[**trial].failed)
        {
            return Decision::Promote { trial, rung: rung + 1 };
        }
    }
    Decision::Over
}

/// The trials that have reached a rung, the best first; the earlier one among equals.
fn ranked(trials: &[Standing], rung: usize, selection: Selection) -> Vec<usize> {
    let mut reached: Vec<usize> =
        (0..trials.len()).filter(|trial| trials[*trial].reached.len() > rung).collect();
    reached.sort_by(|a, b| order(selection, trials[*a].reached[rung], trials[*b].reached[rung]));
    reached
}

/// Orders scores, the better ones first.
pub(super) fn order(selection: Selection, a: Scores, b: Scores) -> Ordering {
    match (selection.better(a, b), selection.better(b, a)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
#[path = "halving_tests.rs"]
mod tests;
