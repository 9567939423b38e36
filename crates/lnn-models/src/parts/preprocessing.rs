//! Standardisation of the inputs and of the values to predict, with statistics of the training set.

use crate::error::Error;
use crate::parts::preprocessing_script;
use crate::parts::reading_order::Scan;
use crate::parts::standardization::Standardization;
use lnn_core::{Init, Input, InputShape, InputSpec, Moments, Per, SampleSet, Samples, Scope, Script, Task};
use tch::{Kind, Tensor};

/// The standardisation of a model's input, in the buffers `mean` and `deviation`, and of the values that it predicts, in
/// `value_mean` and `value_deviation [O]`.
#[derive(Debug)]
pub(crate) struct Preprocessing {
    mean: Tensor,
    deviation: Tensor,
    values: Option<[Tensor; 2]>,
    per: Per,
    standardization: Standardization,
}

impl Preprocessing {
    /// Buffers that leave the input unchanged until [`fit`](Self::fit) or a checkpoint fills them.
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        kind: Standardization,
        input: &InputSpec,
    ) -> Result<Self, Error> {
        let shape = kind.shape(input)?;
        let values = match &input.task {
            Task::Regression { value_names } => {
                let shape = [value_names.len() as i64];
                let mean = scope.buffer("value_mean", &shape, &Init::Constant(0.0))?;
                Some([mean, scope.buffer("value_deviation", &shape, &Init::Constant(1.0))?])
            }
            Task::Classification { .. } => None,
        };
        Ok(Self {
            mean: scope.buffer("mean", &shape, &Init::Constant(0.0))?,
            deviation: scope.buffer("deviation", &shape, &Init::Constant(1.0))?,
            values,
            per: input.per,
            standardization: kind,
        })
    }

    /// Computes mean and standard deviation of the inputs, bytes as parts of 255, and of the values. Steps that a mask does not count
    /// are left out. A deviation of 0 becomes 1.
    pub(crate) fn fit(&mut self, training: &SampleSet) -> Result<(), Error> {
        let mut inputs = Moments::over(match (self.standardization, self.mean.dim()) {
            (Standardization::None, _) => return Ok(()),
            (Standardization::Channels, 3) => &[0, 1],
            (Standardization::Channels, _) => &[0, 2, 3],
            (Standardization::Columns, _) => &[0, 1, 2],
        });
        let mut values = match self.per {
            Per::Sequence => Moments::over(&[0]),
            Per::Step => Moments::over(&[0, 1]),
        };
        // Blocks bound the memory of the copies in float64.
        for Samples { input, targets } in training.blocks(4096) {
            let input = input.to_floating(Kind::Double);
            inputs.add(&input.counted_steps(&input.x))?;
            if self.values.is_some() {
                let targets = targets.to_kind(Kind::Double);
                values.add(&if self.per == Per::Step { input.counted_steps(&targets) } else { targets })?;
            }
        }
        fill(&inputs, [&self.mean, &self.deviation])?;
        match &self.values {
            Some([mean, deviation]) => fill(&values, [mean, deviation]),
            None => Ok(()),
        }
    }

    /// Standardises the input; it then has the dtype of the model.
    pub(crate) fn apply(&self, input: Input) -> Input {
        let kind = self.mean.kind();
        let bytes = input.x.kind() == Kind::Uint8;
        let Input { x, dt, mask } = if bytes { input.to_floating(kind) } else { input };
        // An input in float64 is standardised in float64, whatever the dtype of the model.
        let x = match self.standardization {
            Standardization::None => x,
            _ => (&x - &self.mean) / &self.deviation,
        };
        Input { x: x.to_kind(kind), dt: dt.map(|dt| dt.to_kind(kind)), mask }
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
        Ok(x.to_kind(self.mean.kind()))
    }

    /// Converts standardised predictions `[B, O]` to the units of the values; logits stay as they are.
    pub(crate) fn to_units(&self, output: Tensor) -> Tensor {
        match &self.values {
            Some([mean, deviation]) => output * deviation + mean,
            None => output,
        }
    }

    /// The standard deviation of each feature of sequences, `[1, 1, I]`, or 1 where nothing is standardised.
    pub(crate) fn feature_deviation(&self) -> Option<&Tensor> {
        (self.deviation.dim() == 3).then_some(&self.deviation)
    }

    /// The standard deviation of each value, `[O]`.
    pub(crate) fn value_deviation(&self) -> Option<&Tensor> {
        self.values.as_ref().map(|[_, deviation]| deviation)
    }

    /// The same in TorchScript, behind a check of the input. `order` says how images are read by a network that can be run step
    /// by step; then sequences that were read so are standardised, too.
    pub(crate) fn script(&self, input: &InputSpec, order: Option<Scan>) -> Script {
        preprocessing_script::of(self.standardization, input, order)
    }
}

fn fill(moments: &Moments, [mean, deviation]: [&Tensor; 2]) -> Result<(), Error> {
    let Some(found) = moments.mean_and_deviation(1e-12, 1.0) else { return Ok(()) };
    mean.shallow_clone().f_copy_(&found.0.view_as(mean))?;
    deviation.shallow_clone().f_copy_(&found.1.view_as(deviation))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::Parameters;
    use lnn_core::random::{randint, randn, seeded};
    use tch::Device;

    fn stored(x: &Tensor, targets: &Tensor) -> SampleSet {
        let input = Input::new(x.shallow_clone());
        SampleSet::Stored(Samples { input, targets: targets.shallow_clone() })
    }

    fn fitted(kind: Standardization, images: &Tensor) -> Tensor {
        let size = images.size();
        let input = InputSpec::images([size[1], size[2], size[3]], vec![]);
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let mut preprocessing = Preprocessing::new(&mut parameters.root(), kind, &input).unwrap();
        preprocessing.fit(&stored(images, &images.select(1, 0))).unwrap();
        preprocessing.apply(Input::new(images.to_kind(Kind::Float) / 255.0)).x
    }

    #[test]
    fn the_training_set_has_mean_zero_and_deviation_one_along_its_kind() {
        let images = seeded(0, || randint(256, [5000, 2, 3, 4], (Kind::Uint8, Device::Cpu)));
        for (kind, dims) in [(Standardization::Channels, [0, 2, 3]), (Standardization::Columns, [0, 1, 2])] {
            let x = fitted(kind, &images);
            assert!(x.mean_dim(&dims[..], false, Kind::Float).abs().max().double_value(&[]) < 1e-4);
            let deviation = x.std_dim(&dims[..], false, false);
            assert!((deviation - 1.0).abs().max().double_value(&[]) < 1e-4);
        }
        assert_eq!(fitted(Standardization::None, &images), images.to_kind(Kind::Float) / 255.0);
    }

    #[test]
    fn a_column_that_never_changes_stays_finite() {
        let images = Tensor::full([10, 1, 2, 2], 7, (Kind::Uint8, Device::Cpu));
        let x = fitted(Standardization::Columns, &images);
        assert!(x.abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn features_and_values_of_sequences_have_numbers_of_their_own() {
        let names = |count: i64| (0..count).map(|i| i.to_string()).collect();
        let input = InputSpec::sequences(names(3), names(2));
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let mut preprocessing =
            Preprocessing::new(&mut parameters.root(), Standardization::Channels, &input).unwrap();
        let scale = Tensor::from_slice(&[1.0f32, 10.0, 100.0]);
        let x = (seeded(0, || randn([50, 20, 3], (Kind::Float, Device::Cpu))) + 3.0) * scale;
        let values = seeded(1, || randn([50, 2], (Kind::Float, Device::Cpu))) * 7.0 - 2.0;
        preprocessing.fit(&stored(&x, &values)).unwrap();
        let applied = preprocessing.apply(Input::new(x)).x;
        let mean = applied.mean_dim(&[0i64, 1][..], false, Kind::Float).abs().max().double_value(&[]);
        assert!(mean < 1e-4, "{mean}");
        let unit =
            (&values - &preprocessing.values.as_ref().unwrap()[0]) / preprocessing.value_deviation().unwrap();
        assert!((unit.std(false).double_value(&[]) - 1.0).abs() < 1e-3);
        assert!((preprocessing.to_units(unit) - values).abs().max().double_value(&[]) < 1e-4);
        assert!(Preprocessing::new(&mut parameters.root(), Standardization::Columns, &input).is_err());
    }
}
