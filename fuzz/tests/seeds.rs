//! The seeds of every target are read without a panic, an abort or much memory, and so are simple damages of them.

use lnn_fuzz::TARGETS;
use std::path::Path;

/// The seeds of a target with their names, at least one.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut seeds: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} holds no seed", folder.display());
    seeds
}

#[test]
fn every_target_takes_its_seeds_their_truncations_and_their_bits_turned_over() {
    for (name, target) in TARGETS {
        for (_, seed) in seeds(name) {
            target(&seed);
            // About fifty of each, spread over the seed.
            let step = seed.len().div_ceil(50).max(1);
            for place in (0..seed.len()).step_by(step) {
                target(&seed[..place]);
                let mut damaged = seed.clone();
                damaged[place] ^= 1 << (place % 8);
                target(&damaged);
            }
        }
        target(&[]);
    }
}

#[test]
fn a_target_that_does_not_exist_is_refused_with_those_that_do() {
    let error = std::panic::catch_unwind(|| lnn_fuzz::target("zip")).unwrap_err();
    assert!(error.downcast_ref::<String>().is_some_and(|text| text.contains("npy, npz, config, checkpoint")));
}
