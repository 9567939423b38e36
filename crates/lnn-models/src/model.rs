//! A model: preprocessing, a network and their named tensors.

use crate::cllnn::Cllnn;
use crate::lnn::Lnn;
use crate::preprocessing::Preprocessing;
use crate::{Error, InputSpec, ModelConfig, Readout, Standardization};
use lnn_core::{Parameters, Scope, Script};
use std::fmt::Debug;
use tch::{Device, Kind, Tensor};

/// What lies between the standardised input and the logits: a front whose weights are fixed, and a head that trains. A new
/// model implements this and joins [`ModelConfig`].
pub trait Network: Debug {
    /// The fixed front: `x [B, C, H, W]`, standardised, to what the head takes. Without one it is the input itself.
    ///
    /// # Errors
    /// Those of its parts.
    fn front(&self, x: &Tensor) -> Result<Tensor, Error> {
        Ok(x.shallow_clone())
    }

    /// The head: what the front gives, to logits `[B, classes]`.
    ///
    /// # Errors
    /// Those of its parts.
    fn head(&self, features: &Tensor, training: bool) -> Result<Tensor, Error>;

    /// The head as a linear readout of features `[B, D]`, if it is one; then the front is worth computing once.
    fn readout(&self) -> Option<&Readout> {
        None
    }

    /// The network in TorchScript, with the method `forward(images)`, which calls `self.preprocessing` first.
    fn script(&self) -> Script;
}

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
        let mut root = parameters.root();
        let preprocessing = Preprocessing::new(&mut root.child("preprocessing"), standardization, &input)?;
        let network = network(&config, &mut root, &input)?;
        Ok(Self { config, input, standardization, preprocessing, network, parameters })
    }

    /// Takes the standardisation from the training images `[N, C, H, W]`, uint8.
    ///
    /// # Errors
    /// [`Error::Input`] if the images have another shape than the model takes.
    pub fn fit_preprocessing(&mut self, images: &Tensor) -> Result<(), Error> {
        self.input.check(&images.size())?;
        self.preprocessing.fit(images)
    }

    /// Images `[B, C, H, W]` in 0..1 to logits `[B, classes]`.
    ///
    /// # Errors
    /// [`Error::Input`] if the images have another shape than the model takes.
    pub fn forward(&self, images: &Tensor, training: bool) -> Result<Tensor, Error> {
        self.head(&self.front(images)?, training)
    }

    /// The part that does not train, without a graph where nothing before it needs one: images `[B, C, H, W]` in 0..1 to
    /// what [`head`](Self::head) takes.
    ///
    /// # Errors
    /// [`Error::Input`] if the images have another shape than the model takes.
    pub fn front(&self, images: &Tensor) -> Result<Tensor, Error> {
        self.input.check(&images.size())?;
        self.network.front(&self.preprocessing.apply(images))
    }

    /// The part that trains: what [`front`](Self::front) gives, to logits `[B, classes]`.
    ///
    /// # Errors
    /// Those of the network's parts.
    pub fn head(&self, features: &Tensor, training: bool) -> Result<Tensor, Error> {
        self.network.head(features, training)
    }

    /// The linear readout that is all that trains, if the model is of that kind.
    pub fn readout(&self) -> Option<&Readout> {
        self.network.readout()
    }

    /// The whole model in TorchScript: `forward(images [N, C, H, W] in 0..1)` to logits.
    pub fn script(&self) -> Script {
        self.network.script().part("preprocessing", self.preprocessing.script(&self.input))
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
        ModelConfig::Cllnn(config) => Box::new(Cllnn::new(scope, config, input)?),
    })
}
