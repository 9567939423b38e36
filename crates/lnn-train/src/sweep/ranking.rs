//! The order of the trials of a sweep by validation.

use super::halving::order;
use super::trial::Trial;
use crate::policies::Selection;
use std::cmp::{Ordering, Reverse};

/// Orders trials: those that have come further first, because scores at different rungs do not compare; then by their scores at the last rung
/// that they have reached, then by number. Failed ones are last.
pub fn rank(trials: &mut [Trial], selection: Selection) {
    trials.sort_by(|a, b| {
        let place = |trial: &Trial| (trial.failure.is_some(), Reverse(trial.results.len()));
        let scores = match (a.results.last(), b.results.last()) {
            (Some(a), Some(b)) => order(selection, a.scores(), b.scores()),
            _ => Ordering::Equal,
        };
        place(a).cmp(&place(b)).then(scores).then(a.number.cmp(&b.number))
    });
}

/// Returns the winner among ranked trials; none if no trial has reached a rung, or only failed ones have.
pub fn winner(ranked: &[Trial]) -> Option<&Trial> {
    ranked.first().filter(|trial| trial.failure.is_none() && !trial.results.is_empty())
}

/// Where a trial stands, in a word.
pub fn status(trial: &Trial, rungs: usize) -> &'static str {
    match trial {
        Trial { failure: Some(_), .. } => "failed",
        _ if trial.results.len() == rungs => "finished",
        _ if trial.standing().is_under_way() && trial.lease.is_some() => "training",
        _ if trial.standing().is_under_way() => "waiting",
        _ => "paused",
    }
}

#[cfg(test)]
mod tests {
    use super::super::space::Values;
    use super::super::trial::RungResult;
    use super::*;

    fn trial(number: u64, losses: &[f64], failed: bool) -> Trial {
        let result = |val_loss: &f64| RungResult {
            rung_epochs: 1,
            epochs: 1,
            val_loss: *val_loss,
            val_accuracy: None,
            best_epoch: 1,
            seconds: 1.0,
        };
        let results: Vec<RungResult> = losses.iter().map(result).collect();
        let failure = failed.then(|| "out of memory".to_owned());
        let target = losses.len().saturating_sub(1);
        Trial { number, values: Values::new(), given: None, target, results, failure, lease: None }
    }

    fn order_of(mut trials: Vec<Trial>) -> (Vec<u64>, Option<u64>) {
        rank(&mut trials, Selection::Loss);
        (trials.iter().map(|trial| trial.number).collect(), winner(&trials).map(|trial| trial.number))
    }

    #[test]
    fn who_has_come_further_is_first_then_the_score_counts_and_failed_trials_are_last() {
        let trials = vec![
            trial(1, &[0.1], false),
            trial(2, &[0.9, 0.8], false),
            trial(3, &[0.9, 0.5], false),
            trial(4, &[0.2, 0.1], true),
            trial(5, &[], false),
            trial(6, &[0.1], false),
        ];
        assert_eq!(order_of(trials), (vec![3, 2, 1, 6, 5, 4], Some(3)));
    }

    #[test]
    fn a_sweep_without_a_result_has_no_winner() {
        assert_eq!(order_of(vec![trial(1, &[], false), trial(2, &[0.5], true)]).1, None);
        assert_eq!(order_of(vec![]), (vec![], None));
    }
}
