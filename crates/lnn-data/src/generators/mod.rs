//! Series that are computed: the benchmarks of the literature, seeded. A new one is a file with a function, and a line in [`GENERATORS`].

mod lorenz;
mod mackey_glass;
mod narma;
mod sine;

use ndarray::Array2;

/// A series that is computed.
#[derive(Debug)]
pub struct Generator {
    /// Its name, as the value of `--data`.
    pub name: &'static str,
    /// A short description.
    pub help: &'static str,
    /// Names of its columns.
    pub columns: &'static [&'static str],
    /// Number of the columns, from the first one, that a model sees.
    pub inputs: usize,
    /// Number of the columns, from the last one, that are predicted.
    pub targets: usize,
    /// How many rows after a row its target lies, where nothing else is asked for.
    pub horizon: usize,
    /// Computes `rows` rows of a seed.
    rows: fn(usize, u64) -> Array2<f64>,
}

impl Generator {
    /// The first `rows` rows `[rows, columns]` of the series that `seed` determines. Fewer rows of a seed are the beginning of more.
    pub fn rows(&self, rows: usize, seed: u64) -> Array2<f64> {
        (self.rows)(rows, seed)
    }
}

/// Rows of a window of a series that is named without more.
pub const WINDOW: i64 = 100;

/// All generators.
pub const GENERATORS: [Generator; 4] = [
    Generator {
        name: "mackey-glass",
        help: "the delay equation of Mackey and Glass, tau 17, one row per unit of time",
        columns: &["x"],
        inputs: 1,
        targets: 1,
        horizon: 1,
        rows: mackey_glass::rows,
    },
    Generator {
        name: "lorenz",
        help: "the three coordinates of the Lorenz system, 0.02 units of time apart",
        columns: &["x", "y", "z"],
        inputs: 3,
        targets: 3,
        horizon: 1,
        rows: lorenz::rows,
    },
    Generator {
        name: "narma10",
        help: "a nonlinear moving average of order 10 over a random input",
        columns: &["u", "y"],
        inputs: 1,
        targets: 1,
        horizon: 0,
        rows: narma::rows,
    },
    Generator {
        name: "sine",
        help: "a sine with 25 rows per period and a little noise",
        columns: &["x"],
        inputs: 1,
        targets: 1,
        horizon: 1,
        rows: sine::rows,
    },
];

/// Returns the generator called `name`.
pub fn find(name: &str) -> Option<&'static Generator> {
    GENERATORS.iter().find(|generator| generator.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_a_series_and_fewer_rows_are_its_beginning() {
        for generator in &GENERATORS {
            let [long, short, other] =
                [(200, 3), (50, 3), (200, 4)].map(|(rows, seed)| generator.rows(rows, seed));
            assert_eq!(long.dim(), (200, generator.columns.len()), "{}", generator.name);
            assert_eq!(long.slice_axis(ndarray::Axis(0), (..50).into()), short, "{}", generator.name);
            assert_ne!(long, other, "{}", generator.name);
            assert!(long.iter().all(|number| number.is_finite()), "{}", generator.name);
            assert!(generator.inputs.max(generator.targets) <= generator.columns.len());
        }
    }
}
