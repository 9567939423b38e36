//! A linear classifier of the raw values: ridge regression of one-hot labels.

use lnn_core::{
    InputShape, InputSpec, Moments, RidgeRegression, RidgeSolution, SampleSet, Samples, Statistics,
};
use lnn_models::Error;
use tch::{Device, Kind, Tensor};

/// The number of samples that are read at a time.
pub(super) const BLOCK: i64 = 500;

/// The candidates for λ as fractions of the mean diagonal.
const REGULARIZATIONS: [f64; 9] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2];

/// The most multiplications, some seconds of a CPU, and the most raw values.
const MOST_WORK: f64 = 1e11;
const MOST_FEATURES: i64 = 4096;

const WEIGHT: &str = "baseline_ridge_weight";
const BIAS: &str = "baseline_ridge_bias";
const MEAN: &str = "baseline_ridge_mean";
const DEVIATION: &str = "baseline_ridge_deviation";

/// The classifier, in float64: the highest of `W (x - mean) / deviation + bias`.
#[derive(Debug)]
pub(super) struct RawRidge {
    /// `[K, D]`.
    weight: Tensor,
    /// `[K]`.
    bias: Tensor,
    /// `[D]`.
    mean: Tensor,
    /// `[D]`, 1 for a constant.
    deviation: Tensor,
    /// Steps of a sequence; longer ones are cut, shorter ones have zeros behind them.
    longest: Option<i64>,
}

impl RawRidge {
    /// Solves for the classifier, or says why that would take too much.
    pub(super) fn fitted(
        classes: i64,
        train: &SampleSet,
        validation: &SampleSet,
    ) -> Result<Result<Self, String>, Error> {
        let longest = train.longest();
        let first = flattened(&train.narrow(0, 1), longest);
        let (features, samples) = (first.size()[1], train.len());
        let size = features as f64;
        let work = size * size * (samples as f64 + size / 3.0 * REGULARIZATIONS.len() as f64);
        if features > MOST_FEATURES || work > MOST_WORK {
            return Ok(Err(format!(
                "the baseline `ridge on raw values` is left out, because {features} values of {samples} samples would take too long"
            )));
        }
        let mut moments = Moments::over(&[0]);
        for block in train.blocks(BLOCK) {
            moments.add(&flattened(&block, longest))?;
        }
        let Some(Statistics { mean, deviation }) = moments.statistics() else {
            return Ok(Err(
                "the baseline `ridge on raw values` is left out, because there are no values".into()
            ));
        };
        let mean = mean.squeeze_dim(0).nan_to_num(0.0, 0.0, 0.0);
        let deviation = deviation.squeeze_dim(0);
        let deviation = deviation.masked_fill(&deviation.le(0.0), 1.0);
        let unsolved = RawRidge {
            weight: Tensor::zeros([classes, features], (Kind::Double, train.device())),
            bias: Tensor::zeros([classes], (Kind::Double, train.device())),
            mean,
            deviation,
            longest,
        };
        let mut ridge = RidgeRegression::new(features, classes, train.device())?;
        for block in train.blocks(BLOCK) {
            ridge
                .add(&unsolved.standardized(&block), &block.targets.one_hot(classes).to_kind(Kind::Double))?;
        }
        // The features are standardised already.
        let system = ridge.system(&unsolved.mean.zeros_like(), &unsolved.deviation.ones_like())?;
        let unit = system.mean_diagonal().max(f64::MIN_POSITIVE);
        let solutions: Vec<RidgeSolution> =
            REGULARIZATIONS.iter().filter_map(|lambda| system.solve(lambda * unit).ok()).collect();
        let best = unsolved.best(&solutions, validation);
        Ok(match solutions.into_iter().nth(best) {
            Some(RidgeSolution { weight, bias }) => Ok(Self { weight, bias, ..unsolved }),
            None => Err("the baseline `ridge on raw values` is left out, because it has no solution".into()),
        })
    }

    /// The place of the solution that classifies most of the validation samples, and of equal ones the one with the least squared error.
    fn best(&self, solutions: &[RidgeSolution], validation: &SampleSet) -> usize {
        let mut scores = vec![(0.0, 0.0); solutions.len()];
        for block in validation.blocks(BLOCK) {
            let block = labelled(&block);
            let z = self.standardized(&block);
            let labels = block.targets.one_hot(self.bias.size()[0]).to_kind(Kind::Double);
            for (score, RidgeSolution { weight, bias }) in scores.iter_mut().zip(solutions) {
                let output = z.linear(weight, Some(bias));
                let right = output.argmax(1, false).eq_tensor(&block.targets).sum(Kind::Double);
                score.0 += right.double_value(&[]);
                score.1 -= (output - &labels).square().sum(Kind::Double).double_value(&[]);
            }
        }
        let better = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
        let places = (0..scores.len()).max_by(|a, b| better(&scores[*a], &scores[*b]));
        places.unwrap_or(0)
    }

    /// The standardised raw values `[B, D]`, 0 for missing ones.
    fn standardized(&self, samples: &Samples) -> Tensor {
        let z = (flattened(samples, self.longest) - &self.mean) / &self.deviation;
        z.nan_to_num(0.0, 0.0, 0.0)
    }

    /// The predicted classes `[B]`.
    pub(super) fn predict(&self, samples: &Samples) -> Result<Tensor, Error> {
        let device = samples.targets.device();
        let [weight, bias] = [&self.weight, &self.bias].map(|tensor| tensor.to_device(device));
        let [mean, deviation] = [&self.mean, &self.deviation].map(|tensor| tensor.to_device(device));
        let there = Self { weight, bias, mean, deviation, longest: self.longest };
        let output = there.standardized(samples).f_linear(&there.weight, Some(&there.bias));
        Ok(output.map_err(lnn_core::Error::from)?.argmax(1, false))
    }

    /// The tensors that a checkpoint stores.
    pub(super) fn stored(&self) -> Vec<(String, Tensor)> {
        let Self { weight, bias, mean, deviation, .. } = self;
        [(WEIGHT, weight), (BIAS, bias), (MEAN, mean), (DEVIATION, deviation)]
            .map(|(name, tensor)| (name.to_owned(), tensor.to_device(Device::Cpu)))
            .into()
    }

    /// The classifier among the tensors of a checkpoint, if they are those of one for inputs of a model.
    pub(super) fn found<'a>(found: &dyn Fn(&str) -> Option<&'a Tensor>, input: &InputSpec) -> Option<Self> {
        let number = |name: &str| found(name).filter(|x| x.kind() == Kind::Double && finite(x));
        let [weight, bias, mean, deviation] = [WEIGHT, BIAS, MEAN, DEVIATION].map(number);
        let (weight, bias, mean, deviation) = (weight?, bias?, mean?, deviation?);
        let features = mean.size().first().copied().filter(|features| *features > 0)?;
        let longest = match &input.shape {
            InputShape::Images { channels, height, width } => {
                (channels * height * width == features).then_some(None)
            }
            InputShape::Sequences { features: columns } => {
                let width = columns.len() as i64;
                (width > 0 && features % width == 0).then(|| Some(features / width))
            }
        }?;
        let classes = input.outputs();
        let fits = weight.size() == [classes, features]
            && bias.size() == [classes]
            && mean.size() == [features]
            && deviation.size() == [features];
        let [weight, bias, mean, deviation] = [weight, bias, mean, deviation].map(Tensor::shallow_clone);
        fits.then_some(Self { weight, bias, mean, deviation, longest })
    }
}

/// The samples in float64, flattened to `[B, D]` with `longest` steps, where steps that do not
/// count and steps that a sequence does not have are 0; missing values stay NaN.
fn flattened(samples: &Samples, longest: Option<i64>) -> Tensor {
    let x = samples.input.x.to_kind(Kind::Double);
    let Some(longest) = longest.filter(|_| x.dim() == 3) else { return x.flatten(1, -1) };
    let x = match &samples.input.mask {
        Some(mask) => x.masked_fill(&mask.logical_not().unsqueeze(-1), 0.0),
        None => x,
    };
    let steps = x.size()[1];
    let x = match steps < longest {
        true => x.constant_pad_nd([0, 0, 0, longest - steps]),
        false => x.narrow(1, 0, longest),
    };
    x.flatten(1, -1)
}

/// The samples that have a label.
fn labelled(samples: &Samples) -> Samples {
    samples.select(&samples.targets.ge(0).nonzero().squeeze_dim(1))
}

/// Whether all numbers of a tensor on any device are finite.
fn finite(tensor: &Tensor) -> bool {
    tensor.to_device(Device::Cpu).isfinite().all().int64_value(&[]) == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::{Input, Task, seeded};

    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    /// Sequences of 6 steps of 2 features whose class is the sign of one value, far from 0.
    fn set(seed: u64, count: i64) -> SampleSet {
        let x = seeded(seed, || lnn_core::random::randn([count, 6, 2], DOUBLE)) * 3.0 + 1e4;
        let targets = x.select(1, 4).select(1, 1).gt(1e4).to_kind(Kind::Int64);
        SampleSet::Stored(Samples { input: Input::new(x), targets })
    }

    fn accuracy(ridge: &RawRidge, set: &SampleSet) -> f64 {
        let samples = set.narrow(0, set.len());
        let right = ridge.predict(&samples).unwrap().eq_tensor(&samples.targets);
        right.mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn a_linear_relation_is_learned_and_another_one_is_not() {
        let ridge = RawRidge::fitted(2, &set(0, 400), &set(1, 100)).unwrap().unwrap();
        assert!(accuracy(&ridge, &set(2, 300)) > 0.9);
        let SampleSet::Stored(samples) = set(2, 300) else { panic!("stored") };
        let targets = samples.input.x.select(1, 0).select(1, 0).gt(1e4).to_kind(Kind::Int64);
        assert!(accuracy(&ridge, &SampleSet::Stored(Samples { targets, ..samples })) < 0.65);
    }

    #[test]
    fn missing_values_and_steps_that_do_not_count_add_nothing() {
        let ridge = RawRidge::fitted(2, &set(0, 400), &set(1, 100)).unwrap().unwrap();
        let SampleSet::Stored(mut samples) = set(3, 5) else { panic!("stored") };
        let _ = samples.input.x.narrow(1, 0, 1).fill_(f64::NAN);
        assert!(ridge.standardized(&samples).isfinite().all().int64_value(&[]) == 1);
        // Five steps behind a mask are five steps and zeros.
        let mask = Tensor::from_slice(&[true, true, true, true, true, false]).expand([5, 6], true);
        let behind = samples.input.x.copy();
        let _ = behind.narrow(1, 5, 1).fill_(1e9);
        let short = Input::new(samples.input.x.narrow(1, 0, 5));
        samples.input = Input { mask: Some(mask), ..Input::new(behind) };
        let masked = ridge.standardized(&samples);
        samples.input = short;
        assert!((masked - ridge.standardized(&samples)).abs().max().double_value(&[]) < 1e-9);
    }

    #[test]
    fn too_many_values_are_left_out_with_a_reason() {
        let x = Tensor::zeros([3, 5000, 1], DOUBLE);
        let set =
            SampleSet::Stored(Samples { input: Input::new(x), targets: Tensor::from_slice(&[0i64, 1, 0]) });
        let reason = RawRidge::fitted(2, &set, &set).unwrap().unwrap_err();
        assert!(reason.contains("5000 values of 3 samples"), "{reason}");
    }

    #[test]
    fn what_a_checkpoint_stores_is_found_again_if_it_fits() {
        let ridge = RawRidge::fitted(2, &set(0, 50), &set(1, 20)).unwrap().unwrap();
        let stored = ridge.stored();
        let task = |classes: usize| Task::Classification { class_names: vec!["c".into(); classes] };
        let spec = |columns: usize, classes| {
            InputSpec::new(InputShape::Sequences { features: vec!["x".into(); columns] }, task(classes))
        };
        let found = |name: &str| stored.iter().find(|(found, _)| found == name).map(|(_, tensor)| tensor);
        let again = RawRidge::found(&found, &spec(2, 2)).unwrap();
        assert_eq!((again.longest, again.weight), (Some(6), ridge.weight));
        for other in [spec(5, 2), spec(2, 3), spec(0, 2)] {
            assert!(RawRidge::found(&found, &other).is_none());
        }
    }
}
