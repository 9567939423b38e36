//! The delay equation of Mackey and Glass.
//!
//! ```text
//! dx/dt = β x(t - τ) / (1 + x(t - τ)ⁿ) - γ x(t)        β = 0.2, γ = 0.1, n = 10, τ = 17
//! ```
//! Ten steps of the classical Runge-Kutta method per unit of time; the delayed value between two steps is the mean of its neighbours. The
//! history is 1.2 with a part of 0.1 that the seed draws, and the first 1,000 units of time are left out.
//!
//! Source: Mackey and Glass, "Oscillation and chaos in physiological control systems" (1977); the parameters of Jaeger and Haas (2004).

use lnn_core::random::SplitMix64;
use ndarray::Array2;

const TAU: usize = 17;
const STEPS: usize = 10;
const LEFT_OUT: usize = 1000;

/// The derivative at a value and the value τ before.
fn derivative(x: f64, delayed: f64) -> f64 {
    0.2 * delayed / (1.0 + delayed.powi(10)) - 0.1 * x
}

/// One value per unit of time.
pub(super) fn rows(rows: usize, seed: u64) -> Array2<f64> {
    let mut random = SplitMix64::new(seed);
    let delay = TAU * STEPS;
    let step = 1.0 / STEPS as f64;
    let mut path: Vec<f64> = (0..=delay).map(|_| 1.2 + 0.1 * (random.uniform() - 0.5)).collect();
    for _ in 0..(LEFT_OUT + rows) * STEPS {
        let now = path.len() - 1;
        let (x, then, next) = (path[now], path[now - delay], path[now + 1 - delay]);
        let between = f64::midpoint(then, next);
        let a = derivative(x, then);
        let b = derivative(x + step / 2.0 * a, between);
        let c = derivative(x + step / 2.0 * b, between);
        let d = derivative(x + step * c, next);
        path.push(x + step / 6.0 * (a + 2.0 * b + 2.0 * c + d));
    }
    let first = path.len() - rows * STEPS;
    Array2::from_shape_fn((rows, 1), |(row, _)| path[first + row * STEPS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_stays_in_its_range_and_never_repeats() {
        let x = rows(5000, 0);
        let (low, high) = x.iter().fold((f64::MAX, f64::MIN), |(low, high), &x| (low.min(x), high.max(x)));
        assert!((0.15..0.5).contains(&low) && (1.2..1.45).contains(&high), "{low} to {high}");
        let mean = x.mean().unwrap();
        assert!((0.85..1.0).contains(&mean), "{mean}");
        // The period of its oscillation is about 50 rows, but no period is exact.
        let distance =
            |lag: usize| (0..4000).map(|i| (x[[i, 0]] - x[[i + lag, 0]]).powi(2)).sum::<f64>() / 4000.0;
        assert!((40..60).all(|lag| distance(lag) > 1e-4));
    }
}
