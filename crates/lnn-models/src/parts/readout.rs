//! The trained part of a model with a fixed front: standardised features and a linear readout.

use crate::error::Error;
use lnn_core::{
    Dense, Init, InputSpec, Moments, RidgeRegression, RidgeSolution, RidgeSystem, Scope, Script, Statistics,
};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// A feature with a smaller standard deviation counts as constant.
const SMALLEST_DEVIATION: f64 = 1e-3;

/// How the readout starts from the solution of a ridge regression on one-hot targets, instead of from random weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RidgeStart {
    /// λ per sample, of standardised features.
    pub regularization: f64,
    /// Factor of the solution for classes: the regression aims at 0 and 1, logits must lie further apart.
    pub scale: f64,
}

/// A linear readout of features `[B, D]`, which it may standardise first.
#[derive(Debug)]
pub struct Readout {
    standardization: Option<(Tensor, Tensor)>,
    dense: Dense,
    features: i64,
    outputs: i64,
    /// Whether the outputs are logits of classes; otherwise they are standardised values.
    classifies: bool,
}

impl Readout {
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        features: i64,
        input: &InputSpec,
        standardize: bool,
    ) -> Result<Self, Error> {
        let standardization = if standardize {
            let mean = scope.buffer("mean", &[features], &Init::Constant(0.0))?;
            Some((mean, scope.buffer("deviation", &[features], &Init::Constant(1.0))?))
        } else {
            None
        };
        let outputs = input.outputs();
        let dense = Dense::new(scope, features, outputs)?;
        Ok(Self { standardization, dense, features, outputs, classifies: input.task.is_classification() })
    }

    /// Features `[.., D]` to logits or standardised values `[.., O]`.
    pub fn forward(&self, features: &Tensor) -> Tensor {
        self.dense.forward(&self.standardized(features))
    }

    /// Features `[.., D]` as the weights see them.
    pub(crate) fn standardized(&self, features: &Tensor) -> Tensor {
        match &self.standardization {
            Some((mean, deviation)) => (features - mean) / deviation,
            None => features.shallow_clone(),
        }
    }

    /// Number D of features.
    pub(crate) fn features(&self) -> i64 {
        self.features
    }

    /// The weights with the bias as the last column, `[O, D + 1]`, float64.
    pub(crate) fn weights_and_bias(&self) -> Tensor {
        let both = Tensor::cat(&[self.dense.weight(), &self.dense.bias().unsqueeze(1)], 1);
        both.detach().to_kind(Kind::Double)
    }

    /// The readout in TorchScript.
    #[expect(clippy::unused_self, reason = "every part is asked for its script in the same way")]
    pub(crate) fn script(&self) -> Script {
        Script::new("Readout", SCRIPT)
    }

    /// Replaces weight and bias by those of `solution`.
    ///
    /// # Errors
    /// [`Error::Core`] if its shapes are not those of the readout.
    pub fn set(&self, solution: &RidgeSolution) -> Result<(), Error> {
        Ok(self.dense.set(&solution.weight, &solution.bias)?)
    }

    /// Whether all training features are needed once before training starts.
    pub fn must_fit(&self, start: Option<&RidgeStart>) -> bool {
        self.standardization.is_some() || start.is_some()
    }

    /// Starts a pass over the training features.
    ///
    /// # Errors
    /// [`Error::Core`] if libtorch fails, for lack of memory.
    pub fn fit(&self, start: Option<RidgeStart>, device: Device) -> Result<ReadoutFit<'_>, Error> {
        let ridge = match start {
            Some(start) => Some((start, RidgeRegression::new(self.features, self.outputs, device)?)),
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
    return torch.linear(features, self.weight, self.bias).to(self.weight.dtype)
";

/// A pass over the training features.
#[derive(Debug)]
pub struct ReadoutFit<'a> {
    readout: &'a Readout,
    moments: Moments,
    ridge: Option<(RidgeStart, RidgeRegression)>,
}

impl ReadoutFit<'_> {
    /// Adds a block: `features [B, D]`, and labels `[B]` or standardised values `[B, O]`, as [`Model::readout_rows`](crate::Model::readout_rows)
    /// returns them.
    ///
    /// # Errors
    /// [`Error::Core`] if the shapes do not fit.
    pub fn add(&mut self, features: &Tensor, targets: &Tensor) -> Result<(), Error> {
        self.moments.add(features)?;
        if let Some((_, ridge)) = &mut self.ridge {
            match self.readout.classifies {
                true => ridge.add(features, &targets.one_hot(self.readout.outputs))?,
                false => ridge.add(features, targets)?,
            }
        }
        Ok(())
    }

    /// Joins the passes of several processes, each over other samples. `sum` replaces a tensor by its sum over the processes, of which this
    /// one is number `rank` of `size`.
    ///
    /// # Errors
    /// Those of `sum`.
    pub fn join<E: From<lnn_core::Error>>(
        &mut self,
        places: [i64; 2],
        device: Device,
        sum: &mut dyn FnMut(&mut Tensor) -> Result<(), E>,
    ) -> Result<(), E> {
        self.moments.join((&[1, self.readout.features], device), places, sum)?;
        self.ridge.as_mut().map_or(Ok(()), |(_, ridge)| ridge.join(sum))
    }

    /// Ends the pass: sets the standardisation, and the first weights if the pass was for them.
    ///
    /// # Errors
    /// [`Error::Core`] if the regression has no solution.
    pub fn finish(self) -> Result<(), Error> {
        let (readout, start) = (self.readout, self.ridge.as_ref().map(|(start, _)| *start));
        match (self.system()?, start) {
            (Some(system), Some(start)) => readout.set(&system.solve(start.regularization)?),
            _ => Ok(()),
        }
    }

    /// Ends the pass: sets the standardisation, and returns the equations of the weights if the pass was for them and saw a sample.
    ///
    /// # Errors
    /// [`Error::Core`] if libtorch fails, for lack of memory.
    pub fn system(self) -> Result<Option<ReadoutSystem>, Error> {
        let Some(Statistics { mean, deviation }) = self.moments.statistics() else { return Ok(None) };
        let varies = deviation.gt(SMALLEST_DEVIATION);
        let deviation = deviation.where_self(&varies, &deviation.ones_like());
        let (mean, deviation) = (mean.squeeze_dim(0), deviation.squeeze_dim(0));
        if let Some((own_mean, own_deviation)) = &self.readout.standardization {
            own_mean.shallow_clone().f_copy_(&mean)?;
            own_deviation.shallow_clone().f_copy_(&deviation)?;
        }
        let Some((start, ridge)) = self.ridge else { return Ok(None) };
        let system = ridge.system(&mean, &deviation)?;
        let folded = self.readout.standardization.is_none().then_some((mean, deviation));
        // Values are aimed at as they are.
        let scale = if self.readout.classifies { start.scale } else { 1.0 };
        Ok(Some(ReadoutSystem { system, folded, scale }))
    }
}

/// The equations of a readout's weights, which can be solved for several λ.
#[derive(Debug)]
pub struct ReadoutSystem {
    system: RidgeSystem,
    /// Mean and deviation of the features, where the weights have to standardise them because the readout does not.
    folded: Option<(Tensor, Tensor)>,
    scale: f64,
}

impl ReadoutSystem {
    /// The mean of the diagonal, the scale to which λ relates.
    pub fn mean_diagonal(&self) -> f64 {
        self.system.mean_diagonal()
    }

    /// The weights for one λ, as [`Readout::set`] takes them.
    ///
    /// # Errors
    /// [`Error::Core`] if λ is too small for the system to be positive definite.
    pub fn solve(&self, lambda: f64) -> Result<RidgeSolution, Error> {
        let RidgeSolution { weight, bias } = self.system.solve(lambda)?;
        let (weight, bias) = match &self.folded {
            Some((mean, deviation)) => {
                let weight = weight / deviation;
                // Not in place: the bias is that of the equations.
                let bias = bias - weight.mv(mean);
                (weight, bias)
            }
            None => (weight, bias),
        };
        Ok(RidgeSolution { weight: weight * self.scale, bias: bias * self.scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::{Parameters, seeded};

    #[test]
    fn weights_that_standardise_by_themselves_read_out_the_same() {
        let options = (Kind::Float, Device::Cpu);
        let features = seeded(0, || lnn_core::random::randn([60, 5], options) * 3.0 + 2.0);
        let labels = features.select(1, 0).gt(2.0).to_kind(Kind::Int64);
        let read = |standardize| {
            let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
            let input = InputSpec::images([1, 1, 5], vec!["a".into(), "b".into()]);
            let readout = Readout::new(&mut parameters.root(), 5, &input, standardize).unwrap();
            let start = RidgeStart { regularization: 1e-2, scale: 4.0 };
            let mut fit = readout.fit(Some(start), Device::Cpu).unwrap();
            for (features, labels) in features.split(17, 0).iter().zip(labels.split(17, 0)) {
                fit.add(features, &labels).unwrap();
            }
            fit.finish().unwrap();
            tch::no_grad(|| readout.forward(&features))
        };
        let (inside, folded) = (read(true), read(false));
        assert!((&inside - folded).abs().max().double_value(&[]) < 1e-5);
        let right = inside.argmax(1, false).eq_tensor(&labels).to_kind(Kind::Float).mean(Kind::Float);
        assert!(right.double_value(&[]) > 0.9);
    }
}
