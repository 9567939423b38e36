//! The nonlinear moving average of order 10.
//!
//! ```text
//! y' = 0.3 y + 0.05 y Σ y(last ten) + 1.5 u(nine rows before) u + 0.1        u uniform in 0..0.5
//! ```
//! The input u and the output y' that follows from it stand in one row, so that the target of a row is its own y. The first 200 rows are left
//! out. A series that grows without bound, as one in some thousands does, begins again at 0.
//!
//! Source: Atiya and Parlos, "New results on recurrent network training" (2000).

use lnn_core::random::SplitMix64;
use ndarray::Array2;

const ORDER: usize = 10;
const LEFT_OUT: usize = 200;
/// No stable series comes near it.
const LARGEST: f64 = 10.0;

/// The input and the output.
pub(super) fn rows(rows: usize, seed: u64) -> Array2<f64> {
    let mut random = SplitMix64::new(seed);
    let (mut inputs, mut outputs) = (vec![0.0; ORDER], vec![0.0; ORDER]);
    let mut table = Array2::zeros((rows, 2));
    for row in 0..LEFT_OUT + rows {
        let u = 0.5 * random.uniform();
        inputs.rotate_left(1);
        inputs[ORDER - 1] = u;
        let (y, sum) = (outputs[ORDER - 1], outputs.iter().sum::<f64>());
        let next = 0.3 * y + 0.05 * y * sum + 1.5 * inputs[0] * u + 0.1;
        let next = if next.abs() < LARGEST { next } else { 0.0 };
        outputs.rotate_left(1);
        outputs[ORDER - 1] = next;
        if row >= LEFT_OUT {
            table[[row - LEFT_OUT, 0]] = u;
            table[[row - LEFT_OUT, 1]] = next;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_follows_from_the_ten_before() {
        let table = rows(100, 5);
        for row in ORDER..100 {
            let (u, y) = (table.column(0), table.column(1));
            let sum: f64 = (row - ORDER..row).map(|i| y[i]).sum();
            let expected =
                0.3 * y[row - 1] + 0.05 * y[row - 1] * sum + 1.5 * u[row + 1 - ORDER] * u[row] + 0.1;
            assert!((y[row] - expected).abs() < 1e-12, "row {row}");
        }
        assert!(table.column(0).iter().all(|u| (0.0..0.5).contains(u)));
    }
}
