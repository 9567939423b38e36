//! The choice of the training images that are held out for validation: a permutation that is determined by the seed, so that a
//! resumed run holds out the same images as before.

use crate::error::DataError;
use lnn_core::random::SplitMix64;

/// Returns `(training, validation)` positions in `0..n`: `round(n · validation_fraction)` of them are drawn for validation by a
/// permutation that depends on `n` and `seed` only. The positions are disjoint, together complete, and both in ascending order; a
/// larger fraction with the same seed holds out a superset.
///
/// # Errors
/// [`DataError::BadSplit`] unless `0 ≤ validation_fraction < 1` and at least one example is left for training.
pub fn split(n: usize, validation_fraction: f64, seed: u64) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let bad = |reason| DataError::BadSplit { n, fraction: validation_fraction, reason };
    if !(0.0..1.0).contains(&validation_fraction) {
        return Err(bad("a fraction from 0 (inclusive) to 1 (exclusive) is expected"));
    }
    let held_out = (n as f64 * validation_fraction).round() as usize;
    if held_out >= n {
        return Err(bad("nothing would be left for training"));
    }
    let mut order = SplitMix64::new(seed).permutation(n);
    let mut training = order.split_off(held_out);
    training.sort_unstable();
    order.sort_unstable();
    Ok((training, order))
}

/// Returns `count` of `positions` (all, if there are not more), evenly spread, because a set may be sorted by class.
pub fn thinned(positions: &[usize], count: usize) -> Vec<usize> {
    let count = count.min(positions.len());
    (0..count).map(|i| positions[i * positions.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_parts_are_disjoint_and_complete() {
        for (n, fraction, expected) in [(1, 0.0, 0), (2, 0.5, 1), (10, 0.1, 1), (1001, 0.3, 300)] {
            for seed in [0, 1, u64::MAX] {
                let (training, validation) = split(n, fraction, seed).unwrap();
                assert_eq!(validation.len(), expected);
                let mut all = [training, validation].concat();
                all.sort_unstable();
                assert_eq!(all, (0..n).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_split_and_another_seed_another() {
        assert_eq!(split(1000, 0.2, 7).unwrap(), split(1000, 0.2, 7).unwrap());
        assert_ne!(split(1000, 0.2, 7).unwrap(), split(1000, 0.2, 8).unwrap());
    }

    #[test]
    fn a_larger_fraction_holds_out_a_superset() {
        let (_, small) = split(500, 0.1, 3).unwrap();
        let (_, large) = split(500, 0.4, 3).unwrap();
        assert!(small.iter().all(|index| large.contains(index)));
    }

    #[test]
    fn what_is_thinned_out_keeps_every_part_of_a_sorted_set() {
        let positions: Vec<usize> = (0..100).map(|i| 3 * i).collect();
        for count in [0, 1, 10, 37, 99, 100, 200] {
            let kept = thinned(&positions, count);
            assert_eq!(kept.len(), count.min(100));
            assert!(
                kept.is_sorted_by(|a, b| a < b) && kept.iter().all(|position| positions.contains(position))
            );
            let first_half = kept.iter().filter(|&&position| position < 150).count();
            assert!(first_half == kept.len().div_ceil(2), "{count}: {first_half}");
        }
    }

    #[test]
    fn impossible_fractions_are_refused() {
        for fraction in [-0.1, 1.0, 2.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(split(10, fraction, 0), Err(DataError::BadSplit { .. })), "{fraction}");
        }
        assert!(matches!(split(0, 0.0, 0), Err(DataError::BadSplit { .. })));
        assert!(matches!(split(2, 0.9, 0), Err(DataError::BadSplit { .. })));
    }
}
