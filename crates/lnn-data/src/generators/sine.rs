//! A sine with noise, for a first try.

use lnn_core::random::SplitMix64;
use ndarray::Array2;
use std::f64::consts::TAU;

const ROWS_PER_PERIOD: f64 = 25.0;
const NOISE: f64 = 0.02;

/// One value per row; the seed draws the phase and the noise, which is uniform.
pub(super) fn rows(rows: usize, seed: u64) -> Array2<f64> {
    let mut random = SplitMix64::new(seed);
    let phase = random.uniform();
    Array2::from_shape_fn((rows, 1), |(row, _)| {
        (TAU * (row as f64 / ROWS_PER_PERIOD + phase)).sin() + NOISE * (2.0 * random.uniform() - 1.0)
    })
}
