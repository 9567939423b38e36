//! A linear readout that follows its targets while they arrive, one after the other: y = W φ, with errors e = target − y before the update.
//!
//! ```text
//! LMS   W ← W + μ e φᵀ / (ε + φᵀφ)                                normalised least mean squares
//! RLS   W ← W + e kᵀ,  k = P φ / (λ + φᵀ P φ),  P ← (P − k φᵀ P) / λ      recursive least squares with forgetting λ
//! ```
//! | symbol | meaning |
//! |---|---|
//! | φ `[D]` | what the readout sees |
//! | μ | rate of LMS, above 0 and below 2 |
//! | λ | forgetting: an error of n steps ago counts λⁿ |
//! | P `[D, D]` | the inverse of δI + Σ λⁿ φφᵀ |
//! | δ | prior precision of the first weights, 1 |
//!
//! P is kept as its root, P = S Sᵀ, which rounding cannot make indefinite (Potter 1963; Bierman, "Factorization methods for discrete
//! sequential estimation", 1977): S ← (S − S f fᵀ / (β + √(λβ))) / √λ with f = Sᵀφ and β = λ + fᵀf. With plain forgetting P grows without
//! bound where φ does not change. Therefore each step also takes one direction in turn, as if it had been seen with an error of 0 and the
//! precision (1 − λ) δ D: what is forgotten about it returns, over D steps, to the prior precision.
//!
//! Source: Haykin, "Adaptive filter theory" (2002), chapters 6 and 9.

use crate::error::Error;

/// δ, the prior precision: that of one step in which a feature was 1.
const PRIOR: f64 = 1.0;

/// What keeps the step of LMS finite where all features are 0.
const SMALLEST_POWER: f64 = 1e-8;

/// How the weights follow their targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OnlineRule {
    /// Normalised least mean squares.
    Lms {
        /// μ, above 0 and below 2.
        rate: f64,
    },
    /// Recursive least squares.
    Rls {
        /// λ, above 0 and up to 1.
        forgetting: f64,
    },
}

/// Weights `[O, D]` that follow their targets, in float64.
#[derive(Debug, Clone)]
pub struct OnlineRegression {
    rule: OnlineRule,
    features: usize,
    /// `[O, D]`, row by row.
    weights: Vec<f64>,
    /// S, row by row; none for LMS.
    root: Vec<f64>,
    /// The direction whose precision is restored next.
    turn: usize,
    /// f, S f and k: memory for an update.
    seen: Vec<f64>,
    product: Vec<f64>,
    gain: Vec<f64>,
}

impl OnlineRegression {
    /// The regression that goes on from `weights`, `[O, D]` row by row, of `features` D.
    ///
    /// # Errors
    /// [`Error::Value`] if a number of the rule is out of its range.
    ///
    /// # Panics
    /// If the number of weights is no multiple of `features`, or that is 0.
    pub fn new(rule: OnlineRule, features: usize, weights: Vec<f64>) -> Result<Self, Error> {
        assert!(features > 0 && weights.len().is_multiple_of(features), "weights are [O, D]");
        match rule {
            OnlineRule::Lms { rate } if !(rate > 0.0 && rate < 2.0) => {
                return refuse("the rate", "above 0 and below 2", rate.to_string());
            }
            OnlineRule::Rls { forgetting } if !(forgetting > 0.0 && forgetting <= 1.0) => {
                return refuse("the forgetting", "above 0 and up to 1", forgetting.to_string());
            }
            _ => {}
        }
        let mut root = Vec::new();
        if let OnlineRule::Rls { .. } = rule {
            root = vec![0.0; features * features];
            root.iter_mut().step_by(features + 1).for_each(|x| *x = PRIOR.recip().sqrt());
        }
        let memory = || vec![0.0; features];
        let [seen, product, gain] = [memory(), memory(), memory()];
        Ok(Self { rule, features, weights, root, turn: 0, seen, product, gain })
    }

    /// W `[O, D]`, row by row.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// S `[D, D]`, row by row, and the direction whose precision is restored next; an empty slice for LMS.
    pub fn memory(&self) -> (&[f64], usize) {
        (&self.root, self.turn)
    }

    /// Goes on from what [`weights`](Self::weights) and [`memory`](Self::memory) returned.
    ///
    /// # Errors
    /// [`Error::Value`] if the numbers are not as many, or not finite.
    pub fn restore(&mut self, weights: Vec<f64>, (root, turn): (Vec<f64>, usize)) -> Result<(), Error> {
        let finite = weights.iter().chain(&root).all(|x| x.is_finite());
        let fits =
            weights.len() == self.weights.len() && root.len() == self.root.len() && turn < self.features;
        if !(fits && finite) {
            let found = format!("{} weights and a root of {}", weights.len(), root.len());
            return refuse(
                "what an online regression goes on from",
                "finite numbers, as many as it has",
                found,
            );
        }
        (self.weights, self.root, self.turn) = (weights, root, turn);
        Ok(())
    }

    /// y = W φ for `features` φ, `[O]` into `outputs`.
    pub fn predict(&self, features: &[f64], outputs: &mut [f64]) {
        for (output, weights) in outputs.iter_mut().zip(self.weights.chunks_exact(self.features)) {
            *output = dot(weights, features);
        }
    }

    /// Learns from `errors` `[O]`, target − prediction, that `features` φ `[D]` had with the present weights.
    pub fn update(&mut self, features: &[f64], errors: &[f64]) {
        match self.rule {
            OnlineRule::Lms { rate } => {
                let factor = rate / (SMALLEST_POWER + dot(features, features));
                for (gain, feature) in self.gain.iter_mut().zip(features) {
                    *gain = factor * feature;
                }
            }
            OnlineRule::Rls { forgetting } => {
                self.seen.fill(0.0);
                for (row, feature) in self.root.chunks_exact(self.features).zip(features) {
                    add_scaled(&mut self.seen, *feature, row);
                }
                let beta = self.narrow(forgetting);
                self.gain.iter_mut().zip(&self.product).for_each(|(gain, product)| *gain = product / beta);
                if forgetting < 1.0 {
                    self.restore_precision((1.0 - forgetting) * PRIOR * self.features as f64);
                }
            }
        }
        for (weights, error) in self.weights.chunks_exact_mut(self.features).zip(errors) {
            add_scaled(weights, *error, &self.gain);
        }
    }

    /// Narrows S for f in `seen`, leaves S f, before the update, in `product`, and returns β.
    fn narrow(&mut self, forgetting: f64) -> f64 {
        let beta = forgetting + dot(&self.seen, &self.seen);
        let alpha = 1.0 / (beta + (forgetting * beta).sqrt());
        let growth = forgetting.sqrt().recip();
        for (row, product) in self.root.chunks_exact_mut(self.features).zip(&mut self.product) {
            *product = dot(row, &self.seen);
            let factor = -alpha * *product;
            for (root, seen) in row.iter_mut().zip(&self.seen) {
                *root = growth * (*root + factor * seen);
            }
        }
        beta
    }

    /// Adds `precision` to one direction in turn.
    fn restore_precision(&mut self, precision: f64) {
        let row = self.turn * self.features;
        let scale = precision.sqrt();
        let own = &self.root[row..row + self.features];
        self.seen.iter_mut().zip(own).for_each(|(seen, root)| *seen = scale * root);
        self.narrow(1.0);
        self.turn = (self.turn + 1) % self.features;
    }
}

fn refuse<T>(name: &'static str, expected: &'static str, found: String) -> Result<T, Error> {
    Err(Error::Value { name, expected, found })
}

/// The product of two vectors, summed in eight parts that a vector register holds.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::RidgeRegression;
    use tch::{Device, Kind, Tensor};

    /// A reproducible number in -1..1.
    fn noise(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn learnt(rule: OnlineRule, steps: usize, target: impl Fn(usize, &[f64]) -> f64) -> OnlineRegression {
        let mut regression = OnlineRegression::new(rule, 4, vec![0.0; 4]).unwrap();
        let mut seed = 1;
        for step in 0..steps {
            let features: Vec<f64> = (0..4).map(|_| noise(&mut seed)).collect();
            let mut output = [0.0];
            regression.predict(&features, &mut output);
            regression.update(&features, &[target(step, &features) - output[0]]);
        }
        regression
    }

    #[test]
    fn without_forgetting_the_weights_are_those_of_the_ridge_regression() {
        let linear = |x: &[f64]| 2.0 * x[0] - x[2] + 0.3 * x[1] * x[3];
        let found = learnt(OnlineRule::Rls { forgetting: 1.0 }, 200, |_, x| linear(x));
        let mut seed = 1;
        let features: Vec<f64> = (0..200 * 4).map(|_| noise(&mut seed)).collect();
        let targets: Vec<f64> = features.chunks(4).map(linear).collect();
        let x = Tensor::from_slice(&features).view([200, 4]);
        let y = Tensor::from_slice(&targets).view([200, 1]);
        let gram = x.tr().matmul(&x) + Tensor::eye(4, (Kind::Double, Device::Cpu)) * PRIOR;
        let expected = gram.inverse().matmul(&x.tr().matmul(&y)).view(-1);
        let difference = (Tensor::from_slice(found.weights()) - &expected).abs().max();
        assert!(difference.double_value(&[]) < 1e-12, "{difference}");
        // The closed form of the batch, whose equations are centred, is close to it.
        let mut ridge = RidgeRegression::new(4, 1, Device::Cpu).unwrap();
        ridge.add(&x, &y).unwrap();
        let [zero, one] = [0.0, 1.0].map(|x| Tensor::from_slice(&[x; 4]));
        let solution = ridge.system(&zero, &one).unwrap().solve(PRIOR / 200.0).unwrap();
        assert!((solution.weight.view(-1) - expected).abs().max().double_value(&[]) < 0.05);
    }

    #[test]
    fn both_rules_follow_a_target_that_changes() {
        let target = |step: usize, x: &[f64]| if step < 2000 { x[0] } else { x[1] - x[0] };
        for rule in [OnlineRule::Rls { forgetting: 0.98 }, OnlineRule::Lms { rate: 0.5 }] {
            let before = learnt(rule, 2000, target);
            let after = learnt(rule, 4000, target);
            for (regression, expected) in [(before, [1.0, 0.0, 0.0, 0.0]), (after, [-1.0, 1.0, 0.0, 0.0])] {
                for (found, expected) in regression.weights().iter().zip(expected) {
                    assert!((found - expected).abs() < 0.05, "{rule:?}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn the_precision_stays_bounded_where_nothing_changes_for_long() {
        let mut regression =
            OnlineRegression::new(OnlineRule::Rls { forgetting: 0.9 }, 3, vec![0.0; 3]).unwrap();
        for _ in 0..200_000 {
            regression.update(&[1.0, 0.0, 0.0], &[0.0]);
        }
        let largest = regression.memory().0.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        assert!(largest < 10.0, "{largest}");
        // It still learns in a direction that it has not seen.
        for _ in 0..50 {
            let mut output = [0.0];
            regression.predict(&[0.0, 1.0, 1.0], &mut output);
            regression.update(&[0.0, 1.0, 1.0], &[3.0 - output[0]]);
        }
        let mut output = [0.0];
        regression.predict(&[0.0, 1.0, 1.0], &mut output);
        assert!((output[0] - 3.0).abs() < 0.01, "{output:?}");
    }

    #[test]
    fn a_restored_regression_goes_on_bit_for_bit_and_refuses_other_numbers() {
        let rule = OnlineRule::Rls { forgetting: 0.99 };
        let whole = learnt(rule, 60, |_, x| x[1]);
        let mut part = OnlineRegression::new(rule, 4, vec![0.0; 4]).unwrap();
        let mut seed = 1;
        for step in 0..60 {
            if step == 30 {
                let (weights, (root, turn)) = (part.weights().to_vec(), part.memory());
                let root = root.to_vec();
                part = OnlineRegression::new(rule, 4, vec![0.0; 4]).unwrap();
                part.restore(weights, (root, turn)).unwrap();
            }
            let features: Vec<f64> = (0..4).map(|_| noise(&mut seed)).collect();
            let mut output = [0.0];
            part.predict(&features, &mut output);
            part.update(&features, &[features[1] - output[0]]);
        }
        assert_eq!(part.weights(), whole.weights());
        assert!(part.restore(vec![0.0; 3], (vec![0.0; 16], 0)).is_err());
        assert!(part.restore(vec![f64::NAN; 4], (vec![0.0; 16], 0)).is_err());
        assert!(OnlineRegression::new(OnlineRule::Lms { rate: 2.0 }, 4, vec![0.0; 4]).is_err());
        assert!(OnlineRegression::new(OnlineRule::Rls { forgetting: 0.0 }, 4, vec![0.0; 4]).is_err());
    }
}
