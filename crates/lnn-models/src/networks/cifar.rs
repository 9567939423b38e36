//! The liquid feedforward classifier of images, made for CIFAR-10.
//!
//! An image becomes a sequence of rows or patches, from rest for each image; a liquid layer reads it, in one order or
//! several; a linear readout sees means of the states over stretches of the sequence. A small residual convolutional front
//! may stand before.
//!
//! Source: "Liquid neural networks" (`AI-ContentLab`). The article's preset takes the snippet's update as it is printed,
//! which is linear, and makes it trainable; the snippet itself draws its weights once and carries the state from image to
//! image. The tuned presets take the consistent step `h' = (1 - c) h + c tanh(x W_in + h W_hid + b)` with a rate c for each
//! unit, which is learned: c = 1 - exp(-1 / tau).

use crate::error::Error;
use crate::networks::network::Network;
use crate::output::{Mode, Output};
use crate::parts::reading_order::Scan;
use crate::parts::residual_front::ResidualFront;
use crate::parts::summary::Summary;
use crate::preset::Preset;
use lnn_core::random::dropout;
use lnn_core::{
    Cell, Dense, Init, Input, InputSpec, LinearLiquid, LiquidTimeStep, LiquidTimeStepConfig, Scope, Script,
    Sequence, SequenceWhitening, Solver, TauForm, TimeConstants,
};
use lnn_sys::ScriptAttribute;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The update of the hidden state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Dynamics {
    /// The printed one, linear.
    Linear {
        /// c of the input's part.
        rate: f64,
    },
    /// The consistent one.
    Liquid {
        /// The time constants, from which the rates follow.
        tau: TimeConstants,
        /// The recurrent weights start as an orthogonal matrix times this.
        recurrent_scale: f64,
    },
}

/// The configuration of a liquid image classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CifarConfig {
    /// Channels of the blocks of the convolutional front, each of which halves the image; empty leaves the front out.
    pub channels: Vec<i64>,
    /// The readings of the image, or of the front's map; each has a layer of its own.
    pub scans: Vec<Scan>,
    /// Whether the steps are whitened, by a fixed map that is taken from the training images. Not behind a convolutional front.
    #[serde(default)]
    pub whitening: bool,
    /// The update of the hidden state.
    pub dynamics: Dynamics,
    /// Units of a layer.
    pub units: i64,
    /// Into how many stretches a sequence is cut.
    pub stretches: i64,
    /// What the readout sees of a stretch.
    pub summary: Summary,
    /// Probability with which a number that the readout sees is left out in training.
    pub dropout: f64,
    /// Whether evaluation takes the mean of the logits of an image and of its mirror image, at twice the cost.
    #[serde(default)]
    pub mirror: bool,
}

impl CifarConfig {
    /// The configuration of a preset.
    pub fn preset(preset: Preset) -> Self {
        let tau = |low, high| TimeConstants {
            form: TauForm::Softplus,
            floor: 0.1,
            initial: [low, high],
            by_input: false,
        };
        match preset {
            Preset::Article => Self {
                channels: Vec::new(),
                scans: vec![Scan::Rows],
                whitening: false,
                dynamics: Dynamics::Linear { rate: 0.1 },
                units: 20,
                stretches: 1,
                summary: Summary::Last,
                dropout: 0.0,
                mirror: false,
            },
            Preset::Tuned => Self {
                channels: Vec::new(),
                scans: vec![Scan::Patches { size: 8, stride: 4 }],
                whitening: true,
                dynamics: Dynamics::Liquid { tau: tau(0.33, 2.8), recurrent_scale: 0.5 },
                units: 256,
                stretches: 7,
                summary: Summary::Mean,
                dropout: 0.1,
                mirror: false,
            },
            Preset::Conv => Self {
                channels: vec![64, 192, 256],
                scans: vec![Scan::Positions],
                whitening: false,
                dynamics: Dynamics::Liquid { tau: tau(1.4, 1.5), recurrent_scale: 0.5 },
                units: 256,
                stretches: 1,
                summary: Summary::Mean,
                dropout: 0.0,
                mirror: true,
            },
        }
    }
}

/// The network.
#[derive(Debug)]
pub(crate) struct Cifar {
    front: Option<ResidualFront>,
    layers: Vec<Layer>,
    readout: Dense,
    stretches: i64,
    summary: Summary,
    dropout: f64,
    mirror: bool,
}

/// A reading of the image, and the cell that reads it.
#[derive(Debug)]
struct Layer {
    scan: Scan,
    whitening: Option<SequenceWhitening>,
    cell: Box<dyn Cell>,
}

impl Layer {
    fn steps(&self, map: &Tensor) -> Tensor {
        let steps = self.scan.apply(map);
        self.whitening.as_ref().map_or(steps.shallow_clone(), |whitening| whitening.forward(&steps))
    }
}

impl Cifar {
    pub(crate) fn new(scope: &mut Scope<'_>, config: &CifarConfig, input: &InputSpec) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::Config { model: "cifar", reason });
        if config.scans.is_empty() {
            return refuse("scans is empty, at least one reading of the image is needed".into());
        }
        if !(0.0..1.0).contains(&config.dropout) {
            return refuse(format!("dropout must be at least 0 and below 1, found {}", config.dropout));
        }
        if config.whitening && !config.channels.is_empty() {
            return refuse("whitening needs channels to be empty: behind a convolutional front there is nothing to take it from".into());
        }
        let mut map = input.image().ok_or(Error::ImagesOnly { model: "cifar" })?;
        let front = if config.channels.is_empty() {
            None
        } else {
            let front = ResidualFront::new(&mut scope.child("front"), map, &config.channels)?;
            map = front.map();
            Some(front)
        };
        let mut layers = Vec::with_capacity(config.scans.len());
        for (i, &scan) in config.scans.iter().enumerate() {
            let [steps, inputs] = scan.check(map, "cifar")?;
            if config.stretches < 1 || config.stretches > steps {
                let found = config.stretches;
                return refuse(format!(
                    "stretches must be 1 to {steps}, the steps of {scan:?}, found {found}"
                ));
            }
            let whitening = match config.whitening {
                true => Some(SequenceWhitening::new(&mut scope.child(&format!("whitening{i}")), inputs)?),
                false => None,
            };
            let cell = cell(&mut scope.child(&format!("layer{i}")), inputs, config)?;
            layers.push(Layer { scan, whitening, cell });
        }
        let features = config.units * config.stretches * config.scans.len() as i64;
        Ok(Self {
            front,
            layers,
            readout: Dense::new(&mut scope.child("readout"), features, input.outputs())?,
            stretches: config.stretches,
            summary: config.summary,
            dropout: config.dropout,
            mirror: config.mirror,
        })
    }
}

impl Cifar {
    /// Standardised images to logits, seen as they are.
    fn logits(&self, images: &Tensor, mode: Mode) -> Result<Output, Error> {
        let map = match &self.front {
            Some(front) => front.forward(images, mode.training())?,
            None => images.shallow_clone(),
        };
        let mut seen = Vec::with_capacity(self.layers.len());
        let mut first = None;
        for layer in &self.layers {
            let steps = mode.trace(&layer.steps(&map));
            let states = layer.cell.scan(Sequence::new(&steps), None)?.outputs;
            seen.push(self.summary.of_stretches(&states, self.stretches));
            first.get_or_insert(steps);
        }
        let seen = dropout(&Tensor::cat(&seen, 1), self.dropout, mode.training())?;
        let output = Output::new(self.readout.forward(&seen));
        Ok(match first {
            Some(steps) => output.traced(mode, &steps),
            None => output,
        })
    }
}

fn cell(scope: &mut Scope<'_>, inputs: i64, config: &CifarConfig) -> Result<Box<dyn Cell>, Error> {
    Ok(match config.dynamics {
        Dynamics::Linear { rate } => Box::new(LinearLiquid::new(scope, inputs, config.units, rate)?),
        Dynamics::Liquid { tau, recurrent_scale } => {
            let init = Box::new(Init::OrthogonalBlocks);
            let layer = LiquidTimeStepConfig {
                units: config.units,
                solver: Solver::Exponential,
                tau,
                input_init: Init::GlorotUniform,
                recurrent_init: Init::Scaled { factor: recurrent_scale, init },
                bias_init: Init::Constant(0.0),
                recurrent_bias: false,
            };
            Box::new(LiquidTimeStep::new(scope, inputs, &layer)?)
        }
    })
}

impl Network for Cifar {
    fn fit(&self, images: &Tensor) -> Result<(), Error> {
        if let Some(front) = &self.front {
            front.fit(images)?;
        }
        for Layer { scan, whitening, .. } in &self.layers {
            if let Some(whitening) = whitening {
                whitening.fit(&scan.apply(images))?;
            }
        }
        Ok(())
    }

    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let mut output = self.logits(&features.x, mode)?;
        if self.mirror && !mode.training() {
            let mirrored = self.logits(&features.x.flip([-1]), mode)?;
            output.prediction = (output.prediction + mirrored.prediction) / 2.0;
        }
        Ok(output)
    }

    fn script(&self) -> Script {
        let features = self.layers.iter().enumerate().map(|(i, layer)| {
            let steps = layer.scan.script();
            let steps =
                if layer.whitening.is_some() { format!("self.whitening{i}.forward({steps})") } else { steps };
            format!("    features.append(self.summarize(self.layer{i}.forward({steps})))\n")
        });
        let front = if self.front.is_some() { "    x = self.front.forward(x)\n" } else { "" };
        let source = SCRIPT
            .replace("    FRONT\n", front)
            .replace("    FEATURES\n", &features.collect::<Vec<_>>().concat())
            + &self.summary.script();
        let mut script = Script::new("Cifar", source)
            .attribute("stretches", ScriptAttribute::Int(self.stretches))
            .attribute("dropout", ScriptAttribute::Float(self.dropout))
            .attribute("mirror", ScriptAttribute::Bool(self.mirror))
            .part("readout", self.readout.script());
        if let Some(front) = &self.front {
            script = script.part("front", front.script());
        }
        let layers = self.layers.iter().enumerate();
        layers.fold(script, |script, (i, layer)| {
            let script = script.part(format!("layer{i}"), layer.cell.script());
            match &layer.whitening {
                Some(whitening) => script.part(format!("whitening{i}"), whitening.script()),
                None => script,
            }
        })
    }
}

/// [`Network::head`] in TorchScript; `FRONT` and `FEATURES` stand for the front and the features of each layer.
const SCRIPT: &str = "
def forward(self, images: Tensor) -> Tensor:
    x = self.preprocessing.forward(images)
    if self.mirror and not self.training:
        return (self.logits(x) + self.logits(x.flip([-1]))) / 2.0
    return self.logits(x)

def logits(self, x: Tensor) -> Tensor:
    FRONT
    features = []
    FEATURES
    return self.readout.forward(torch.dropout(torch.cat(features, 1), self.dropout, self.training))
";
