//! The parts of a recurrent network, and how they are built.

use crate::error::Error;
use crate::networks::recurrent::branch::Branch;
use crate::networks::recurrent::config::{Reading, RecurrentConfig};
use crate::parts::readout::Readout;
use crate::parts::residual_front::ResidualFront;
use crate::parts::summary::Summaries;
use lnn_core::{InputShape, InputSpec, Per, Scope};

/// A recurrent network.
#[derive(Debug)]
pub(crate) struct Recurrent {
    pub(super) front: Option<ResidualFront>,
    /// One branch per reading, at least one.
    pub(super) branches: Vec<Branch>,
    pub(super) summaries: Summaries,
    pub(super) dropout: f64,
    pub(super) mirror: bool,
    pub(super) readout: Readout,
    /// Whether the network can be run step by step.
    pub(super) steps: bool,
    /// Whether it predicts once for a sequence, or after each step.
    pub(super) per: Per,
    /// Whether the time between steps is an input, because the data have one and the cells do not.
    pub(super) time_is_an_input: bool,
    /// The steps over which gradients reach back in training; all of them if absent.
    pub(super) truncation: Option<i64>,
}

impl Recurrent {
    /// A network for the given input.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if a value is out of its range or does not fit the input.
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        config: &RecurrentConfig,
        input: &InputSpec,
    ) -> Result<Self, Error> {
        config.check()?;
        let time_is_an_input = matches!(input.shape, InputShape::Sequences { .. })
            && input.timing.is_some()
            && !(config.cell)(1).has_time();
        let (front, branches) = match &input.shape {
            InputShape::Images { channels, height, width } => {
                Self::for_images(scope, config, [*channels, *height, *width])?
            }
            InputShape::Sequences { features } => {
                let numbers = features.len() as i64 * input.missing.numbers_per_feature();
                let inputs = numbers + i64::from(time_is_an_input);
                (None, vec![Self::for_sequences(scope, config, inputs)?])
            }
        };
        let seen = branches.iter().map(Branch::outputs).sum::<i64>() * config.summaries.count();
        Ok(Self {
            front,
            branches,
            summaries: config.summaries.clone(),
            dropout: config.dropout,
            mirror: config.mirror,
            readout: Readout::new(&mut scope.child("readout"), seen, input, false)?,
            steps: config.steps_one_by_one(),
            per: input.per,
            time_is_an_input,
            truncation: None,
        })
    }

    fn for_images(
        scope: &mut Scope<'_>,
        config: &RecurrentConfig,
        image: [i64; 3],
    ) -> Result<(Option<ResidualFront>, Vec<Branch>), Error> {
        let (front, map) = if config.front.is_empty() {
            (None, image)
        } else {
            let front = ResidualFront::new(&mut scope.child("front"), image, &config.front, config.model)?;
            let map = front.map();
            (Some(front), map)
        };
        let mut branches = Vec::with_capacity(config.readings.len());
        for (i, Reading { order, layer }) in config.readings.iter().enumerate() {
            let [steps, inputs] = order.check(map, config.model)?;
            let stretches = config.summaries.stretches;
            if stretches < 1 || stretches > steps {
                let reason =
                    format!("stretches must be 1 to {steps}, the steps of {order:?}, found {stretches}");
                return Err(Error::Config { model: config.model, reason });
            }
            let whitening = config.whitening.then(|| format!("whitening{i}"));
            let reading = (Some(*order), inputs);
            let layers = (layer.as_str(), config.layers);
            branches.push(Branch::new(scope, reading, whitening.as_deref(), layers, &config.cell)?);
        }
        Ok((front, branches))
    }

    fn for_sequences(
        scope: &mut Scope<'_>,
        config: &RecurrentConfig,
        features: i64,
    ) -> Result<Branch, Error> {
        if !config.steps_one_by_one() {
            let reason = "expected images, found sequences; hint: without a front, mirror images, further readings and \
                          stretches it takes sequences";
            return Err(Error::Config { model: config.model, reason: reason.into() });
        }
        let whitening = config.whitening.then_some("whitening0");
        let layers = (config.readings[0].layer.as_str(), config.layers);
        Branch::new(scope, (None, features), whitening, layers, &config.cell)
    }
}
