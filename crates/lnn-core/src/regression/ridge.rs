//! A linear readout in closed form: ridge regression by the normal equations.
//!
//! ```text
//! z = (f - mean) / deviation          W = argmin  mean over samples of ‖W z - (y - ȳ)‖²  +  λ ‖W‖²
//! W = (y - ȳ)ᵀ Z / n  ·  (Zᵀ Z / n + λ I)⁻¹
//! ```
//! Source: Hoerl and Kennard (1970); for reservoirs, Lukoševičius, "A practical guide to applying echo state networks" (2012).
//! The samples are read in blocks, once; sums are float64. The error is a mean over samples, so that λ does not depend on n.

use crate::error::Error;
use tch::{Device, Kind, Tensor};

/// Number of features of a block of the Gram matrix. Below it a product of the whole is as fast.
const GRAM_BLOCK: usize = 512;

/// The sums of one pass over features and targets.
#[derive(Debug)]
pub struct RidgeRegression {
    count: f64,
    features: Tensor,
    targets: Tensor,
    /// Fᵀ F, on and above the diagonal.
    gram: Tensor,
    cross: Tensor,
}

/// The normal equations of standardised features, to be solved for any λ.
#[derive(Debug)]
pub struct RidgeSystem {
    /// Zᵀ Z / n, `[D, D]`.
    gram: Tensor,
    /// Zᵀ (y - ȳ) / n, `[D, K]`.
    cross: Tensor,
    /// ȳ `[K]`.
    bias: Tensor,
}

/// A linear readout of standardised features.
#[derive(Debug)]
pub struct RidgeSolution {
    /// W `[K, D]`, float64.
    pub weight: Tensor,
    /// ȳ `[K]`, float64.
    pub bias: Tensor,
}

impl RidgeRegression {
    /// The sums of no samples, for `features` features and `targets` targets.
    ///
    /// # Errors
    /// [`Error::Torch`] if there is no memory for `features²` numbers.
    pub fn new(features: i64, targets: i64, device: Device) -> Result<Self, Error> {
        let zeros = |shape: &[i64]| Tensor::f_zeros(shape, (Kind::Double, device));
        Ok(Self {
            count: 0.0,
            features: zeros(&[features])?,
            targets: zeros(&[targets])?,
            gram: zeros(&[features, features])?,
            cross: zeros(&[targets, features])?,
        })
    }

    /// Adds a block: `features [B, D]`, `targets [B, K]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if the shapes do not fit.
    pub fn add(&mut self, features: &Tensor, targets: &Tensor) -> Result<(), Error> {
        let (f, y) = (features.to_kind(Kind::Double), targets.to_kind(Kind::Double));
        self.count += f.size()[0] as f64;
        let _ = self.features.f_add_(&f.f_sum_dim_intlist(0, false, Kind::Double)?)?;
        let _ = self.targets.f_add_(&y.f_sum_dim_intlist(0, false, Kind::Double)?)?;
        add_gram(&self.gram, &f)?;
        let _ = self.cross.f_addmm_(&y.tr(), &f)?;
        Ok(())
    }

    /// Joins the sums of several processes, each of which adds other blocks; `sum` replaces a tensor by its sum over the processes.
    ///
    /// # Errors
    /// Those of `sum`.
    pub fn join<E>(&mut self, sum: &mut dyn FnMut(&mut Tensor) -> Result<(), E>) -> Result<(), E> {
        let mut count = Tensor::full([], self.count, (Kind::Double, self.features.device()));
        for tensor in [&mut count, &mut self.features, &mut self.targets, &mut self.gram, &mut self.cross] {
            sum(tensor)?;
        }
        self.count = count.double_value(&[]);
        Ok(())
    }

    /// The equations for the readout of `(f - mean) / deviation`, with `mean` and `deviation` `[D]`.
    ///
    /// # Errors
    /// [`Error::Value`] if there was no sample, [`Error::Torch`] if the shapes do not fit or there is no memory.
    pub fn system(&self, mean: &Tensor, deviation: &Tensor) -> Result<RidgeSystem, Error> {
        if self.count == 0.0 {
            return refuse("used on at least one sample", "none".into());
        }
        let (mean, deviation) = (mean.to_kind(Kind::Double), deviation.to_kind(Kind::Double));
        let (average, bias) = (&self.features / self.count, &self.targets / self.count);
        // Moments about `mean`, from moments about zero: E[(f-m)(f-m)ᵀ] = E[ffᵀ] - m aᵀ - a mᵀ + m mᵀ.
        // In place, because each of these squares can take hundreds of megabytes.
        let mut gram = (self.gram.triu(0) + self.gram.triu(1).tr()) / self.count;
        let _ = gram.f_sub_(&mean.f_outer(&average)?)?;
        let _ = gram.f_sub_(&average.f_outer(&mean)?)?;
        let _ = gram.f_add_(&mean.f_outer(&mean)?)?;
        let _ = gram.f_div_(&deviation.f_outer(&deviation)?)?;
        let cross = ((&self.cross / self.count - bias.outer(&average)) / deviation).tr();
        Ok(RidgeSystem { gram, cross, bias })
    }

    /// Solves for the readout of `(f - mean) / deviation`, with `mean` and `deviation` `[D]`.
    ///
    /// # Errors
    /// Those of [`system`](Self::system) and [`RidgeSystem::solve`].
    pub fn solve(&self, mean: &Tensor, deviation: &Tensor, lambda: f64) -> Result<RidgeSolution, Error> {
        self.system(mean, deviation)?.solve(lambda)
    }
}

impl RidgeSystem {
    /// The mean of the diagonal of Zᵀ Z / n, the scale of λ: 1 if no feature is constant.
    pub fn mean_diagonal(&self) -> f64 {
        self.gram.diagonal(0, 0, 1).mean(Kind::Double).double_value(&[])
    }

    /// Solves for one λ.
    ///
    /// # Errors
    /// [`Error::Value`] if λ is negative or not finite, or too small for the system to be positive definite.
    pub fn solve(&self, lambda: f64) -> Result<RidgeSolution, Error> {
        if !(lambda.is_finite() && lambda >= 0.0) {
            return refuse("a finite number of at least 0", lambda.to_string());
        }
        let system = self.gram.copy();
        let _ = system.diagonal(0, 0, 1).f_add_scalar_(lambda)?;
        let (factor, info) = system.f_linalg_cholesky_ex(false, false)?;
        if info.int64_value(&[]) != 0 {
            return refuse("large enough for a positive definite system", lambda.to_string());
        }
        let weight = self.cross.f_cholesky_solve(&factor, false)?.tr();
        Ok(RidgeSolution { weight, bias: self.bias.shallow_clone() })
    }
}

/// Adds the blocks of `fᵀ f` on and above the diagonal: the other half is their transpose.
fn add_gram(gram: &Tensor, f: &Tensor) -> Result<(), Error> {
    let features = gram.size()[0];
    for first in (0..features).step_by(GRAM_BLOCK) {
        let (rows, end) = ((features - first).min(GRAM_BLOCK as i64), features - first);
        let left = f.narrow(1, first, rows);
        let right = f.narrow(1, first, end);
        let mut block = gram.narrow(0, first, rows).narrow(1, first, end);
        let _ = block.f_addmm_(&left.tr(), &right)?;
    }
    Ok(())
}

fn refuse<T>(expected: &'static str, found: String) -> Result<T, Error> {
    Err(Error::Value { name: "the regularisation", expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{randn, seeded};
    use crate::regression::moments::{Moments, Statistics};

    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    fn standardization(f: &Tensor) -> (Tensor, Tensor) {
        let mut moments = Moments::over(&[0]);
        moments.add(f).unwrap();
        let Statistics { mean, deviation } = moments.statistics().unwrap();
        (mean.squeeze_dim(0), deviation.squeeze_dim(0))
    }

    fn fitted(f: &Tensor, y: &Tensor) -> RidgeRegression {
        let mut ridge = RidgeRegression::new(f.size()[1], y.size()[1], Device::Cpu).unwrap();
        for (f, y) in f.split(17, 0).iter().zip(y.split(17, 0)) {
            ridge.add(f, &y).unwrap();
        }
        ridge
    }

    #[test]
    fn without_regularisation_a_linear_relation_is_found_exactly() {
        let (f, relation) = seeded(0, || (randn([100, 6], DOUBLE) * 3.0 + 1.0, randn([6, 2], DOUBLE)));
        let y = f.matmul(&relation) + 5.0;
        let (mean, deviation) = standardization(&f);
        let RidgeSolution { weight, bias } = fitted(&f, &y).solve(&mean, &deviation, 0.0).unwrap();
        let read = ((&f - mean) / deviation).linear(&weight, Some(&bias));
        assert!((read - y).abs().max().double_value(&[]) < 1e-9);
    }

    #[test]
    fn the_gradient_of_the_regularised_error_is_zero_at_the_solution() {
        let (f, y) = seeded(1, || (randn([80, 7], DOUBLE) + 2.0, randn([80, 3], DOUBLE)));
        let (mean, deviation) = standardization(&f);
        let lambda = 0.3;
        let solution = fitted(&f, &y).solve(&mean, &deviation, lambda).unwrap();
        let weight = solution.weight.set_requires_grad(true);
        let z = (f - mean) / deviation;
        let error = (z.linear(&weight, Some(&solution.bias)) - y).square().sum(Kind::Double) / 80.0;
        let loss = error + weight.square().sum(Kind::Double) * lambda;
        let gradient = Tensor::run_backward(&[loss], &[&weight], false, false);
        assert!(gradient[0].abs().max().double_value(&[]) < 1e-10);
    }

    #[test]
    fn more_features_than_samples_need_a_regularisation() {
        let (f, y) = seeded(2, || (randn([5, 20], DOUBLE), randn([5, 1], DOUBLE)));
        let (mean, deviation) = standardization(&f);
        let ridge = fitted(&f, &y);
        assert!(ridge.solve(&mean, &deviation, 1e-3).is_ok());
        let system = ridge.system(&mean, &deviation).unwrap();
        assert!((system.mean_diagonal() - 1.0).abs() < 1e-9);
        assert!(system.solve(0.0).unwrap_err().to_string().contains("positive definite"));
        assert!(ridge.solve(&mean, &deviation, -1.0).is_err());
        let empty = RidgeRegression::new(20, 1, Device::Cpu).unwrap();
        assert!(empty.solve(&mean, &deviation, 1.0).unwrap_err().to_string().contains("at least one sample"));
    }
}
