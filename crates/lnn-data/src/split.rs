//! Which training images are held out for validation: a seeded permutation that is the same everywhere, for ever.
//!
//! The generator is written out here (`SplitMix64`, ten lines) instead of taken from a crate, because a crate may
//! change its stream between versions, and a run that is resumed must hold out the very images it held out before.

use crate::error::DataError;

/// `(training, validation)` positions in `0..n`: `round(n · validation_fraction)` of them drawn for validation by a
/// permutation that depends on `n` and `seed` only. Disjoint, together complete, both in ascending order; a larger
/// fraction under the same seed holds out a superset.
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
    let mut order = permutation(n, seed);
    let mut training = order.split_off(held_out);
    training.sort_unstable();
    order.sort_unstable();
    Ok((training, order))
}

/// `count` of `positions` (all, if there are no more), evenly spread: a set may be sorted by class.
pub fn thinned(positions: &[usize], count: usize) -> Vec<usize> {
    let count = count.min(positions.len());
    (0..count).map(|i| positions[i * positions.len() / count]).collect()
}

/// Fisher–Yates shuffle of `0..n`.
fn permutation(n: usize, seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, below(&mut state, last as u64 + 1) as usize);
    }
    order
}

/// An unbiased number in `0..bound`: draws that fall into the incomplete last interval are drawn again.
fn below(state: &mut u64, bound: u64) -> u64 {
    let usable = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = split_mix(state);
        if drawn < usable {
            return drawn % bound;
        }
    }
}

/// One step of `SplitMix64` (Steele, Lea, Flood 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
    fn the_generator_gives_the_published_numbers() {
        // The first outputs of SplitMix64 from state 1234567, as published with the algorithm.
        let mut state = 1_234_567;
        let drawn: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn the_permutation_never_changes() {
        // Pinned: a change here would silently move validation images of resumed runs into their training.
        assert_eq!(permutation(10, 42), PINNED);
    }

    const PINNED: [usize; 10] = [0, 9, 5, 8, 6, 4, 7, 2, 1, 3];

    #[test]
    fn impossible_fractions_are_refused() {
        for fraction in [-0.1, 1.0, 2.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(split(10, fraction, 0), Err(DataError::BadSplit { .. })), "{fraction}");
        }
        assert!(matches!(split(0, 0.0, 0), Err(DataError::BadSplit { .. })));
        assert!(matches!(split(2, 0.9, 0), Err(DataError::BadSplit { .. })));
    }
}
