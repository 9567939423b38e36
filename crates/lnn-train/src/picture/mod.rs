//! What the pictures of runs, forecasts and sweeps share: axes, colours and curves of many points.

pub(crate) mod axis;
mod bars;
mod forecast;
mod parallel;

pub(crate) use bars::draw_bars;
pub use forecast::{ForecastPicture, Stretch, draw_forecast};
pub(crate) use parallel::{ParallelAxis, ParallelLine, draw_parallel};

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, RGBColor, SVGBackend};
use std::cmp::Ordering;

pub(crate) const GRID: RGBColor = RGBColor(0xe6, 0xe6, 0xe6);
pub(crate) const FRAME: RGBColor = RGBColor(0x99, 0x99, 0x99);

/// The maximum number of points of a curve: more than one for each pixel cannot be seen.
const MOST_POINTS: usize = 1000;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Returns at most [`MOST_POINTS`] points with the shape of the curve: the lowest and the highest of each stretch.
pub(crate) fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let extremes = points.chunks(stretch).flat_map(|stretch| {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let mut ends = [stretch.iter().min_by(by_value), stretch.iter().max_by(by_value)];
        ends.sort_by(|a, b| {
            a.map(|point| point.0).partial_cmp(&b.map(|point| point.0)).unwrap_or(Ordering::Equal)
        });
        ends.into_iter().flatten().copied()
    });
    extremes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_curve_keeps_its_peaks_and_its_order() {
        let mut points: Vec<(f64, f64)> = (1..=10_000).map(|i| (f64::from(i), 1.0)).collect();
        (points[1234].1, points[9999].1) = (50.0, -3.0);
        let thin = thinned(&points);
        assert!(
            thin.len() <= MOST_POINTS && thin.contains(&(1235.0, 50.0)) && thin.contains(&(10_000.0, -3.0))
        );
        assert!(thin.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert_eq!(thinned(&points[..MOST_POINTS]), points[..MOST_POINTS]);
    }
}
