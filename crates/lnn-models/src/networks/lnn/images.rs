//! The LNN: a fixed leaky reservoir with a trained linear readout.
//!
//! The article shows a whole image at one step, from a zero state, therefore its recurrent weights have no effect. The tuned form
//! reads the image as sequences, with one reservoir per direction, takes several states from each, and standardises them. Only the
//! readout is trainable.
//!
//! Source: Bacay, "Liquid Neural Networks (LNN) for Handwritten Digit Recognition".

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::output::{Mode, Output};
use crate::parts::reading_order::{NEIGHBOURS_SCRIPT, Scan, with_neighbours};
use crate::parts::readout::Readout;
use crate::parts::reservoir_settings::ReservoirSettings;
use crate::parts::summary::Summary;
use crate::preset::PresetOf;
use lnn_core::{Cell, Input, InputSpec, LeakyReservoir, Scope, Script, Sequence};
use lnn_sys::ScriptAttribute;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The configuration of an LNN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LnnConfig {
    /// The readings of the image; each has a reservoir of its own.
    pub scans: Vec<Scan>,
    /// Number of neighbouring lines in a step, odd; 1 means the line alone.
    pub window: i64,
    /// Every reservoir.
    pub reservoir: ReservoirSettings,
    /// Number of stretches of equal length into which the sequence is cut; the readout sees one summary of each.
    pub stretches: i64,
    /// What the readout sees of a stretch.
    pub summary: Summary,
    /// Whether the summaries are standardised before the readout, by their mean and deviation on the training set.
    pub standardize: bool,
}

impl LnnConfig {
    /// The equations and hyper-parameters of the article.
    pub fn article() -> Self {
        Self {
            scans: vec![Scan::Whole],
            window: 1,
            reservoir: ReservoirSettings {
                units: 1000,
                spectral_radius: 1.5,
                leak_rate: 0.3,
                input_scale: 0.1,
                scale_by_inputs: false,
                bias_scale: 0.0,
            },
            stretches: 1,
            summary: Summary::Last,
            standardize: false,
        }
    }

    /// The hyper-parameters with the best validation results.
    pub fn tuned() -> Self {
        Self {
            scans: vec![Scan::Rows, Scan::RowsReversed, Scan::Columns, Scan::ColumnsReversed],
            window: 5,
            reservoir: ReservoirSettings {
                units: 300,
                spectral_radius: 1.0,
                leak_rate: 0.3,
                input_scale: 1.0,
                scale_by_inputs: true,
                bias_scale: 0.5,
            },
            stretches: 4,
            summary: Summary::Mean,
            standardize: true,
        }
    }
}

impl NetworkConfig for LnnConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article(
            "1000 units that see the whole image at one step, as in the article",
            Self::article,
        ),
        PresetOf::tuned("4 readings of 300 units each, several states of each", Self::tuned),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        Ok(Box::new(Lnn::new(scope, self, input)?))
    }
}

/// The network of an LNN.
#[derive(Debug)]
pub(crate) struct Lnn {
    reservoirs: Vec<(Scan, LeakyReservoir)>,
    readout: Readout,
    window: i64,
    stretches: i64,
    summary: Summary,
}

impl Lnn {
    pub(crate) fn new(scope: &mut Scope<'_>, config: &LnnConfig, input: &InputSpec) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::Config { model: "lnn", reason });
        if config.scans.is_empty() {
            return refuse("scans is empty, at least one reading of the image is needed".into());
        }
        if config.window < 1 || config.window % 2 == 0 {
            return refuse(format!("window must be odd and at least 1, found {}", config.window));
        }
        let image = input.image().ok_or(Error::ImagesOnly { model: "lnn" })?;
        let mut reservoirs = Vec::with_capacity(config.scans.len());
        for (i, &scan) in config.scans.iter().enumerate() {
            let [steps, inputs] = scan.check(image, "lnn")?;
            if config.stretches < 1 || config.stretches > steps {
                let found = config.stretches;
                return refuse(format!(
                    "stretches must be 1 to {steps}, the steps of {scan:?}, found {found}"
                ));
            }
            let inputs = inputs * config.window;
            let settings = config.reservoir.for_inputs(inputs);
            let mut scope = scope.child(&format!("reservoir{i}"));
            reservoirs.push((scan, LeakyReservoir::new(&mut scope, inputs, &settings)?));
        }
        let features = config.reservoir.units * config.stretches * config.scans.len() as i64;
        let readout =
            Readout::new(&mut scope.child("readout"), features, input.outputs(), config.standardize)?;
        let (window, stretches, summary) = (config.window, config.stretches, config.summary);
        Ok(Self { reservoirs, readout, window, stretches, summary })
    }
}

impl Network for Lnn {
    fn front(&self, input: Input) -> Result<Input, Error> {
        let x = &input.x;
        // Nothing before the readout is trainable, therefore no gradients are needed.
        tch::no_grad(|| {
            let mut features = Vec::with_capacity(self.reservoirs.len());
            for (scan, reservoir) in &self.reservoirs {
                let sequence = with_neighbours(&scan.apply(x), self.window);
                let states = reservoir.scan(Sequence::new(&sequence), None)?.outputs;
                features.extend(self.summary.of_stretches(&states, self.stretches));
            }
            Ok(Input::new(Tensor::cat(&features, 1)))
        })
    }

    fn head(&self, features: &Input, _mode: Mode) -> Result<Output, Error> {
        Ok(Output::new(self.readout.forward(&features.x)))
    }

    fn readout(&self) -> Option<&Readout> {
        Some(&self.readout)
    }

    fn script(&self) -> Script {
        let features = self.reservoirs.iter().enumerate().map(|(i, (scan, _))| {
            format!(
                "    states = self.reservoir{i}.forward(self.with_neighbours({}))\n    \
                 features.append(self.summarize(states))\n",
                scan.script()
            )
        });
        let forward = SCRIPT.replace("    FEATURES\n", &features.collect::<Vec<_>>().concat());
        let source = forward + NEIGHBOURS_SCRIPT + &self.summary.script();
        let script = Script::new("Lnn", source)
            .attribute("window", ScriptAttribute::Int(self.window))
            .attribute("stretches", ScriptAttribute::Int(self.stretches));
        let reservoirs = self.reservoirs.iter().enumerate();
        reservoirs
            .fold(script, |script, (i, (_, cell))| script.part(format!("reservoir{i}"), cell.script()))
            .part("readout", self.readout.script())
    }
}

/// [`Network::front`] and [`Network::head`] in TorchScript; `FEATURES` stands for the features of each reservoir.
const SCRIPT: &str = "
def forward(self, images: Tensor) -> Tensor:
    x = self.preprocessing.forward(images, self.readout.weight.dtype)
    features = []
    FEATURES
    return self.preprocessing.to_units(self.readout.forward(torch.cat(features, 1)), images)
";
