//! Standardisation of the input and of the values to tell, with numbers taken from the training set.

use crate::error::Error;
use crate::parts::reading_order::Scan;
use crate::parts::standardization::Standardization;
use lnn_core::{Init, Input, InputShape, InputSpec, Moments, Per, SampleSet, Samples, Scope, Script, Task};
use lnn_sys::ScriptAttribute;
use tch::{Kind, Tensor};

/// The standardisation of a model's input, kept in its buffers `mean` and `deviation`, and of the values it tells, in
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
    /// Buffers that leave everything as it is until [`fit`](Self::fit) or a checkpoint fills them.
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

    /// Takes mean and deviation of the inputs, bytes as parts of 255, and of the values. A deviation of 0 becomes 1.
    pub(crate) fn fit(&mut self, training: &SampleSet) -> Result<(), Error> {
        if self.standardization == Standardization::None {
            return Ok(());
        }
        let mut inputs = Moments::over(match (self.standardization, self.mean.dim()) {
            (Standardization::Channels, 3) => &[0, 1],
            (Standardization::Channels, _) => &[0, 2, 3],
            _ => &[0, 1, 2],
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

    /// Standardises the input.
    pub(crate) fn apply(&self, input: Input) -> Input {
        match self.standardization {
            Standardization::None => input,
            _ => Input { x: (&input.x - &self.mean) / &self.deviation, ..input },
        }
    }

    /// Brings what the network tells to the units of the values.
    pub(crate) fn to_units(&self, output: Tensor) -> Tensor {
        match &self.values {
            Some([mean, deviation]) => output * deviation + mean,
            None => output,
        }
    }

    /// The unit of each feature of sequences, `[1, 1, I]`: its deviation, or 1 where nothing is standardised.
    pub(crate) fn feature_deviation(&self) -> Option<&Tensor> {
        (self.deviation.dim() == 3).then_some(&self.deviation)
    }

    /// The unit of each value, `[O]`.
    pub(crate) fn value_deviation(&self) -> Option<&Tensor> {
        self.values.as_ref().map(|[_, deviation]| deviation)
    }

    /// The same in TorchScript, behind a check of the input. `scan` says how images are read by a network whose steps can be
    /// taken one by one; then sequences read so are standardised, too.
    pub(crate) fn script(&self, input: &InputSpec, scan: Option<Scan>) -> Script {
        let source = match input.shape {
            InputShape::Images { channels, height, width } => {
                let by_step =
                    scan.map_or_else(String::new, |scan| match scan.stands_still(self.standardization) {
                        true => STEPS_OF_IMAGES.replace("SCAN", &scan.script()),
                        false => NO_STEPS.to_owned(),
                    });
                (IMAGES.to_owned() + &by_step)
                    .replace("CHANNELS", &channels.to_string())
                    .replace("HEIGHT", &height.to_string())
                    .replace("WIDTH", &width.to_string())
            }
            InputShape::Sequences { ref features } => {
                SEQUENCES.replace("FEATURES", &features.len().to_string())
            }
        };
        let values = if self.values.is_some() { TO_UNITS } else { STAYS };
        Script::new("Preprocessing", source + values).attribute("version", ScriptAttribute::Int(1))
    }
}

fn fill(moments: &Moments, [mean, deviation]: [&Tensor; 2]) -> Result<(), Error> {
    let Some(found) = moments.mean_and_deviation(1e-12, 1.0) else { return Ok(()) };
    mean.shallow_clone().f_copy_(&found.0.view_as(mean))?;
    deviation.shallow_clone().f_copy_(&found.1.view_as(deviation))?;
    Ok(())
}

/// The check of [`InputSpec::check`] and the equation of [`Preprocessing::apply`] for images.
const IMAGES: &str = "
def forward(self, images: Tensor) -> Tensor:
    fits = images.dim() == 4 and images.size()[1:] == [CHANNELS, HEIGHT, WIDTH]
    assert fits, 'the model takes images [N, CHANNELS, HEIGHT, WIDTH], found {}'.format(images.size())
    assert images.is_floating_point(), 'the model takes floating-point images in 0..1; hint: images.float() / 255'
    return (images - self.mean) / self.deviation
";

/// The same for images that were read as sequences; `SCAN` stands for the reading. Its numbers are the same at each step.
const STEPS_OF_IMAGES: &str = "
def read(self, x: Tensor) -> Tensor:
    return SCAN

def one_step(self, numbers: Tensor) -> Tensor:
    return self.read(numbers.expand([1, CHANNELS, HEIGHT, WIDTH]))[:, :1]

def steps(self, x: Tensor) -> Tensor:
    mean, deviation = self.one_step(self.mean), self.one_step(self.deviation)
    fits = x.dim() == 3 and x.size(1) > 0 and x.size(2) == mean.size(2)
    assert fits, 'a sequence is [N, T, {}], found {}'.format(mean.size(2), x.size())
    assert x.is_floating_point(), 'the model takes floating-point sequences'
    return (x - mean) / deviation
";

/// The same where each step of an image has numbers of its own: what step it is cannot be known.
const NO_STEPS: &str = "
def steps(self, x: Tensor) -> Tensor:
    assert False, 'each column of an image has its own standardization, and this model reads columns; hint: forward takes \
        whole images, and a model that was trained with standardization=channels takes steps, too'
    return x
";

/// The same for sequences.
const SEQUENCES: &str = "
def forward(self, x: Tensor) -> Tensor:
    fits = x.dim() == 3 and x.size(1) > 0 and x.size(2) == FEATURES
    assert fits, 'the model takes sequences [N, T, FEATURES], found {}'.format(x.size())
    assert x.is_floating_point(), 'the model takes floating-point sequences'
    return (x - self.mean) / self.deviation

def steps(self, x: Tensor) -> Tensor:
    return self.forward(x)
";

/// [`Preprocessing::to_units`] for values.
const TO_UNITS: &str = "
def to_units(self, output: Tensor) -> Tensor:
    return output * self.value_deviation + self.value_mean
";

/// [`Preprocessing::to_units`] for logits.
const STAYS: &str = "
def to_units(self, output: Tensor) -> Tensor:
    return output
";

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
