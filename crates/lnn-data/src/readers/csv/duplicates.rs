//! Rows of equal time.

use super::rows::Rows;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use std::cmp::Ordering;
use std::collections::HashMap;

/// What is done with rows of a series that have the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    /// Each number becomes the mean of those that are present.
    Mean,
    /// The last row counts.
    Last,
}

/// The mean of the numbers that are not NaN, exact where all are equal.
pub(super) fn mean(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    let mut present = numbers.filter(|number| !number.is_nan());
    let Some(first) = present.next() else { return f64::NAN };
    let (sum, count) = present.fold((0.0, 1.0), |(sum, count), number| (sum + (number - first), count + 1.0));
    first + sum / count
}

/// Joins rows of equal time that follow one another in a series; a joined row has the place and the label of its last one.
///
/// # Errors
/// For means, the first row whose label is not that of the row before, which has the same time.
pub(super) fn join(rows: &mut Rows, how: Duplicates) -> Result<(), usize> {
    let Some(times) = &rows.times else { return Ok(()) };
    let same = |row: usize| times[row].partial_cmp(&times[row - 1]) == Some(Ordering::Equal);
    let (mut runs, mut series): (Vec<[usize; 2]>, _) = (Vec::new(), Vec::new());
    for &[first, end] in &rows.series {
        let start = runs.len();
        for row in first..end {
            match runs.last_mut() {
                Some(run) if row > first && same(row) => run[1] = row + 1,
                _ => runs.push([row, row + 1]),
            }
        }
        series.push([start, runs.len()]);
    }
    if runs.len() == times.len() {
        return Ok(());
    }
    if let (Some(labels), Duplicates::Mean) = (&rows.labels, how) {
        let other = |[first, end]: &[usize; 2]| (first + 1..*end).find(|&row| labels[row] != labels[*first]);
        if let Some(row) = runs.iter().find_map(other) {
            return Err(row);
        }
    }
    let mut numbers = Array2::zeros((runs.len(), rows.numbers.ncols()));
    for (mut row, &[first, end]) in numbers.rows_mut().into_iter().zip(&runs) {
        let run = rows.numbers.slice_axis(Axis(0), (first..end).into());
        let of_column = |column: ArrayView1<'_, f64>| match how {
            Duplicates::Mean => mean(column.iter().copied()),
            Duplicates::Last => column[end - first - 1],
        };
        row.assign(&run.columns().into_iter().map(of_column).collect::<Array1<f64>>());
    }
    let several = runs.iter().enumerate().filter(|(_, [first, end])| end - first > 1);
    rows.joined = several.map(|(row, [first, end])| (row, rows.places[*first..*end].to_vec())).collect();
    rows.numbers = numbers;
    rows.times = Some(runs.iter().map(|[first, _]| times[*first]).collect());
    rows.places = runs.iter().map(|[_, end]| rows.places[end - 1]).collect();
    rows.labels =
        rows.labels.as_ref().map(|labels| runs.iter().map(|[_, end]| labels[end - 1].clone()).collect());
    rows.series = series;
    Ok(())
}

/// How many rows are gone, in words.
pub(super) fn note(joined: &HashMap<usize, Vec<usize>>, how: Duplicates) -> Option<String> {
    let gone: usize = joined.values().map(|places| places.len() - 1).sum();
    let taken = match how {
        Duplicates::Mean => "their mean is taken",
        Duplicates::Last => "the last row is taken",
    };
    (gone > 0).then(|| format!("{gone} rows have the time of the row before; {taken}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_that_of_the_numbers_that_are_present() {
        let of = |numbers: &[f64]| mean(numbers.iter().copied());
        assert!((of(&[1.0, f64::NAN, 4.0]) - 2.5).abs() < 1e-15);
        assert!((of(&[0.1, 0.1, 0.1]) - 0.1).abs() < f64::MIN_POSITIVE);
        assert!(of(&[f64::NAN]).is_nan() && of(&[]).is_nan());
    }
}
