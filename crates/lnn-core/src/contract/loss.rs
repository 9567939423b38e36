//! How an error of values is judged.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The loss of an error, which is in units of the standard deviation of its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Loss {
    /// The squared error, whose best prediction is the mean.
    #[default]
    Mse,
    /// The absolute error, whose best prediction is the median.
    Mae,
    /// Half the squared error up to `delta`, and beyond it a line of the same slope: outliers pull less.
    Huber {
        /// Where the line begins, in deviations of the value.
        #[serde(default = "Loss::usual_delta")]
        delta: f64,
    },
}

impl Loss {
    fn usual_delta() -> f64 {
        1.0
    }

    /// The name of the loss.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::Huber { .. } => "huber",
        }
    }

    /// Whether this is [`Loss::Mse`], which descriptions leave out.
    pub fn is_mse(&self) -> bool {
        *self == Self::Mse
    }

    /// Says what is wrong with the settings of the loss.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Huber { delta } if !(delta.is_finite() && *delta > 0.0) => {
                Some(format!("expected a finite delta above 0, found {delta}"))
            }
            _ => None,
        }
    }

    /// The loss of each of the errors, of their shape.
    pub fn of(&self, error: &Tensor) -> Tensor {
        match self {
            Self::Mse => error.square(),
            Self::Mae => error.abs(),
            Self::Huber { delta } => {
                let size = error.abs();
                let inner = size.clamp_max(*delta);
                // inner² / 2 + delta · (size - inner), which is finite on both sides of the kink.
                &inner * (&size - &inner * 0.5)
            }
        }
    }

    /// The same loss of numbers, for tests and documentation of what it means.
    #[cfg(test)]
    fn plainly(self, error: f64) -> f64 {
        match self {
            Self::Mse => error * error,
            Self::Mae => error.abs(),
            Self::Huber { delta } if error.abs() <= delta => error * error / 2.0,
            Self::Huber { delta } => delta * (error.abs() - delta / 2.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    const LOSSES: [Loss; 4] = [Loss::Mse, Loss::Mae, Loss::Huber { delta: 1.0 }, Loss::Huber { delta: 0.3 }];
    const ERRORS: [f64; 8] = [-3.0, -1.01, -0.5, -0.2, 0.1, 0.31, 0.99, 40.0];

    #[test]
    fn each_loss_is_its_plain_formula() {
        for loss in LOSSES {
            let found = Vec::<f64>::try_from(loss.of(&Tensor::from_slice(&ERRORS))).unwrap();
            for (error, found) in ERRORS.iter().zip(found) {
                let expected = loss.plainly(*error);
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{loss:?} of {error}: {found}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn each_gradient_is_the_difference_of_the_loss() {
        const STEP: f64 = 1e-6;
        for loss in LOSSES {
            let error = Tensor::from_slice(&ERRORS).set_requires_grad(true);
            loss.of(&error).sum(Kind::Double).backward();
            let found = Vec::<f64>::try_from(error.grad()).unwrap();
            for (error, found) in ERRORS.iter().zip(found) {
                let slope = (loss.plainly(error + STEP) - loss.plainly(error - STEP)) / (2.0 * STEP);
                assert!((found - slope).abs() < 1e-6 * slope.abs().max(1.0), "{loss:?} at {error}: {found}");
            }
        }
    }

    #[test]
    fn a_width_that_is_no_width_is_refused() {
        for delta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Loss::Huber { delta }.problem().unwrap().contains("above 0"));
        }
        assert!(LOSSES.iter().all(|loss| loss.problem().is_none()));
    }
}
