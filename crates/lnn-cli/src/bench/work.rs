//! The workloads that can be timed, by name.

use super::continuous::Layer;
use super::pass::Pass;
use super::shape::Shape;
use lnn_core::nearest_name;
use lnn_models::{ModelKind, Preset};
use lnn_train::RunConfig;
use serde::{Serialize, Serializer};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A layer of liquid units over sequences.
    Liquid,
    /// The same layer, one step at a time.
    Stream,
    /// A layer of liquid time-constant or closed-form units over sequences.
    Layer(Layer),
    /// The same layer, one step at a time.
    LayerStream(Layer),
    /// A spiking reservoir whose weights are trainable.
    Spiking,
    /// The states of a fixed leaky reservoir.
    Leaky,
    /// A whole model.
    Model {
        /// The model.
        kind: ModelKind,
        /// Its preset.
        preset: Preset,
    },
}

impl Work {
    /// Returns all workloads.
    pub fn all() -> Vec<Self> {
        let models = ModelKind::ALL.iter().flat_map(|&kind| {
            kind.presets().into_iter().map(move |info| Self::Model { kind, preset: info.preset })
        });
        let layers = Layer::ALL.map(Self::Layer).into_iter().chain(Layer::ALL.map(Self::LayerStream));
        let own = [Self::Liquid, Self::Spiking, Self::Leaky, Self::Stream];
        own.into_iter().chain(layers).chain(models).collect()
    }

    /// Returns the passes that can be timed.
    pub fn passes(self) -> &'static [Pass] {
        match self {
            Self::Leaky | Self::Stream | Self::LayerStream(_) => &[Pass::Inference],
            _ => &[Pass::Train, Pass::Inference],
        }
    }

    /// Returns the default shape.
    pub fn shape(self) -> Shape {
        Shape(match self {
            Self::Liquid => [64, 28, 28, 128],
            Self::Stream => [1, 1, 16, 64],
            Self::Layer(_) => [32, 100, 8, 64],
            Self::LayerStream(_) => [1, 1, 8, 64],
            Self::Spiking => [64, 25, 784, 256],
            Self::Leaky => [1, 8000, 1, 1000],
            Self::Model { kind, preset } => {
                let batch = RunConfig::preset(kind, preset).map_or(128, |config| config.batch_size);
                match kind {
                    ModelKind::Cifar => [batch, 3, 32, 32],
                    _ => [batch, 1, 28, 28],
                }
            }
        })
    }

    /// Returns a description in one line.
    pub fn what(self) -> &'static str {
        match self {
            Self::Liquid => {
                "liquid units over sequences B,T,I,H: Euler steps, one time constant per unit, 10 classes from the last state"
            }
            Self::Stream => {
                "the same layer without gradients, one step 1,1,I,H after the other; the state is carried"
            }
            Self::Layer(Layer::Ltc) => {
                "liquid time-constant units, all joined, 6 sub-steps, over sequences B,T,I,H: 10 classes from the last output"
            }
            Self::Layer(Layer::LtcNcp) => {
                "the same units in a neural circuit policy, an eighth of them outputs"
            }
            Self::Layer(Layer::Cfc) => {
                "closed-form units with a backbone of 128 over sequences B,T,I,H: 10 classes from the last output"
            }
            Self::LayerStream(_) => {
                "the layer of that name without gradients, one step B,1,I,H after the other; the state is carried"
            }
            Self::Spiking => {
                "a spiking reservoir that trains, over sequences B,T,I,H: fast sigmoid, 10 classes from the mean spikes"
            }
            Self::Leaky => "the states of a fixed leaky reservoir over sequences B,T,I,H",
            Self::Model { .. } => {
                "a whole model on images B,C,H,W; for an lnn, whose front is computed once per run, only the readout trains"
            }
        }
    }

    /// Refuses a shape that the workload does not support.
    ///
    /// # Errors
    /// The expected shape.
    pub fn check(self, Shape([_, steps, ..]): Shape) -> Result<(), String> {
        match self {
            Self::Stream | Self::LayerStream(_) if steps != 1 => {
                Err(format!("{self} takes one step at a time: expected B,1,I,H, found {steps} steps"))
            }
            _ => Ok(()),
        }
    }
}

impl Display for Work {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Liquid => formatter.write_str("liquid"),
            Self::Stream => formatter.write_str("stream"),
            Self::Layer(layer) => formatter.write_str(layer.name()),
            Self::LayerStream(layer) => write!(formatter, "{}-stream", layer.name()),
            Self::Spiking => formatter.write_str("spiking"),
            Self::Leaky => formatter.write_str("leaky"),
            Self::Model { kind, preset } => write!(formatter, "model:{kind}:{preset}"),
        }
    }
}

impl Serialize for Work {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "cllnn" {
            return Ok(Self::Model { kind: ModelKind::Cllnn, preset: Preset::Article });
        }
        let all = Self::all();
        if let Some(work) = all.iter().find(|work| work.to_string() == text) {
            return Ok(*work);
        }
        let names: Vec<String> = all.iter().map(ToString::to_string).chain(["cllnn".into()]).collect();
        match nearest_name(text, names.iter().map(String::as_str)) {
            Some(name) => Err(format!("unknown work; did you mean `{name}`?")),
            None => Err("unknown work; `lnn-cli bench --list` shows all".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_work_is_read_from_the_name_it_shows() {
        for work in Work::all() {
            assert_eq!(work.to_string().parse(), Ok(work));
            assert_eq!(work.check(work.shape()), Ok(()));
        }
        assert_eq!("cllnn".parse::<Work>().unwrap().to_string(), "model:cllnn:article");
    }

    #[test]
    fn an_unknown_work_is_refused_with_the_nearest() {
        for (typo, meant) in
            [("liqid", "liquid"), ("LEAKY", "leaky"), ("model:clnn:article", "model:cllnn:article")]
        {
            let error = typo.parse::<Work>().unwrap_err();
            assert!(error.contains(&format!("did you mean `{meant}")), "{typo}: {error}");
        }
        assert!("weather".parse::<Work>().unwrap_err().contains("--list"));
    }

    #[test]
    fn a_stream_has_one_step() {
        assert!(Work::Stream.check(Shape([1, 2, 16, 64])).unwrap_err().contains("B,1,I,H"));
    }
}
