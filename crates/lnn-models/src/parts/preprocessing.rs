//! Standardisation of the inputs and of the values to predict, with statistics of the training set.

use crate::error::Error;
use crate::parts::preprocessing_script;
use crate::parts::reading_order::Scan;
use crate::parts::standardization::Standardization;
use lnn_core::{
    Init, Input, InputShape, InputSpec, Missing, Moments, SampleSet, Samples, Scope, Script, Statistics,
    Task, steps_where,
};
use tch::{Kind, Tensor};

/// Number of samples that are converted to float64 at a time, which bounds the memory.
const BLOCK: i64 = 500;

/// The standardisation of a model's input, in the buffers `mean` and `deviation`, and of the values that it predicts, in
/// `value_mean` and `value_deviation [O]`.
#[derive(Debug)]
pub(crate) struct Preprocessing {
    mean: Tensor,
    deviation: Tensor,
    values: Option<[Tensor; 2]>,
    /// Places of the values that [`fit_values`](Self::fit_values) found constant.
    constant_values: Vec<i64>,
    /// The dtype of the model.
    kind: Kind,
    /// What `dt` is divided by.
    time_unit: f64,
    /// Whether NaN is a missing value, for which each feature has a second number that says whether it is present.
    missing: Missing,
    standardization: Standardization,
    /// Number of quantiles that are predicted of each value; 0 for a single prediction.
    quantiles: i64,
}

impl Preprocessing {
    /// Buffers that leave the input unchanged until [`fit`](Self::fit) or a checkpoint fills them. Those of sequences and of values are
    /// float64 in every model: an offset that float32 cannot hold is subtracted before the result is rounded.
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        kind: Standardization,
        input: &InputSpec,
    ) -> Result<Self, Error> {
        let shape = kind.shape(input)?;
        let values = match &input.task {
            Task::Regression { value_names } => {
                let shape = [value_names.len() as i64];
                let mean = scope.statistic("value_mean", &shape, &Init::Constant(0.0))?;
                Some([mean, scope.statistic("value_deviation", &shape, &Init::Constant(1.0))?])
            }
            Task::Classification { .. } => None,
        };
        let mut buffer = |name, value| match input.shape {
            InputShape::Images { .. } => scope.buffer(name, &shape, &Init::Constant(value)),
            InputShape::Sequences { .. } => scope.statistic(name, &shape, &Init::Constant(value)),
        };
        Ok(Self {
            mean: buffer("mean", 0.0)?,
            deviation: buffer("deviation", 1.0)?,
            values,
            constant_values: Vec::new(),
            kind: scope.kind(),
            time_unit: input.timing.map_or(1.0, |timing| timing.unit),
            missing: input.missing,
            standardization: kind,
            quantiles: input.quantiles.len() as i64,
        })
    }

    /// Computes mean and standard deviation of the inputs, bytes as parts of 255, and of the values. Steps that a mask does not count
    /// and missing values are left out. The deviation of a constant input becomes infinite, so that it contributes 0 whatever it is
    /// later.
    ///
    /// # Errors
    /// [`Error::Standardization`] with the name of a feature that is missing at all steps.
    pub(crate) fn fit(&mut self, training: &SampleSet, input: &InputSpec) -> Result<(), Error> {
        if !self.standardizes() {
            return Ok(());
        }
        if let Some([mean, _]) = &self.values {
            let all: Vec<i64> = (0..mean.size()[0]).collect();
            self.fit_values(training, &all)?;
        }
        let mut inputs = Moments::over(match (self.standardization, self.mean.dim()) {
            (Standardization::Channels, 3) => &[0, 1],
            (Standardization::Channels, _) => &[0, 2, 3],
            (Standardization::Columns | Standardization::None, _) => &[0, 1, 2],
        });
        for Samples { input, .. } in training.blocks(BLOCK) {
            let input = input.to_floating(Kind::Double);
            inputs.add(&input.counted_steps(&input.x))?;
        }
        let Some(Statistics { mean, deviation }) = inputs.statistics() else { return Ok(()) };
        let empty = mean.isnan().flatten(0, -1);
        if let InputShape::Sequences { features } = &input.shape
            && let Some(name) =
                (0..).zip(features).find_map(|(i, name)| (empty.int64_value(&[i]) == 1).then_some(name))
        {
            let reason = format!("the column {name:?} has no value in the training part; hint: leave it out");
            return Err(Error::Standardization(reason));
        }
        let deviation = deviation.where_self(&deviation.gt(0.0), &deviation.full_like(f64::INFINITY));
        self.mean.f_copy_(&mean.view_as(&self.mean))?;
        self.deviation.f_copy_(&deviation.view_as(&self.deviation))?;
        Ok(())
    }

    /// Computes mean and standard deviation of the values at `places`. The deviation of a constant value becomes its size, or 1 for 0.
    pub(crate) fn fit_values(&mut self, training: &SampleSet, places: &[i64]) -> Result<(), Error> {
        let mut moments = Moments::over(&[0]);
        for block in training.blocks(BLOCK) {
            let targets = block.targets.to_kind(Kind::Double);
            moments.add(&match block.counts() {
                Some(counts) => steps_where(&targets, &counts).squeeze_dim(1),
                None => targets,
            })?;
        }
        let Some([own_mean, own_deviation]) = &mut self.values else { return Ok(()) };
        let Some(Statistics { mean, deviation }) = moments.statistics() else { return Ok(()) };
        let constant = Vec::<i64>::try_from(deviation.flatten(0, -1).eq(0.0).nonzero().view(-1));
        self.constant_values = constant.unwrap_or_default();
        self.constant_values.retain(|place| places.contains(place));
        let size = mean.abs().where_self(&mean.ne(0.0), &mean.ones_like());
        let deviation = deviation.where_self(&deviation.gt(0.0), &size);
        let places = Tensor::from_slice(places).to_device(mean.device());
        for (own, found) in [(own_mean, mean), (own_deviation, deviation)] {
            let chosen = found.flatten(0, -1).f_index_select(0, &places)?;
            let _ = own.f_index_copy_(0, &places, &chosen)?;
        }
        Ok(())
    }

    /// Standardises the input and divides its time by the unit; both then have the dtype of the model.
    pub(crate) fn apply(&self, input: Input) -> Input {
        let bytes = input.x.kind() == Kind::Uint8;
        let Input { x, dt, mask } = if bytes { input.to_floating(self.kind) } else { input };
        // An input in float64 is standardised in float64, whatever the dtype of the model.
        let x = match self.standardization {
            Standardization::None => x,
            _ => (&x - &self.mean) / &self.deviation,
        };
        Input { x: self.rounded(&x), dt: dt.map(|dt| self.time(&dt)), mask }
    }

    /// Standardised numbers `[.., I]` in the dtype of the model. Where values may be missing, those that are missing become 0, and I numbers
    /// follow that are 1 where the value is present.
    fn rounded(&self, x: &Tensor) -> Tensor {
        let x = x.to_kind(self.kind);
        if self.missing == Missing::Refused {
            return x;
        }
        let missing = x.isnan();
        Tensor::cat(&[x.masked_fill(&missing, 0.0), missing.logical_not().to_kind(self.kind)], -1)
    }

    /// The time between steps in units of the model, in its dtype.
    #[expect(clippy::float_cmp, reason = "a unit of exactly 1 changes nothing")]
    pub(crate) fn time(&self, dt: &Tensor) -> Tensor {
        let dt = if self.time_unit == 1.0 {
            dt.shallow_clone()
        } else {
            dt.to_kind(Kind::Double) / self.time_unit
        };
        dt.to_kind(self.kind)
    }

    /// Standardises one step `[B, I]` of sequences, or of images that are read in `order`.
    ///
    /// # Errors
    /// [`Error::Standardization`] if the statistics differ from step to step.
    pub(crate) fn apply_to_step(
        &self,
        x: &Tensor,
        input: &InputSpec,
        order: Option<Scan>,
    ) -> Result<Tensor, Error> {
        let of_one_step = |statistic: &Tensor| match (order, &input.shape) {
            (Some(order), InputShape::Images { channels, height, width }) => {
                order.apply(&statistic.expand([1, *channels, *height, *width], false)).select(1, 0)
            }
            _ => statistic.select(1, 0),
        };
        let standing = order.is_none_or(|order| order.stands_still(self.standardization));
        let x = match self.standardization {
            Standardization::None => x.shallow_clone(),
            _ if standing => (x - of_one_step(&self.mean)) / of_one_step(&self.deviation),
            _ => {
                return Err(Error::Standardization(
                    "each column of an image has its own, and this model reads columns; hint: `run` takes whole images, and \
                     a model that was trained with standardization=channels takes steps, too"
                        .into(),
                ));
            }
        };
        Ok(self.rounded(&x))
    }

    /// Converts standardised predictions `[.., O]` to the units of the values; logits stay as they are. Of Q quantiles, `[.., O·Q]`, those of
    /// each value become ascending, which no loss of quantiles is increased by.
    ///
    /// Source: Chernozhukov, Fernández-Val and Galichon, "Quantile and probability curves without crossing" (2010).
    pub(crate) fn to_units(&self, output: Tensor) -> Tensor {
        match &self.values {
            Some([mean, deviation]) if self.quantiles > 0 => {
                let (ascending, _) = output.unflatten(-1, [mean.size()[0], self.quantiles]).sort(-1, false);
                (ascending * deviation.unsqueeze(-1) + mean.unsqueeze(-1)).flatten(-2, -1)
            }
            Some([mean, deviation]) => output * deviation + mean,
            None => output,
        }
    }

    /// Values `[B, O]` in units of their deviation from the mean, float64, as the network predicts them; labels stay as they are.
    pub(crate) fn standardized_values(&self, targets: &Tensor) -> Tensor {
        match &self.values {
            Some([mean, deviation]) => {
                (targets.to_kind(Kind::Double).view([-1, mean.size()[0]]) - mean) / deviation
            }
            None => targets.shallow_clone(),
        }
    }

    /// The standard deviation of each feature of sequences, `[1, 1, I]`: 0 for a constant, 1 where nothing is standardised.
    pub(crate) fn feature_deviation(&self) -> Option<Tensor> {
        let deviation = (self.deviation.dim() == 3).then_some(&self.deviation)?;
        Some(deviation.where_self(&deviation.isfinite(), &deviation.zeros_like()))
    }

    /// Whether inputs are standardised.
    pub(super) fn standardizes(&self) -> bool {
        self.standardization != Standardization::None
    }

    /// The mean of the inputs, 0 until it is known.
    pub(super) fn mean(&self) -> &Tensor {
        &self.mean
    }

    /// The deviation of the inputs: infinite for a constant, 1 until it is known.
    pub(super) fn deviation(&self) -> &Tensor {
        &self.deviation
    }

    /// Places of the values that were constant when they were fitted.
    pub(super) fn constant_values(&self) -> &[i64] {
        &self.constant_values
    }

    /// The mean of each value, `[O]`; `None` if nothing is standardised, because then it is unknown.
    pub(crate) fn value_mean(&self) -> Option<&Tensor> {
        self.values.as_ref().map(|[mean, _]| mean).filter(|_| self.standardizes())
    }

    /// The standard deviation of each value, `[O]`.
    pub(crate) fn value_deviation(&self) -> Option<&Tensor> {
        self.values.as_ref().map(|[_, deviation]| deviation)
    }

    /// The same in TorchScript, behind a check of the input. `order` says how images are read by a network that can be run step
    /// by step; then sequences that were read so are standardised, too.
    pub(crate) fn script(&self, input: &InputSpec, order: Option<Scan>) -> Script {
        let constants = self.deviation.isinf().sum(Kind::Int64).int64_value(&[]);
        preprocessing_script::of(self.standardization, constants, input, order)
    }
}

#[cfg(test)]
#[path = "preprocessing_tests.rs"]
mod tests;
