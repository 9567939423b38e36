//! A model: preprocessing, a network, and their named tensors.

mod forecast;
mod learning;
mod loss;
mod steps;
mod stream;
mod training;

pub use forecast::Spread;
pub use stream::Stream;
pub use training::Training;

use crate::config::ModelConfig;
use crate::error::Error;
use crate::networks::network::{Network, Stepping};
use crate::output::{Mode, Output};
use crate::parts::growth::{AddedUnits, Grown, Growth};
use crate::parts::preprocessing::Preprocessing;
use crate::parts::readout::Readout;
use crate::parts::standardization::Standardization;
use crate::parts::time_script;
use crate::parts::washout::after_washout;
use lnn_core::{
    Input, InputShape, InputSpec, Loss, Parameters, Per, SampleSet, Samples, Script, Task, Wiring, seeded,
    steps_where,
};
use tch::{Device, Kind, Tensor};

/// Maximum number of inputs, evenly spread over the training set, on which a network computes its own statistics.
const FITTED_INPUTS: i64 = 5000;

/// A model that can be trained and that predicts.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    input: InputSpec,
    standardization: Standardization,
    preprocessing: Preprocessing,
    network: Box<dyn Network>,
    parameters: Parameters,
    /// What an error of a value costs.
    value_loss: Loss,
}

impl Model {
    /// A model with weights drawn from `seed`, with tensors of the given dtype, float32 or float64, on the given device. Weights
    /// are drawn in float32, therefore both dtypes start from the same numbers.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if the configuration cannot be built.
    pub fn new(
        config: ModelConfig,
        input: InputSpec,
        standardization: Standardization,
        seed: u64,
        (kind, device): (Kind, Device),
    ) -> Result<Self, Error> {
        Self::build(config, input, standardization, Parameters::drawn(seed, kind, device))
    }

    /// The same model with the tensors of a file, which must be exactly those of the model. Memory is taken for what the file holds, not
    /// for what the configuration claims.
    ///
    /// # Errors
    /// [`Error::Core`] with the name of a tensor that is missing, superfluous, or of another shape or dtype; otherwise as
    /// [`Model::new`].
    pub fn stored(
        config: ModelConfig,
        input: InputSpec,
        standardization: Standardization,
        tensors: &[(String, Tensor)],
        (kind, device): (Kind, Device),
    ) -> Result<Self, Error> {
        let parameters = Parameters::stored(tensors, kind, device)?;
        let model = Self::build(config, input, standardization, parameters)?;
        model.parameters.check_none_left()?;
        model.network.loaded();
        Ok(model)
    }

    /// The same model without values and memory, to find out how large it would be. It can be neither run nor loaded.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn shapes(
        config: ModelConfig,
        input: InputSpec,
        standardization: Standardization,
        kind: Kind,
    ) -> Result<Self, Error> {
        Self::build(config, input, standardization, Parameters::shapes(kind))
    }

    fn build(
        config: ModelConfig,
        input: InputSpec,
        standardization: Standardization,
        mut parameters: Parameters,
    ) -> Result<Self, Error> {
        config.check_numbers()?;
        config.check_standardization(standardization)?;
        if input.per == Per::Step && input.image().is_some() {
            let reason = "expected one target per image, found one per step".into();
            return Err(Error::Config { model: config.name(), reason });
        }
        let mut root = parameters.root();
        let preprocessing = Preprocessing::new(&mut root.child("preprocessing"), standardization, &input)?;
        let network = config.network(&mut root, &input)?;
        let value_loss = match &input.quantiles[..] {
            [] => Loss::default(),
            levels => Loss::Quantile { levels: levels.to_vec() },
        };
        let refused = match input.task.is_classification() && !input.quantiles.is_empty() {
            true => Some("expected no quantiles of classes".to_owned()),
            false => value_loss.problem(),
        };
        if let Some(reason) = refused {
            return Err(Error::Config { model: config.name(), reason });
        }
        Ok(Self { config, input, standardization, preprocessing, network, parameters, value_loss })
    }

    /// Computes the standardisation of inputs and values, and the statistics that the network needs, from the training set.
    ///
    /// # Errors
    /// [`Error::Contract`] if the inputs have another shape than the model takes; [`Error::Core`] if libtorch fails, for lack of
    /// memory.
    pub fn fit(&mut self, training: &SampleSet) -> Result<(), Error> {
        self.input.check(&training.narrow(0, 1).input.x.size())?;
        self.preprocessing.fit(training, &self.input)?;
        self.network.fit(&|| self.preprocessing.apply(training.spread(FITTED_INPUTS).input).x)
    }

    /// Computes the standardisation of the values at `places` alone, from the training set.
    ///
    /// # Errors
    /// [`Error::Core`] if libtorch fails, for lack of memory.
    pub fn fit_values(&mut self, training: &SampleSet, places: &[i64]) -> Result<(), Error> {
        match self.standardization {
            Standardization::None => Ok(()),
            _ => self.preprocessing.fit_values(training, places),
        }
    }

    /// Fills all tensors with stored values; see [`Parameters::load`].
    ///
    /// # Errors
    /// Those of [`Parameters::load`]; the model is then unchanged.
    pub fn load(&self, stored: &[(String, Tensor)]) -> Result<(), Error> {
        self.parameters.load(stored)?;
        self.network.loaded();
        Ok(())
    }

    /// Refuses an input that does not fit the model: other shapes, numbers that are not finite, NaN where values may not be missing.
    /// [`run`](Self::run) checks the shape of `x` alone, because reading values waits for the device.
    ///
    /// # Errors
    /// [`Error::Contract`] or [`Error::NoTime`].
    pub fn check(&self, input: &Input) -> Result<(), Error> {
        let size = input.x.size();
        self.input.check(&size)?;
        self.input.check_values(&input.x)?;
        if input.dt.is_none() {
            return Ok(());
        }
        if !self.network.has_time() {
            return Err(Error::NoTime { model: self.config.name() });
        }
        let steps = match (self.network.stepping(), &self.input.shape) {
            (Stepping::Images(scan), InputShape::Images { channels, height, width }) => {
                scan.extents([*channels, *height, *width])[0]
            }
            _ => size[1],
        };
        Ok(input.check_time([size[0], steps])?)
    }

    /// Images `[B, C, H, W]` in 0..1 or sequences `[B, T, I]` to logits or values `[B, O]`.
    ///
    /// # Errors
    /// [`Error::Contract`] if the batch has another shape than the model takes.
    pub fn forward(&self, x: &Tensor, training: bool) -> Result<Tensor, Error> {
        let mode = if training { Mode::Training } else { Mode::Evaluation };
        Ok(self.run(Input::new(x.shallow_clone()), mode)?.prediction)
    }

    /// Applies the whole model to a batch.
    ///
    /// # Errors
    /// [`Error::Contract`] if the batch has another shape than the model takes.
    pub fn run(&self, input: Input, mode: Mode) -> Result<Output, Error> {
        self.head(&self.front(input)?, mode)
    }

    /// The fixed part: computes from a batch what [`head`](Self::head) takes. It is differentiable where it depends on trainable
    /// parameters or on an input with gradients, and has the dtype of the model also in mixed precision.
    ///
    /// # Errors
    /// [`Error::Contract`] if the batch has another shape than the model takes.
    pub fn front(&self, input: Input) -> Result<Input, Error> {
        self.input.check(&input.x.size())?;
        let front = || self.network.front(self.preprocessing.apply(input));
        lnn_sys::without_autocast(self.parameters.device(), front).map_err(lnn_core::Error::from)?
    }

    /// The wirings of its layers of cells, as far as they have one, the first layer first.
    pub fn wirings(&self) -> Vec<&Wiring> {
        self.network.wirings()
    }

    /// Of a model that follows its equation by an explicit method: how stiff a step of one `Timing::unit` can be with the present weights, and
    /// the number above which the method diverges.
    pub fn stiffness(&self) -> Option<[f64; 2]> {
        self.network.stiffness()
    }

    /// The trainable part: computes logits or values `[B, O]` from what [`front`](Self::front) returned, in the dtype of the model
    /// also in mixed precision.
    ///
    /// # Errors
    /// Those of the network's parts.
    pub fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let output = self.network.head(features, mode)?;
        let prediction = output.prediction.to_kind(self.parameters.kind());
        Ok(Output { prediction: self.preprocessing.to_units(prediction), ..output })
    }

    /// Sets the number of steps over which gradients reach back in training, all of them if absent; see [`lnn_core::scan_in_parts`].
    ///
    /// # Errors
    /// [`Error::Config`] if the model is not a recurrent network, or the number is below 1.
    pub fn truncate(&mut self, steps: Option<i64>) -> Result<(), Error> {
        let reason = match steps {
            Some(steps) if steps < 1 => format!("gradients reach back over at least 1 step, found {steps}"),
            _ if self.network.truncate(steps) => return Ok(()),
            _ => "its gradients reach back over all steps or over none, so they cannot be truncated; hint: liquid, ltc, cfc, gru and \
                  lstm can"
                .into(),
        };
        Err(Error::Config { model: self.config.name(), reason })
    }

    /// The standard deviation of each feature of sequences over the training set, `[1, 1, I]`, 0 for a constant and 1 where nothing is
    /// standardised; `None` for images.
    pub fn feature_deviation(&self) -> Option<Tensor> {
        self.preprocessing.feature_deviation()
    }

    /// The mean of each value over the training set, `[O]`; `None` for classes and where nothing is standardised.
    pub fn value_mean(&self) -> Option<&Tensor> {
        self.preprocessing.value_mean()
    }

    /// The standard deviation of each value over the training set, `[O]`; `None` for classes and where nothing is standardised.
    pub fn value_deviation(&self) -> Option<&Tensor> {
        self.preprocessing.value_deviation()
    }

    /// The features that are constant in the training set, and have no effect, and the values that are constant there.
    pub fn constants(&self) -> Vec<String> {
        self.preprocessing.constants(&self.input)
    }

    /// Names in what a batch does not look like the training set, in one sentence each: columns that were constant, columns far from
    /// their mean, other steps of time.
    ///
    /// # Errors
    /// [`Error::Contract`] if the batch has another shape than the model takes.
    pub fn unfamiliar(&self, batch: &Input) -> Result<Vec<String>, Error> {
        self.input.check(&batch.x.size())?;
        Ok(self.preprocessing.unfamiliar(batch, &self.input))
    }

    /// What the model predicts.
    pub fn task(&self) -> &Task {
        &self.input.task
    }

    /// The growth rule, if the model can add units.
    pub fn growth(&self) -> Option<&Growth> {
        self.network.growth()
    }

    /// Number of active units, if it can change.
    pub fn active_units(&self) -> Option<i64> {
        self.network.active_units()
    }

    /// Adds units after `step` training steps, with weights drawn from `seed`. `None` if the maximum is reached.
    ///
    /// # Errors
    /// [`Error::Core`] if libtorch fails.
    pub fn grow(&self, seed: u64, step: u64) -> Result<Option<AddedUnits>, Error> {
        let grown = seeded(seed, || self.network.grow())?;
        Ok(grown.map(|Grown { added, active, capacity }| AddedUnits { step, added, active, capacity }))
    }

    /// The linear readout, if it holds all trainable parameters.
    pub fn readout(&self) -> Option<&Readout> {
        self.network.readout()
    }

    /// Number of first steps of a series whose targets are left out.
    pub fn washout(&self) -> i64 {
        self.network.washout()
    }

    /// Of targets per step, which of them train, bool `[B, T]`: those that [`Samples::counts`] counts, without the first steps that the
    /// network leaves out. `None` where a sequence has one target.
    pub fn training_counts(&self, samples: &Samples) -> Option<Tensor> {
        let counts = samples.counts()?;
        match self.network.washout() {
            0 => Some(counts),
            washout => {
                let extents = [0, 1].map(|axis| counts.size()[axis]);
                let late = after_washout(samples.input.mask.as_ref(), extents, (washout, counts.device()));
                Some(counts.logical_and(&late))
            }
        }
    }

    /// What a pass over the training samples for the [readout](Self::readout) sees of a block, whose `features` are what
    /// [`front`](Self::front) returned: the features of the targets that train, `[M, D]`, and the targets, labels `[M]` or standardised values
    /// `[M, O]`.
    pub fn readout_rows(&self, features: &Input, samples: &Samples) -> [Tensor; 2] {
        let [features, targets] = match self.training_counts(samples) {
            Some(counts) => {
                [&features.x, &samples.targets].map(|tensor| steps_where(tensor, &counts).squeeze_dim(1))
            }
            None => [&features.x, &samples.targets].map(Tensor::shallow_clone),
        };
        let targets = self.preprocessing.standardized_values(&targets);
        // Where a regression is the start, each quantile begins as the mean.
        let [features, targets] = match self.input.quantiles.len() {
            0 => [features, targets],
            quantiles => [features, targets.repeat_interleave_self_int(quantiles as i64, 1, None)],
        };
        [features, targets]
    }

    /// The whole model in TorchScript: `forward(images [N, C, H, W] in 0..1, or sequences [N, T, I])` returns logits or values. A model
    /// that can be run step by step also has `sequence(x, state)` and `step(x, state)`; if it takes `dt`, all three take it last.
    pub fn script(&self) -> Script {
        let preprocessing = self.preprocessing.script(&self.input, self.network.stepping().order());
        let script = self.network.script().part("preprocessing", preprocessing);
        if self.network.has_time() {
            script.part("time", time_script::of(self.input.timing.as_ref()))
        } else {
            script
        }
    }

    /// The configuration that the model was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What the model takes and predicts, with all names.
    pub fn input(&self) -> &InputSpec {
        &self.input
    }

    /// How the input is standardised.
    pub fn standardization(&self) -> Standardization {
        self.standardization
    }

    /// The named tensors.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}
