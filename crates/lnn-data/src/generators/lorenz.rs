//! The Lorenz system.
//!
//! ```text
//! dx/dt = σ (y - x)        dy/dt = x (ρ - z) - y        dz/dt = x y - β z        σ = 10, ρ = 28, β = 8/3
//! ```
//! A row is 0.02 units of time after the one before, in ten steps of the classical Runge-Kutta method. The seed draws the start near
//! (1, 1, 20), and the first 1,000 rows are left out. Its largest Lyapunov exponent is about 0.906 per unit of time.
//!
//! Source: Lorenz, "Deterministic nonperiodic flow" (1963).

use lnn_core::random::SplitMix64;
use ndarray::Array2;

const ROW: f64 = 0.02;
const STEPS: usize = 10;
const LEFT_OUT: usize = 1000;

fn derivative([x, y, z]: [f64; 3]) -> [f64; 3] {
    [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z]
}

/// `a + b·scale`.
fn moved(a: [f64; 3], b: [f64; 3], scale: f64) -> [f64; 3] {
    std::array::from_fn(|i| a[i] + scale * b[i])
}

fn stepped(state: [f64; 3], step: f64) -> [f64; 3] {
    let a = derivative(state);
    let b = derivative(moved(state, a, step / 2.0));
    let c = derivative(moved(state, b, step / 2.0));
    let d = derivative(moved(state, c, step));
    std::array::from_fn(|i| state[i] + step / 6.0 * (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]))
}

/// The three coordinates.
pub(super) fn rows(rows: usize, seed: u64) -> Array2<f64> {
    let mut random = SplitMix64::new(seed);
    let mut state = [1.0, 1.0, 20.0].map(|start| start + random.uniform() - 0.5);
    let mut table = Array2::zeros((rows, 3));
    for row in 0..LEFT_OUT + rows {
        for _ in 0..STEPS {
            state = stepped(state, ROW / STEPS as f64);
        }
        if row >= LEFT_OUT {
            table.row_mut(row - LEFT_OUT).assign(&ndarray::aview1(&state));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_is_of_order_four_and_the_path_stays_on_the_attractor() {
        let exact = (0..4096).fold([1.0, 1.0, 20.0], |state, _| stepped(state, 0.1 / 4096.0));
        let error = |steps: i32| {
            let end = (0..steps).fold([1.0, 1.0, 20.0], |state, _| stepped(state, 0.1 / f64::from(steps)));
            end.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let ratio = error(8) / error(16);
        assert!((12.0..20.0).contains(&ratio), "halving the step divides the error by {ratio}");
        let table = rows(5000, 1);
        assert!(table.column(0).iter().all(|x| x.abs() < 25.0));
        assert!(table.column(2).iter().all(|z| (0.0..55.0).contains(z)));
        let crossings = table.column(0).windows(2).into_iter().filter(|pair| pair[0] * pair[1] < 0.0).count();
        assert!(crossings > 20, "both wings are visited, {crossings}");
    }
}
