//! The CLLNN: convolutions, a fixed reservoir over their features, an LSTM over the states, and a linear readout.
//!
//! The article flattens the features into one step from zero states. The tuned form runs the reservoir and the LSTM
//! over a sequence of feature positions, with batch normalisation behind the convolutions.
//!
//! Source: Bacay, "Convolutional LSTM Liquid Neural Network (CLLNN)" (2024).

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::output::{Mode, Output};
use crate::parts::reading_order::Scan;
use crate::parts::reservoir_settings::ReservoirSettings;
use crate::preset::PresetOf;
use lnn_core::random::dropout;
use lnn_core::{
    Activation, BatchNorm, Cell, Convolution, ConvolutionConfig, Dense, Init, Input, InputSpec,
    LeakyReservoir, Lstm, Scope, Script, Sequence,
};
use lnn_sys::ScriptAttribute;
use serde::{Deserialize, Serialize};

/// The configuration of a CLLNN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CllnnConfig {
    /// Output channels of the 3×3 convolutions, each followed by a 2×2 max-pooling and a rectifier.
    pub channels: Vec<i64>,
    /// Whether a batch normalisation follows each convolution.
    pub batch_norm: bool,
    /// How the feature map becomes a sequence.
    pub scan: Scan,
    /// The reservoir.
    pub reservoir: ReservoirSettings,
    /// Units of the LSTM.
    pub lstm_units: i64,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
}

impl CllnnConfig {
    /// The equations and hyper-parameters of the article.
    pub fn article() -> Self {
        Self {
            channels: vec![32, 64, 128],
            batch_norm: false,
            scan: Scan::Whole,
            reservoir: ReservoirSettings {
                units: 512,
                spectral_radius: 0.9,
                leak_rate: 0.2,
                input_scale: 0.1,
                scale_by_inputs: false,
                bias_scale: 0.0,
                density: 1.0,
                leak_range: None,
            },
            lstm_units: 128,
            dropout: 0.0,
        }
    }

    /// The hyper-parameters with the best validation results.
    pub fn tuned() -> Self {
        Self {
            channels: vec![32, 64, 128],
            batch_norm: true,
            scan: Scan::Rows,
            reservoir: ReservoirSettings {
                units: 512,
                spectral_radius: 0.9,
                leak_rate: 0.5,
                input_scale: 1.0,
                scale_by_inputs: true,
                bias_scale: 0.0,
                density: 1.0,
                leak_range: None,
            },
            lstm_units: 128,
            dropout: 0.0,
        }
    }
}

impl NetworkConfig for CllnnConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article(
            "512 reservoir units that see all features at one step, as in the article",
            Self::article,
        ),
        PresetOf::tuned("512 reservoir units over rows of features, with batch normalisation", Self::tuned),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        Ok(Box::new(Cllnn::new(scope, self, input)?))
    }
}

/// The network of a CLLNN.
#[derive(Debug)]
pub(crate) struct Cllnn {
    blocks: Vec<(Convolution, Option<BatchNorm>)>,
    scan: Scan,
    reservoir: LeakyReservoir,
    lstm: Lstm,
    readout: Dense,
    dropout: f64,
}

impl Cllnn {
    pub(crate) fn new(scope: &mut Scope<'_>, config: &CllnnConfig, input: &InputSpec) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::Config { model: "cllnn", reason });
        if !(0.0..1.0).contains(&config.dropout) {
            return refuse(format!("dropout must be at least 0 and below 1, found {}", config.dropout));
        }
        let image = input.image().ok_or(Error::ImagesOnly { model: "cllnn" })?;
        let mut map = image;
        let mut blocks = Vec::with_capacity(config.channels.len());
        for (i, &outputs) in config.channels.iter().enumerate() {
            let [inputs, height, width] = map;
            if height < 2 || width < 2 {
                let image = format!("{} x {}", image[1], image[2]);
                return refuse(format!(
                    "images of {image} are too small for {} poolings",
                    config.channels.len()
                ));
            }
            let mut scope = scope.child(&format!("block{i}"));
            let sizes = ConvolutionConfig { inputs, outputs, kernel: 3, bias: !config.batch_norm };
            let init = if config.batch_norm { Init::HeNormal } else { Init::GlorotUniform };
            let convolution = Convolution::new(&mut scope.child("convolution"), &sizes, &init)?;
            let normalization = match config.batch_norm {
                true => Some(BatchNorm::new(&mut scope.child("normalization"), outputs)?),
                false => None,
            };
            blocks.push((convolution, normalization));
            map = [outputs, height / 2, width / 2];
        }
        let [_, inputs] = config.scan.check(map, "cllnn")?;
        let settings = config.reservoir.for_inputs(inputs);
        Ok(Self {
            blocks,
            scan: config.scan,
            reservoir: LeakyReservoir::new(&mut scope.child("reservoir"), inputs, &settings)?,
            lstm: Lstm::new(&mut scope.child("lstm"), config.reservoir.units, config.lstm_units)?,
            readout: Dense::new(&mut scope.child("readout"), config.lstm_units, input.outputs())?,
            dropout: config.dropout,
        })
    }
}

impl Network for Cllnn {
    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let (x, training) = (&features.x, mode.training());
        // Channels last in memory, shape unchanged: the convolutions are a third faster so, and the pooling is several times. With
        // one channel both orders are the same and libtorch goes on in the other, hence after each convolution, too.
        let channels_last = |x: &tch::Tensor| x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        let mut x = channels_last(x);
        for (convolution, normalization) in &self.blocks {
            x = channels_last(&convolution.forward(&x)?);
            x = match normalization {
                Some(normalization) => normalization.activated(&x, true, Activation::Rectifier, training)?,
                None => Activation::Rectifier.apply(&x.max_pool2d(2, 2, 0, 1, false)),
            };
        }
        let steps = mode.trace(&self.scan.apply(&x), self.reservoir.weight().kind());
        let states = self.reservoir.scan(Sequence::new(&steps), None)?.outputs;
        let memory = self.lstm.scan(Sequence::new(&states), None)?;
        let logits = self.readout.forward(&dropout(memory.last.output(), self.dropout, training, 0)?);
        Ok(Output::new(logits).traced(mode, &steps))
    }

    fn script(&self) -> Script {
        let blocks: Vec<_> =
            (0..self.blocks.len()).map(|i| format!("    x = self.block{i}.forward(x)\n")).collect();
        let source =
            SCRIPT.replace("    BLOCKS\n", &blocks.concat()).replace("SEQUENCE", &self.scan.script());
        let script = Script::new("Cllnn", source).attribute("dropout", ScriptAttribute::Float(self.dropout));
        let blocks = self.blocks.iter().enumerate();
        blocks
            .fold(script, |script, (i, (convolution, normalization))| {
                let mut block = Script::new("Block", BLOCK_SCRIPT).part("convolution", convolution.script());
                if let Some(normalization) = normalization {
                    block = block.part("normalization", normalization.script());
                }
                script.part(format!("block{i}"), block)
            })
            .part("reservoir", self.reservoir.script())
            .part("lstm", self.lstm.script())
            .part("readout", self.readout.script())
    }
}

/// [`Network::head`] in TorchScript; `BLOCKS` stands for the calls of the blocks, `SEQUENCE` for the scan.
const SCRIPT: &str = "
def forward(self, images: Tensor) -> Tensor:
    x = self.preprocessing.forward(images, self.readout.weight.dtype)
    x = x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
    BLOCKS
    states = self.reservoir.forward(SEQUENCE)
    memory = self.lstm.sequence(states)[1][0]
    logits = self.readout.forward(torch.dropout(memory, self.dropout, self.training))
    return self.preprocessing.to_units(logits, images)
";

/// A convolution, a pooling, a normalisation if there is one, and a rectifier.
const BLOCK_SCRIPT: &str = "
def forward(self, x: Tensor) -> Tensor:
    x = torch.max_pool2d(self.convolution.forward(x), [2, 2], [2, 2])
    if hasattr(self, 'normalization'):
        x = self.normalization.forward(x)
    return torch.relu(x)
";
