//! A model: preprocessing, a network and their named tensors.

use crate::config::ModelConfig;
use crate::error::Error;
use crate::input::{Input, InputShape, InputSpec, Task};
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
use lnn_core::{Parameters, Scope, Script, seeded};
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

    /// Takes the standardisation from the training set: images `[N, C, H, W]`, uint8, or sequences `[N, T, I]`.
    ///
    /// # Errors
    /// [`Error::Input`] if the inputs have another shape than the model takes.
    pub fn fit_preprocessing(&mut self, inputs: &Tensor) -> Result<(), Error> {
        self.input.check(&inputs.size())?;
        self.preprocessing.fit(inputs)?;
        let first = inputs.narrow(0, 0, inputs.size()[0].min(FITTED_INPUTS)).to_kind(Kind::Float);
        let first = if inputs.kind() == Kind::Uint8 { first / 255.0 } else { first };
        self.network.fit(&self.preprocessing.apply(Input::new(first)).x)
    }

    /// Takes the units of the values to tell from those of the training set, `[N, O]`. Labels have none.
    ///
    /// # Errors
    /// [`Error::Core`] if there is no memory.
    pub fn fit_values(&mut self, targets: &Tensor) -> Result<(), Error> {
        self.preprocessing.fit_values(targets)
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
    /// [`Error::Input`], [`Error::NoTime`], [`Error::TimeShape`] or [`Error::TimeValue`].
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
        input.check_time([size[0], steps])
    }

    /// Images `[B, C, H, W]` in 0..1 or sequences `[B, T, I]` to logits or values `[B, O]`.
    ///
    /// # Errors
    /// [`Error::Input`] if the batch has another shape than the model takes.
    pub fn forward(&self, x: &Tensor, training: bool) -> Result<Tensor, Error> {
        let mode = if training { Mode::Training } else { Mode::Evaluation };
        Ok(self.run(Input::new(x.shallow_clone()), mode)?.prediction)
    }

    /// The whole model on a batch.
    ///
    /// # Errors
    /// [`Error::Input`] if the batch has another shape than the model takes.
    pub fn run(&self, input: Input, mode: Mode) -> Result<Output, Error> {
        self.head(&self.front(input)?, mode)
    }

    /// The part that does not train, without a graph where nothing before it needs one: a batch to what
    /// [`head`](Self::head) takes. It is float32 even in mixed precision, as it is where it is computed once.
    ///
    /// # Errors
    /// [`Error::Input`] if the batch has another shape than the model takes.
    pub fn front(&self, input: Input) -> Result<Input, Error> {
        self.input.check(&input.x.size())?;
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

    /// The loss of a `prediction [B, O]`: the mean cross-entropy for labels `[B]`, or the mean squared error for values
    /// `[B, O]` in units of their deviation over the training set.
    pub fn loss(&self, prediction: &Tensor, targets: &Tensor, label_smoothing: f64) -> Tensor {
        self.task().loss(prediction, targets, label_smoothing, self.preprocessing.value_deviation())
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
