use super::*;
use lnn_core::random::SplitMix64;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn rungs_grow_by_the_factor_and_end_with_the_epochs() {
    assert_eq!(Search::HALVING.rungs(27), [1, 3, 9, 27]);
    assert_eq!(Search::Halving { first: 2, factor: 4 }.rungs(30), [2, 8, 30]);
    assert_eq!(Search::Halving { first: 1, factor: u64::MAX }.rungs(5), [1, 5]);
    assert_eq!(Search::Random.rungs(27), [27]);
}

#[test]
fn a_search_without_room_for_rungs_is_refused() {
    assert!(Search::Halving { first: 9, factor: 3 }.problem(9).unwrap().contains("fewer than the 9"));
    assert!(Search::Halving { first: 0, factor: 3 }.problem(9).is_some());
    assert!(Search::Halving { first: 1, factor: 1 }.problem(9).unwrap().contains("at least 2"));
    assert_eq!((Search::HALVING.problem(2), Search::Random.problem(1)), (None, None));
}

/// What ends a sweep that runs on several workers in a random order.
struct Simulated {
    trials: Vec<Standing>,
    /// Each promotion: the trial, its new rung, and how many had reached the rung below.
    promotions: Vec<(usize, usize, usize)>,
}

/// Runs a sweep to its end. `score` gives the scores of a trial at a rung; those that it gives none for fail there.
fn simulate(
    (rungs, factor, most, workers): (usize, usize, usize, usize),
    random: &mut SplitMix64,
    score: impl Fn(usize, usize) -> Option<f64>,
    check: impl Fn(&[Standing], Decision),
) -> Simulated {
    let mut sweep = Simulated { trials: Vec::new(), promotions: Vec::new() };
    let mut running = Vec::new();
    loop {
        let decision = decide(&sweep.trials, rungs, factor, Selection::Loss, most);
        check(&sweep.trials, decision);
        let free = running.len() < workers;
        match decision {
            Decision::Promote { trial, rung } if free => {
                let below = sweep.trials.iter().filter(|trial| trial.reached.len() >= rung).count();
                sweep.promotions.push((trial, rung, below));
                sweep.trials[trial].target = rung;
                running.push(trial);
                continue;
            }
            Decision::Begin if free => {
                running.push(sweep.trials.len());
                sweep.trials.push(Standing::default());
                continue;
            }
            Decision::Over => return sweep,
            Decision::Wait => assert!(!running.is_empty(), "nothing is under way to wait for"),
            Decision::Promote { .. } | Decision::Begin => {}
        }
        let trial = running.swap_remove(random.below(running.len() as u64) as usize);
        match score(trial, sweep.trials[trial].target) {
            Some(loss) => sweep.trials[trial].reached.push((loss, None)),
            None => sweep.trials[trial].failed = true,
        }
    }
}

/// The rule of the paper, written down as its algorithm: `get_job` with `top_k` of each rung and the set of those that were promoted.
fn get_job(trials: &[Standing], rungs: usize, factor: usize) -> Option<(usize, usize)> {
    for rung in (0..rungs - 1).rev() {
        let mut losses: Vec<(f64, usize)> = trials
            .iter()
            .enumerate()
            .filter_map(|(i, trial)| Some((trial.reached.get(rung)?.0, i)))
            .collect();
        losses.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let candidates: Vec<usize> = losses.iter().take(losses.len() / factor).map(|(_, i)| *i).collect();
        let promoted: BTreeSet<usize> = (0..trials.len()).filter(|i| trials[*i].target > rung).collect();
        if let Some(trial) = candidates.into_iter().find(|trial| !promoted.contains(trial)) {
            return Some((trial, rung + 1));
        }
    }
    None
}

proptest! {
    #[test]
    fn promotions_are_those_of_the_algorithm_of_the_paper_whatever_the_order_of_the_results(
        seed: u64, rungs in 1_usize..5, factor in 2_usize..5, most in 1_usize..40, workers in 1_usize..6, failing in 0_u64..4,
    ) {
        let random = |trial: usize, rung: usize, what: u64| lnn_core::derive_seed(seed, &[trial as u64, rung as u64, what]);
        // Few different losses, so that there are equal ones.
        let score = |trial, rung| (random(trial, rung, 1) % 10 >= failing).then(|| (random(trial, rung, 2) % 20) as f64);
        let mut order = SplitMix64::new(seed);
        let sweep = simulate((rungs, factor, most, workers), &mut order, score, |trials, decision| {
            match (get_job(trials, rungs, factor), decision) {
                (Some((trial, rung)), decision) => assert_eq!(decision, Decision::Promote { trial, rung }),
                (None, Decision::Promote { .. }) => {
                    // Beyond the paper: the end of a sweep without a winner.
                    assert!(trials.len() == most && !trials.iter().any(Standing::is_under_way));
                    assert!(!trials.iter().any(|trial| trial.reached.len() == rungs));
                }
                (None, _) => {}
            }
        });
        prop_assert_eq!(sweep.trials.len(), most);
        let ended = |trial: &Standing| trial.failed || trial.reached.len() == trial.target + 1;
        prop_assert!(sweep.trials.iter().all(ended));
        // A winner was trained to the end, unless all that could be one have failed.
        let winner = sweep.trials.iter().any(|trial| trial.reached.len() == rungs);
        let stuck = sweep.trials.iter().all(|trial| trial.failed);
        prop_assert!(winner || stuck, "{:?}", sweep.trials);
        for rung in 1..rungs {
            let promoted: Vec<_> = sweep.promotions.iter().filter(|(_, to, _)| *to == rung).collect();
            let reached = sweep.trials.iter().filter(|trial| trial.reached.len() >= rung).count();
            let distinct: BTreeSet<usize> = promoted.iter().map(|(trial, ..)| *trial).collect();
            prop_assert_eq!(distinct.len(), promoted.len(), "a trial is promoted once");
            prop_assert!(promoted.len() <= reached);
        }
    }
}

#[test]
fn a_third_goes_on_and_the_best_trial_of_a_sweep_without_luck_is_trained_to_the_end() {
    let run = |most| {
        let sweep =
            simulate((4, 3, most, 1), &mut SplitMix64::new(0), |trial, _| Some(trial as f64), |_, _| {});
        let at = |rung: usize| sweep.trials.iter().filter(|trial| trial.reached.len() > rung).count();
        ([at(0), at(1), at(2), at(3)], sweep.trials[0].reached.len())
    };
    // Trials come from the best to the worst, so that no later result takes a place among the best.
    assert_eq!(run(27), ([27, 9, 3, 1], 4));
    assert_eq!(run(8), ([8, 2, 1, 1], 4));
    assert_eq!(run(1), ([1, 1, 1, 1], 4));
}

#[test]
fn accuracy_counts_first_where_the_selection_says_so() {
    let trial = |loss, accuracy| Standing { reached: vec![(loss, Some(accuracy))], ..Standing::default() };
    let trials = [trial(0.1, 0.8), trial(0.9, 0.9), trial(0.5, 0.7)];
    let chosen = |selection| decide(&trials, 2, 3, selection, 3);
    assert_eq!(chosen(Selection::Accuracy), Decision::Promote { trial: 1, rung: 1 });
    assert_eq!(chosen(Selection::Loss), Decision::Promote { trial: 0, rung: 1 });
}
