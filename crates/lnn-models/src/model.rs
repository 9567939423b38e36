//! A model: preprocessing, a network and their named tensors.

use crate::config::ModelConfig;
use crate::error::Error;
use crate::networks::cifar::Cifar;
use crate::networks::cllnn::Cllnn;
use crate::networks::liquid::Liquid;
use crate::networks::lnn::Lnn;
use crate::networks::network::Network;
use crate::networks::snlnn::Snlnn;
use crate::output::{Mode, Output};
use crate::parts::growth::{Birth, Growth};
use crate::parts::preprocessing::Preprocessing;
use crate::parts::readout::Readout;
use crate::parts::standardization::Standardization;
use lnn_core::{Input, InputShape, InputSpec, Parameters, SampleSet, Scope, Script, Task, seeded};
use tch::{Device, Kind, Tensor};

/// From how many inputs a network takes what it needs to know of them.
const FITTED_INPUTS: i64 = 5000;

/// A model that is ready to train or to predict.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    input: InputSpec,
    standardization: Standardization,
    preprocessing: Preprocessing,
    network: Box<dyn Network>,
    parameters: Parameters,
}

impl Model {
    /// A model with weights drawn from `seed`, on `device`.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if the configuration cannot be built.
    pub fn new(
        config: ModelConfig,
        input: InputSpec,
        standardization: Standardization,
        seed: u64,
        device: Device,
    ) -> Result<Self, Error> {
        Self::build(config, input, standardization, Parameters::drawn(seed, Kind::Float, device))
    }

    /// The same model with weights yet to be [loaded](Parameters::load).
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn blank(
        config: ModelConfig,
        input: InputSpec,
        standardization: Standardization,
        device: Device,
    ) -> Result<Self, Error> {
        Self::build(config, input, standardization, Parameters::blank(Kind::Float, device))
    }

    fn build(
        config: ModelConfig,
        input: InputSpec,
        standardization: Standardization,
        mut parameters: Parameters,
    ) -> Result<Self, Error> {
        if let ModelConfig::Snlnn(config) = &config {
            config.check_standardization(standardization)?;
        }
        let mut root = parameters.root();
        let preprocessing = Preprocessing::new(&mut root.child("preprocessing"), standardization, &input)?;
        let network = network(&config, &mut root, &input)?;
        Ok(Self { config, input, standardization, preprocessing, network, parameters })
    }

    /// Takes the standardisation of inputs and values, and what the network needs to know of its input, from the training set.
    ///
    /// # Errors
    /// [`Error::Contract`] if the inputs have another shape than the model takes; [`Error::Core`] if libtorch throws.
    pub fn fit(&mut self, training: &SampleSet) -> Result<(), Error> {
        self.input.check(&training.narrow(0, 1).input.x.size())?;
        self.preprocessing.fit(training)?;
        let first = training.narrow(0, training.len().min(FITTED_INPUTS)).input.to_floating(Kind::Float);
        self.network.fit(&self.preprocessing.apply(first).x)
    }

    /// Fills the tensors; see [`Parameters::load`].
    ///
    /// # Errors
    /// Those of [`Parameters::load`]; then nothing was changed.
    pub fn load(&self, stored: &[(String, Tensor)]) -> Result<(), Error> {
        self.parameters.load(stored)?;
        self.network.loaded();
        Ok(())
    }

    /// Refuses an input that the model cannot take. [`run`](Self::run) looks at the shape of `x` alone: to look at the numbers
    /// of `dt` is to wait for the device.
    ///
    /// # Errors
    /// [`Error::Contract`] or [`Error::NoTime`].
    pub fn check(&self, input: &Input) -> Result<(), Error> {
        let size = input.x.size();
        self.input.check(&size)?;
        if input.dt.is_none() {
            return Ok(());
        }
        if !self.network.has_time() {
            return Err(Error::NoTime { model: self.config.name() });
        }
        let steps = match (self.network.steps().flatten(), &self.input.shape) {
            (Some(scan), InputShape::Images { channels, height, width }) => {
                scan.extents([*channels, *height, *width])[0]
            }
            _ => size[1],
        };
        Ok(input.check_time([size[0], steps])?)
    }

    /// Images `[B, C, H, W]`, in 0..1 or bytes, or sequences `[B, T, I]` to logits or values `[B, O]`.
    ///
    /// # Errors
    /// [`Error::Contract`] if the batch has another shape than the model takes.
    pub fn forward(&self, x: &Tensor, training: bool) -> Result<Tensor, Error> {
        let mode = if training { Mode::Training } else { Mode::Evaluation };
        Ok(self.run(Input::new(x.shallow_clone()), mode)?.prediction)
    }

    /// The whole model on a batch.
    ///
    /// # Errors
    /// [`Error::Contract`] if the batch has another shape than the model takes.
    pub fn run(&self, input: Input, mode: Mode) -> Result<Output, Error> {
        self.head(&self.front(input)?, mode)
    }

    /// The part that does not train, without a graph where nothing before it needs one: a batch to what
    /// [`head`](Self::head) takes. It is float32 even in mixed precision, as it is where it is computed once.
    ///
    /// # Errors
    /// [`Error::Contract`] if the batch has another shape than the model takes.
    pub fn front(&self, input: Input) -> Result<Input, Error> {
        self.input.check(&input.x.size())?;
        let input = input.to_floating(self.parameters.kind());
        let front = || self.network.front(self.preprocessing.apply(input));
        lnn_sys::without_autocast(self.parameters.device(), front).map_err(lnn_core::Error::from)?
    }

    /// The part that trains: what [`front`](Self::front) gives, to logits or values `[B, O]`, float32 even in mixed
    /// precision.
    ///
    /// # Errors
    /// Those of the network's parts.
    pub fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let output = self.network.head(features, mode)?;
        let prediction = output.prediction.to_kind(self.parameters.kind());
        Ok(Output { prediction: self.preprocessing.to_units(prediction), ..output })
    }

    /// The loss of a `prediction`, see [`Task::loss`]: the mean cross-entropy for labels, or the mean squared error for values in
    /// units of their deviation over the training set.
    pub fn loss(
        &self,
        prediction: &Tensor,
        targets: &Tensor,
        mask: Option<&Tensor>,
        label_smoothing: f64,
    ) -> Tensor {
        self.task().loss(prediction, targets, mask, label_smoothing, self.preprocessing.value_deviation())
    }

    /// The deviation of each feature of sequences over the training set, `[1, 1, I]`, or 1 where nothing is standardised; none
    /// for images.
    pub fn feature_deviation(&self) -> Option<&Tensor> {
        self.preprocessing.feature_deviation()
    }

    /// What the model is asked for.
    pub fn task(&self) -> &Task {
        &self.input.task
    }

    /// When units are born, if they can be.
    pub fn growth(&self) -> Option<&Growth> {
        self.network.growth()
    }

    /// How many units live, if that changes.
    pub fn living(&self) -> Option<i64> {
        self.network.living()
    }

    /// Lets units be born after `step` steps, drawn from `seed`. None if there is no room.
    ///
    /// # Errors
    /// [`Error::Core`] if libtorch throws.
    pub fn grow(&self, seed: u64, step: u64) -> Result<Option<Birth>, Error> {
        let grown = seeded(seed, || self.network.grow())?;
        Ok(grown.map(|[born, living, room]| Birth { step, born, living, room }))
    }

    /// The linear readout that is all that trains, if the model is of that kind.
    pub fn readout(&self) -> Option<&Readout> {
        self.network.readout()
    }

    /// The whole model in TorchScript: `forward(images [N, C, H, W] in 0..1, or sequences [N, T, I])` to logits or values;
    /// where its steps can be taken one by one, `sequence(x, state)` and `step(x, state)`, too; and where it knows time, all
    /// three take `dt` last.
    pub fn script(&self) -> Script {
        let scan = self.network.steps().flatten();
        self.network.script().part("preprocessing", self.preprocessing.script(&self.input, scan))
    }

    /// What the model was made from.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What it takes and how its classes are called.
    pub fn input(&self) -> &InputSpec {
        &self.input
    }

    /// How its input is standardised.
    pub fn standardization(&self) -> Standardization {
        self.standardization
    }

    /// Its named tensors.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

fn network(
    config: &ModelConfig,
    scope: &mut Scope<'_>,
    input: &InputSpec,
) -> Result<Box<dyn Network>, Error> {
    Ok(match config {
        ModelConfig::Lnn(config) => Box::new(Lnn::new(scope, config, input)?),
        ModelConfig::Snlnn(config) => Box::new(Snlnn::new(scope, config, input)?),
        ModelConfig::Cllnn(config) => Box::new(Cllnn::new(scope, config, input)?),
        ModelConfig::Liquid(config) => Box::new(Liquid::new(scope, config, input)?),
        ModelConfig::Cifar(config) => Box::new(Cifar::new(scope, config, input)?),
    })
}
