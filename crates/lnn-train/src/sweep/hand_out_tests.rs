use super::super::plan::{Plan, SweepFile};
use super::*;
use std::collections::BTreeSet;
use std::sync::Barrier;

const WORKER: Worker = Worker { run: false, seconds: 600 };

fn plan(trials: u64) -> Plan {
    let file = serde_json::json!({
        "model": "liquid", "data": "sine", "config": {"epochs": 9}, "search": {"kind": "halving"}, "trials": trials,
        "space": {"optimizer.learning_rate": {"kind": "float", "from": 0.001, "to": 0.1}},
    });
    serde_json::from_value::<SweepFile>(file).unwrap().plan(&[]).unwrap()
}

fn job(next: Next) -> Option<(u64, usize)> {
    match next {
        Next::Job(job) => Some((job.trial.number, job.trial.target)),
        Next::Wait | Next::Over { .. } => None,
    }
}

#[test]
fn workers_that_ask_at_the_same_time_get_different_trials() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("sweep");
    let start = Barrier::new(6);
    let jobs: Vec<(u64, usize)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    // Each of them may be the one that begins the sweep.
                    let sweep = SweepFolder::open_or_create(&path, plan(20)).unwrap();
                    (0..4).filter_map(|_| job(sweep.next(WORKER).unwrap())).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(jobs.len(), 20, "the rest of 24 calls found nothing to do");
    assert_eq!(jobs.iter().collect::<BTreeSet<_>>().len(), 20, "{jobs:?}");
    let trials = SweepFolder::open(&path).unwrap().unwrap().trials().unwrap();
    let different: BTreeSet<String> =
        trials.iter().map(|trial| serde_json::json!(trial.values).to_string()).collect();
    assert_eq!((trials.len(), different.len()), (20, 20));
    assert!(trials.iter().all(|trial| trial.lease.is_some()));
}

#[test]
fn a_trial_that_was_given_back_or_whose_worker_died_before_its_lease_is_handed_out_next() {
    let parent = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::open_or_create(&parent.path().join("sweep"), plan(20)).unwrap();
    for number in 1..=3 {
        assert_eq!(job(sweep.next(WORKER).unwrap()), Some((number, 0)));
    }
    // As if the worker had died between the beginning of the trial and its lease.
    std::fs::remove_file(sweep.records.lease(2, 0)).unwrap();
    sweep.give_back(&sweep.trial(1).unwrap()).unwrap();
    assert_eq!(job(sweep.next(WORKER).unwrap()), Some((1, 0)));
    assert_eq!(job(sweep.next(WORKER).unwrap()), Some((2, 0)));
    assert_eq!(job(sweep.next(WORKER).unwrap()), Some((4, 0)));
}

#[test]
fn a_trial_with_given_values_waits_for_its_worker_and_then_belongs_to_anybody() {
    let parent = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::open_or_create(&parent.path().join("sweep"), plan(1)).unwrap();
    let values = serde_json::json!({"optimizer.learning_rate": 0.05}).as_object().unwrap().clone();
    let given = sweep.next_with(&values, WORKER).unwrap();
    assert_eq!((given.trial.number, &given.trial.values, given.epochs), (1, &values, Some(1)));
    sweep.give_back(&given.trial).unwrap();
    assert!(job(sweep.next(WORKER).unwrap()).is_none(), "its worker may be about to take it");
    let record = sweep.records.of_trial(1, "json");
    let beginning = Beginning { values, given: Some(now().as_secs() - GRACE - 1) };
    std::fs::write(&record, json(&beginning)).unwrap();
    assert_eq!(job(sweep.next(WORKER).unwrap()), Some((1, 0)));
}
