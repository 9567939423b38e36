//! How an error of values is judged.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The loss of an error, which is in units of the standard deviation of its value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// The loss of quantiles: what is predicted is too low at the part `level` of the targets. Each value has one prediction for each level;
    /// that of one half is the prediction where a single one is asked for, and two others are the ends of an interval.
    ///
    /// Source: Koenker and Bassett, "Regression quantiles" (1978).
    Quantile {
        /// The levels, ascending, one half among them.
        #[serde(default = "Loss::usual_levels")]
        levels: Vec<f64>,
    },
}

/// The level of the quantile that is the prediction where a single one is asked for.
pub(super) const MEDIAN: f64 = 0.5;

impl Loss {
    fn usual_delta() -> f64 {
        1.0
    }

    fn usual_levels() -> Vec<f64> {
        vec![0.1, MEDIAN, 0.9]
    }

    /// The name of the loss.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::Huber { .. } => "huber",
            Self::Quantile { .. } => "quantile",
        }
    }

    /// The levels of the quantiles that are predicted of each value; none for a loss of a single prediction.
    pub fn levels(&self) -> &[f64] {
        match self {
            Self::Quantile { levels } => levels,
            Self::Mse | Self::Mae | Self::Huber { .. } => &[],
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
            Self::Quantile { levels } => {
                let inside = levels.iter().all(|level| *level > 0.0 && *level < 1.0);
                let ascend = levels.windows(2).all(|pair| pair[0] < pair[1]);
                let fits = inside && ascend && levels.contains(&MEDIAN);
                (!fits).then(|| {
                    format!(
                        "expected levels between 0 and 1 that ascend, 0.5 among them, as [0.1, 0.5, 0.9], found {levels:?}"
                    )
                })
            }
            _ => None,
        }
    }

    /// The loss of each of the errors, prediction minus target, of their shape; the last axis of those of quantiles is that of their
    /// [levels](Self::levels).
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
            Self::Quantile { levels } => {
                let levels = Tensor::from_slice(levels).to_kind(error.kind()).to_device(error.device());
                // (1 - level) · error above the target, level · -error below it.
                error.relu() - error * levels
            }
        }
    }

    /// The same loss of numbers, for tests and documentation of what it means.
    #[cfg(test)]
    fn plainly(&self, error: f64) -> f64 {
        match self {
            Self::Mse => error * error,
            Self::Mae => error.abs(),
            Self::Huber { delta } if error.abs() <= *delta => error * error / 2.0,
            Self::Huber { delta } => delta * (error.abs() - delta / 2.0),
            Self::Quantile { levels } if error > 0.0 => (1.0 - levels[0]) * error,
            Self::Quantile { levels } => -levels[0] * error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn losses() -> [Loss; 6] {
        let [low, high] = [0.1, 0.7].map(|level| Loss::Quantile { levels: vec![level] });
        [Loss::Mse, Loss::Mae, Loss::Huber { delta: 1.0 }, Loss::Huber { delta: 0.3 }, low, high]
    }

    fn column(tensor: &Tensor) -> Tensor {
        tensor.view([-1, 1])
    }
    const ERRORS: [f64; 8] = [-3.0, -1.01, -0.5, -0.2, 0.1, 0.31, 0.99, 40.0];

    #[test]
    fn each_loss_is_its_plain_formula() {
        for loss in losses() {
            let found =
                Vec::<f64>::try_from(loss.of(&column(&Tensor::from_slice(&ERRORS))).view(-1)).unwrap();
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
        for loss in losses() {
            let error = Tensor::from_slice(&ERRORS).set_requires_grad(true);
            loss.of(&column(&error)).sum(Kind::Double).backward();
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
        assert!(losses()[..4].iter().all(|loss| loss.problem().is_none()));
    }

    #[test]
    fn the_prediction_of_least_loss_is_the_quantile() {
        let targets = Tensor::arange(101, (Kind::Double, tch::Device::Cpu));
        let loss = Loss::Quantile { levels: vec![0.1, 0.5, 0.9] };
        let best = |place: i64| {
            (0..=100)
                .min_by(|a, b| {
                    let of = |prediction: i64| {
                        let error = (&targets * -1.0 + prediction).unsqueeze(1).expand([101, 3], false);
                        loss.of(&error).select(1, place).mean(Kind::Double).double_value(&[])
                    };
                    of(*a).total_cmp(&of(*b))
                })
                .unwrap()
        };
        assert_eq!([0, 1, 2].map(best), [10, 50, 90]);
    }

    #[test]
    fn levels_that_are_no_quantiles_or_have_no_median_are_refused() {
        for levels in
            [vec![], vec![0.1, 0.9], vec![0.5, 0.1], vec![0.0, 0.5], vec![0.5, 1.0], vec![0.5, f64::NAN]]
        {
            assert!(Loss::Quantile { levels }.problem().unwrap().contains("0.5 among them"));
        }
        assert!(Loss::Quantile { levels: vec![0.05, 0.5] }.problem().is_none());
    }
}
