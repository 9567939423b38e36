//! The trained part of a model with a fixed front: standardised features and a linear readout.

use crate::Error;
use lnn_core::{Dense, Init, Moments, RidgeRegression, RidgeSolution, Scope, Script};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// A feature that varies less than this is taken as constant.
const SMALLEST_DEVIATION: f64 = 1e-3;

/// How the readout starts from the solution of a ridge regression on one-hot targets, instead of from random weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RidgeStart {
    /// λ per sample.
    pub regularization: f64,
    /// What the solution is multiplied by: regression aims at 0 and 1, logits must lie further apart.
    pub scale: f64,
}

/// A linear readout of features `[B, D]`, which it may standardise first.
#[derive(Debug)]
pub struct Readout {
    standardization: Option<(Tensor, Tensor)>,
    dense: Dense,
    features: i64,
    classes: i64,
}

impl Readout {
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        features: i64,
        classes: i64,
        standardize: bool,
    ) -> Result<Self, Error> {
        let standardization = if standardize {
            let mean = scope.buffer("mean", &[features], &Init::Constant(0.0))?;
            Some((mean, scope.buffer("deviation", &[features], &Init::Constant(1.0))?))
        } else {
            None
        };
        Ok(Self { standardization, dense: Dense::new(scope, features, classes)?, features, classes })
    }

    /// Features `[B, D]` to logits `[B, classes]`.
    pub fn forward(&self, features: &Tensor) -> Tensor {
        match &self.standardization {
            Some((mean, deviation)) => self.dense.forward(&((features - mean) / deviation)),
            None => self.dense.forward(features),
        }
    }

    /// The readout in TorchScript.
    #[expect(clippy::unused_self, reason = "every part is asked for its script in the same way")]
    pub(crate) fn script(&self) -> Script {
        Script::new("Readout", SCRIPT)
    }

    /// Whether the readout must see all training features once before it trains.
    pub fn must_fit(&self, start: Option<&RidgeStart>) -> bool {
        self.standardization.is_some() || start.is_some()
    }

    /// Begins the pass over the training features.
    ///
    /// # Errors
    /// [`Error::Core`] if there is no memory for the sums.
    pub fn fit(&self, start: Option<RidgeStart>, device: Device) -> Result<ReadoutFit<'_>, Error> {
        let ridge = match start {
            Some(start) => Some((start, RidgeRegression::new(self.features, self.classes, device)?)),
            None => None,
        };
        Ok(ReadoutFit { readout: self, moments: Moments::over(&[0]), ridge })
    }
}

/// [`Readout::forward`] in TorchScript.
const SCRIPT: &str = "
def forward(self, features: Tensor) -> Tensor:
    if hasattr(self, 'mean'):
        features = (features - self.mean) / self.deviation
    return torch.linear(features, self.weight, self.bias)
";

/// A pass over the training features.
#[derive(Debug)]
pub struct ReadoutFit<'a> {
    readout: &'a Readout,
    moments: Moments,
    ridge: Option<(RidgeStart, RidgeRegression)>,
}

impl ReadoutFit<'_> {
    /// Takes note of a block: `features [B, D]`, `labels [B]`.
    ///
    /// # Errors
    /// [`Error::Core`] if the shapes do not fit.
    pub fn add(&mut self, features: &Tensor, labels: &Tensor) -> Result<(), Error> {
        self.moments.add(features)?;
        if let Some((_, ridge)) = &mut self.ridge {
            ridge.add(features, &labels.one_hot(self.readout.classes))?;
        }
        Ok(())
    }

    /// Ends the pass: sets the standardisation and the first weights.
    ///
    /// # Errors
    /// [`Error::Core`] if the regression has no solution.
    pub fn finish(self) -> Result<(), Error> {
        let Some((mean, deviation)) = self.moments.mean_and_deviation(SMALLEST_DEVIATION, 1.0) else {
            return Ok(());
        };
        let (mut mean, mut deviation) = (mean.squeeze_dim(0), deviation.squeeze_dim(0));
        if let Some((own_mean, own_deviation)) = &self.readout.standardization {
            own_mean.shallow_clone().f_copy_(&mean)?;
            own_deviation.shallow_clone().f_copy_(&deviation)?;
        } else {
            (mean, deviation) = (mean.zeros_like(), deviation.ones_like());
        }
        if let Some((start, ridge)) = self.ridge {
            let RidgeSolution { weight, bias } = ridge.solve(&mean, &deviation, start.regularization)?;
            let float = |tensor: Tensor| (tensor * start.scale).to_kind(Kind::Float);
            self.readout.dense.set(&float(weight), &float(bias))?;
        }
        Ok(())
    }
}
