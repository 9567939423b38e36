//! The parts of a resumed run: samples are recognised by their content, so that each stays in its part.

use crate::error::DataError;
use std::collections::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// One 64-bit hash for each image or row of training and validation, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprints {
    /// Those of the training part.
    pub train: Vec<u64>,
    /// Those of the validation part.
    pub validation: Vec<u64>,
}

/// The parts that a run had before it was interrupted.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// What its parts held.
    pub fingerprints: &'a Fingerprints,
    /// Whether the run goes on where samples have changed, come or gone.
    pub accept_changes: bool,
}

/// The hash of an image: its pixels and the name of its class.
pub(crate) fn of_image(pixels: &[u8], class: &str) -> u64 {
    xxh3_64_with_seed(pixels, xxh3_64(class.as_bytes()))
}

/// The hash of one number of a row under the name of its column. The hash of a row is their wrapping sum, so that the order of the
/// columns does not count.
pub(crate) fn of_cell(column: &str, number: f64) -> u64 {
    xxh3_64_with_seed(&number.to_le_bytes(), xxh3_64(column.as_bytes()))
}

/// The positions of `hashes` in training and validation, and how many changes were accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recognized {
    pub(crate) train: Vec<usize>,
    pub(crate) validation: Vec<usize>,
    /// Remarks for the user.
    pub(crate) notes: Vec<String>,
}

/// Puts each known sample where it was, and new ones into the training part. A run with a `limit` has not seen all samples, so
/// those that it does not know are left out.
///
/// # Errors
/// [`DataError::Changed`] unless the samples are the same, or changes are accepted.
pub(crate) fn recognize(hashes: &[u64], kept: Kept<'_>, limited: bool) -> Result<Recognized, DataError> {
    let Fingerprints { train, validation } = kept.fingerprints;
    let mut places: HashMap<u64, [usize; 2]> = HashMap::new();
    for (part, hashes) in [train, validation].into_iter().enumerate() {
        for &hash in hashes {
            places.entry(hash).or_default()[part] += 1;
        }
    }
    let mut parts = [Vec::new(), Vec::new()];
    let mut new = 0;
    for (position, hash) in hashes.iter().enumerate() {
        let left = places.get_mut(hash);
        let part = left.and_then(|left| {
            let part = left.iter().position(|left| *left > 0)?;
            left[part] -= 1;
            Some(part)
        });
        match part {
            Some(part) => parts[part].push(position),
            None if limited => {}
            None => {
                parts[0].push(position);
                new += 1;
            }
        }
    }
    let lost: usize = places.values().map(|left| left[0] + left[1]).sum();
    let notes = changes(lost, new, kept)?;
    let [train, validation] = parts;
    Ok(Recognized { train, validation, notes })
}

/// Compares the samples of training and of validation with those that the run knows.
///
/// # Errors
/// [`DataError::Changed`] unless they are the same, or changes are accepted.
pub(crate) fn compare(found: [&[u64]; 2], kept: Kept<'_>) -> Result<Vec<String>, DataError> {
    let known = [&kept.fingerprints.train, &kept.fingerprints.validation];
    let (mut lost, mut new) = (0, 0);
    for (known, found) in known.into_iter().zip(found) {
        let mut counts: HashMap<u64, i64> = HashMap::new();
        for &hash in known {
            *counts.entry(hash).or_default() += 1;
        }
        for &hash in found {
            *counts.entry(hash).or_default() -= 1;
        }
        lost += counts.values().filter(|count| **count > 0).sum::<i64>() as usize;
        new -= counts.values().filter(|count| **count < 0).sum::<i64>();
    }
    changes(lost, new as usize, kept)
}

/// Refuses changes, or puts them into words if they are accepted.
fn changes(lost: usize, new: usize, kept: Kept<'_>) -> Result<Vec<String>, DataError> {
    match (lost + new, kept.accept_changes) {
        (0, _) => Ok(Vec::new()),
        (_, false) => Err(DataError::Changed { lost, new }),
        (_, true) => Ok(vec![format!(
            "warning: {lost} samples of the run are gone or changed and {new} are new; known samples keep their part, new ones are \
             for training"
        )]),
    }
}

/// The rows of a series before which training and validation end. Rows may be added at the end, which are for the test. With
/// accepted changes, rows may have other numbers, but not other places.
///
/// # Errors
/// [`DataError::Changed`], also where changes are accepted but at most nine tenths of the rows are where they were.
pub(crate) fn ends(hashes: &[u64], kept: Kept<'_>) -> Result<([usize; 2], Vec<String>), DataError> {
    let Fingerprints { train, validation } = kept.fingerprints;
    let known = train.len() + validation.len();
    let same = train.iter().chain(validation).zip(hashes).filter(|(kept, found)| kept == found).count();
    let changed = known - same;
    let ends = [train.len(), known];
    if changed == 0 {
        return Ok((ends, Vec::new()));
    }
    if !kept.accept_changes || changed * 10 >= known || hashes.len() < known {
        return Err(DataError::Changed { lost: changed, new: changed.min(hashes.len()) });
    }
    Ok((ends, vec![format!("warning: {changed} of {known} rows have changed; each keeps its part")]))
}

/// The number of rows at the beginning of `hashes` that follow one another among the known ones, too. The first row may differ, because
/// its time since the row before is unknown.
pub(crate) fn overlap(hashes: &[u64], known: &Fingerprints) -> usize {
    let known: Vec<u64> = known.train.iter().chain(&known.validation).copied().collect();
    let Some(second) = hashes.get(1) else { return 0 };
    let same = |start: usize| hashes[1..].iter().zip(&known[start..]).take_while(|(a, b)| a == b).count();
    let starts = (0..known.len()).filter(|&place| known[place] == *second);
    // Some equal rows in a row are chance, in data that stands still.
    let to_the_end = starts.filter(|&start| same(start) == (known.len() - start).min(hashes.len() - 1));
    to_the_end.map(|start| 1 + same(start)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(fingerprints: &Fingerprints, accept_changes: bool) -> Kept<'_> {
        Kept { fingerprints, accept_changes }
    }

    #[test]
    fn known_samples_keep_their_part_in_any_order() {
        let fingerprints = Fingerprints { train: vec![1, 2, 2, 3], validation: vec![4, 2] };
        let found = recognize(&[4, 2, 3, 2, 1, 2], kept(&fingerprints, false), false).unwrap();
        assert_eq!((found.train, found.validation), (vec![1, 2, 3, 4], vec![0, 5]));
        assert!(found.notes.is_empty());
    }

    #[test]
    fn changes_are_refused_unless_they_are_accepted_and_new_samples_are_for_training() {
        let fingerprints = Fingerprints { train: vec![1, 2], validation: vec![3] };
        for hashes in [&[1, 2, 3, 9][..], &[1, 2], &[1, 9, 3]] {
            let refused = recognize(hashes, kept(&fingerprints, false), false);
            assert!(matches!(refused, Err(DataError::Changed { .. })), "{hashes:?}");
        }
        let found = recognize(&[9, 3, 1], kept(&fingerprints, true), false).unwrap();
        assert_eq!((found.train, found.validation), (vec![0, 2], vec![1]));
        assert!(
            found.notes[0].contains("1 samples of the run are gone") && found.notes[0].contains("1 are new")
        );
        // A run with a limit never saw the others.
        assert_eq!(recognize(&[9, 1, 2, 3], kept(&fingerprints, false), true).unwrap().train, [1, 2]);
    }

    #[test]
    fn a_set_with_its_own_validation_part_is_compared_part_by_part() {
        let fingerprints = Fingerprints { train: vec![1, 2, 2], validation: vec![3] };
        let compared = |train: &[u64], validation: &[u64], accept| {
            compare([train, validation], kept(&fingerprints, accept)).map(|notes| notes.len())
        };
        assert_eq!(compared(&[2, 1, 2], &[3], false).unwrap(), 0);
        assert!(compared(&[1, 2], &[3], false).is_err() && compared(&[1, 2, 3], &[2], false).is_err());
        assert_eq!(compared(&[1, 2], &[3, 4], true).unwrap(), 1);
    }

    #[test]
    fn rows_may_come_after_the_known_ones_but_not_before() {
        let fingerprints = Fingerprints { train: (0..20).collect(), validation: (20..25).collect() };
        let hashes: Vec<u64> = (0..40).collect();
        assert_eq!(ends(&hashes, kept(&fingerprints, false)).unwrap(), ([20, 25], vec![]));
        let mut corrected = hashes.clone();
        corrected[3] = 99;
        assert!(ends(&corrected, kept(&fingerprints, false)).is_err());
        assert_eq!(ends(&corrected, kept(&fingerprints, true)).unwrap().0, [20, 25]);
        for accept in [false, true] {
            assert!(ends(&hashes[1..], kept(&fingerprints, accept)).is_err());
            assert!(ends(&hashes[..24], kept(&fingerprints, accept)).is_err());
        }
    }

    #[test]
    fn the_order_of_columns_does_not_count_but_names_do() {
        let row = |cells: &[(&str, f64)]| {
            cells.iter().fold(0u64, |sum, (name, x)| sum.wrapping_add(of_cell(name, *x)))
        };
        assert_eq!(row(&[("a", 1.0), ("b", 2.0)]), row(&[("b", 2.0), ("a", 1.0)]));
        assert_ne!(row(&[("a", 1.0), ("b", 2.0)]), row(&[("a", 2.0), ("b", 1.0)]));
        assert_ne!(of_image(&[1, 2], "a"), of_image(&[1, 2], "b"));
    }
}
