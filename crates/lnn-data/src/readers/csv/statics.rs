//! Columns that have one number for all rows of a series.

use ndarray::{Array2, Axis};
use std::cmp::Ordering;

/// Gives every row of each series the number that its rows have in the columns at `statics`, where some may have none.
///
/// # Errors
/// The first row whose number is another one than that of a row before in its series, with the column.
pub(super) fn fill(
    numbers: &mut Array2<f64>,
    series: &[[usize; 2]],
    statics: &[usize],
) -> Result<(), [usize; 2]> {
    for &[first, end] in series {
        for &column in statics {
            let mut of_series = numbers.slice_axis_mut(Axis(0), (first..end).into());
            let mut of_series = of_series.column_mut(column);
            let Some(known) = of_series.iter().copied().find(|number| !number.is_nan()) else { continue };
            // There is no order with NaN.
            let differs = |number: &f64| known.partial_cmp(number).is_some_and(Ordering::is_ne);
            let other = of_series.iter().position(differs);
            if let Some(row) = other {
                return Err([first + row, column]);
            }
            of_series.fill(known);
        }
    }
    Ok(())
}
