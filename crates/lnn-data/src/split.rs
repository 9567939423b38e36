//! The choice of the training images that are held out for validation: a permutation that is determined by the seed, so that a
//! resumed run holds out the same images as before.

use crate::error::DataError;
use lnn_core::random::SplitMix64;
use serde::{Deserialize, Serialize};

/// The rule by which samples are held out for validation. A run stores its rule, so that it holds out the same samples when it is
/// resumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitScheme {
    /// Images are drawn from all of them together; the windows of a series that validate lie within their own rows. The rule of runs
    /// that store none.
    #[default]
    Plain,
    /// Images are drawn from each class; the windows of a series that validate reach back into the rows of training, and their targets
    /// do not.
    Stratified,
}

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

/// Returns `(training, validation)` positions as [`split`] does, with `round(n · validation_fraction)` of the n samples of each label,
/// and at least one where there are two or more.
///
/// # Errors
/// As [`split`].
pub(crate) fn split_by_label(
    labels: &[i64],
    validation_fraction: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    // Checks the fraction.
    split(labels.len(), validation_fraction, seed)?;
    let classes = labels.iter().max().map_or(0, |largest| *largest as usize + 1);
    let mut counts = vec![0_usize; classes];
    for &label in labels {
        counts[label as usize] += 1;
    }
    let held_out = |count: usize| match (count as f64 * validation_fraction).round() as usize {
        0 if validation_fraction > 0.0 => 1,
        held_out => held_out,
    };
    let mut left: Vec<usize> =
        counts.iter().map(|&count| held_out(count).min(count.saturating_sub(1))).collect();
    let (mut training, mut validation) = (Vec::new(), Vec::new());
    for position in SplitMix64::new(seed).permutation(labels.len()) {
        let left = &mut left[labels[position] as usize];
        if *left == 0 {
            training.push(position);
        } else {
            *left -= 1;
            validation.push(position);
        }
    }
    training.sort_unstable();
    validation.sort_unstable();
    Ok((training, validation))
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
    fn every_class_with_two_samples_is_held_out_in_proportion() {
        let labels: Vec<i64> = [vec![0; 190], vec![1; 10], vec![2; 2], vec![3; 1]].concat();
        for seed in 0..20 {
            let (training, validation) = split_by_label(&labels, 0.1, seed).unwrap();
            let held_out = |label| validation.iter().filter(|&&position| labels[position] == label).count();
            assert_eq!([0, 1, 2, 3].map(held_out), [19, 1, 1, 0]);
            let mut all = [training, validation].concat();
            all.sort_unstable();
            assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
        }
        assert_ne!(split_by_label(&labels, 0.1, 0).unwrap(), split_by_label(&labels, 0.1, 1).unwrap());
        let (_, small) = split_by_label(&labels, 0.1, 3).unwrap();
        let (_, large) = split_by_label(&labels, 0.4, 3).unwrap();
        assert!(small.iter().all(|position| large.contains(position)));
        assert!(split_by_label(&labels, 1.0, 0).is_err());
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
