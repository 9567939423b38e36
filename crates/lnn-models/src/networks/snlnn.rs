//! The SNLNN: a spiking reservoir that grows, trained by surrogate gradients.
//!
//! An image becomes a sequence of currents or spikes; a linear readout sees what the reservoir did. Units are born while it
//! trains, and nobody notices a birth: what hears a newborn starts with a weight of 0.
//!
//! Source: Bacay, "Spiking Neurogenic Liquid Neural Networks (SNLNN) for Handwritten Digit Recognition". There the image is
//! one step from rest, the threshold is never reached and nothing grows; the article's preset keeps the equations and
//! numbers, so it does not spike either.

use crate::error::Error;
use crate::networks::network::Network;
use crate::output::{Activity, Mode, Output};
use crate::parts::growth::{Growth, GrowthRule};
use crate::parts::reading_order::Scan;
use crate::parts::standardization::Standardization;
use crate::parts::summary::mean_of_counted;
use crate::preset::Preset;
use lnn_core::random::dropout;
use lnn_core::{
    Cell, Init, Input, InputSpec, Role, Scope, Script, Sequence, SpikingConfig, SpikingReservoir, Surrogate,
    encode_current, encode_delta, encode_latency, encode_rate,
};
use lnn_sys::ScriptAttribute;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How an image becomes a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Encoding {
    /// The whole image as a current at each of so many steps.
    Current {
        /// Number of steps.
        #[serde(default = "six")]
        steps: i64,
    },
    /// Each pixel as a train of spikes whose rate is its intensity: random in training, even in evaluation.
    Rate {
        /// Number of steps.
        #[serde(default = "six")]
        steps: i64,
    },
    /// Each pixel as one spike, the earlier the brighter.
    Latency {
        /// Number of steps.
        #[serde(default = "six")]
        steps: i64,
    },
    /// Rows, columns or patches one by one, as spikes where they differ from the one before.
    Delta {
        /// The reading.
        #[serde(default = "rows")]
        scan: Scan,
        /// The least difference.
        #[serde(default = "tenth")]
        threshold: f64,
    },
    /// Rows, columns or patches one by one, as currents.
    Scan {
        /// The reading.
        #[serde(default = "rows")]
        scan: Scan,
    },
}

// The defaults of the fields, for a configuration that names the kind alone.
fn six() -> i64 {
    6
}
fn rows() -> Scan {
    Scan::Rows
}
fn tenth() -> f64 {
    0.1
}

/// What the readout sees of the reservoir.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpikeSummary {
    /// The last membranes.
    LastMembrane,
    /// The mean of the membranes over the steps.
    MeanMembrane,
    /// Spikes per step.
    SpikeRate,
}

/// The configuration of an SNLNN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnlnnConfig {
    /// How an image becomes a sequence.
    pub encoding: Encoding,
    /// Units that live from the start.
    pub units: i64,
    /// Units that there is room for.
    pub max_reservoir_dim: i64,
    /// Largest modulus of the eigenvalues of the first units' recurrent weights.
    pub spectral_radius: f64,
    /// The part of the membrane that is renewed at each step, in (0, 1].
    pub leak_rate: f64,
    /// Standard deviation of the input weights.
    pub input_scale: f64,
    /// Where a membrane spikes. Membranes stay within ±1.
    pub threshold: f64,
    /// Which smooth function lends a spike its gradient.
    pub surrogate: Surrogate,
    /// How fast that gradient falls beside the threshold.
    pub sharpness: f64,
    /// Whether the units have a bias.
    pub bias: bool,
    /// Whether the reservoir trains, or its readout alone.
    pub train_reservoir: bool,
    /// What the readout sees.
    pub summaries: Vec<SpikeSummary>,
    /// Probability with which a number that the readout sees is left out in training.
    pub dropout: f64,
    /// How the reservoir grows.
    pub growth: Growth,
}

impl SnlnnConfig {
    /// The configuration of a preset.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Article => Self {
                encoding: Encoding::Current { steps: 1 },
                units: 100,
                max_reservoir_dim: 1000,
                spectral_radius: 1.5,
                leak_rate: 0.3,
                input_scale: 0.1,
                threshold: 1.0,
                surrogate: Surrogate::FastSigmoid,
                sharpness: 10.0,
                bias: false,
                train_reservoir: true,
                summaries: vec![SpikeSummary::LastMembrane],
                dropout: 0.0,
                growth: Growth { rule: GrowthRule::Activity { above: 0.5 }, units: 1, every_steps: Some(1) },
            },
            Preset::Tuned | Preset::Conv => Self {
                encoding: Encoding::Current { steps: 6 },
                units: 320,
                max_reservoir_dim: 512,
                spectral_radius: 1.0,
                leak_rate: 0.3,
                input_scale: 0.036,
                threshold: 0.5,
                surrogate: Surrogate::FastSigmoid,
                sharpness: 5.0,
                bias: true,
                train_reservoir: true,
                summaries: vec![SpikeSummary::SpikeRate, SpikeSummary::MeanMembrane],
                dropout: 0.0,
                growth: Growth { rule: GrowthRule::Activity { above: 0.05 }, units: 32, every_steps: None },
            },
        }
    }

    /// Refuses a standardisation that an encoding cannot read.
    pub(crate) fn check_standardization(&self, found: Standardization) -> Result<(), Error> {
        let intensities = matches!(self.encoding, Encoding::Rate { .. } | Encoding::Latency { .. });
        if intensities && found != Standardization::None {
            return Err(Error::Standardization(
                "the encodings rate and latency read intensities in 0..1; hint: --set standardization=none"
                    .into(),
            ));
        }
        Ok(())
    }
}

/// The network.
#[derive(Debug)]
pub(crate) struct Snlnn {
    encoding: Encoding,
    reservoir: SpikingReservoir,
    /// `[classes, summaries · M]`: a block of M columns for each summary.
    weight: Tensor,
    bias: Tensor,
    summaries: Vec<SpikeSummary>,
    room: i64,
    dropout: f64,
    growth: Growth,
}

impl Snlnn {
    pub(crate) fn new(scope: &mut Scope<'_>, config: &SnlnnConfig, input: &InputSpec) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::Config { model: "snlnn", reason });
        if !(0.0..1.0).contains(&config.dropout) {
            return refuse(format!("dropout must be at least 0 and below 1, found {}", config.dropout));
        }
        let twice = (1..config.summaries.len()).any(|i| config.summaries[..i].contains(&config.summaries[i]));
        if config.summaries.is_empty() || twice {
            return refuse(format!("summaries must be there and differ, found {:?}", config.summaries));
        }
        if let Some(problem) = config.growth.problem() {
            return refuse(problem);
        }
        let image = input.image().ok_or(Error::ImagesOnly { model: "snlnn" })?;
        let inputs = match config.encoding {
            Encoding::Current { steps } | Encoding::Rate { steps } | Encoding::Latency { steps } => {
                if steps < 1 {
                    return refuse(format!("encoding.steps must be at least 1, found {steps}"));
                }
                image.iter().product()
            }
            Encoding::Delta { threshold, .. } if !(threshold.is_finite() && threshold > 0.0) => {
                return refuse(format!(
                    "encoding.threshold must be a finite number above 0, found {threshold}"
                ));
            }
            Encoding::Delta { scan, .. } | Encoding::Scan { scan } => scan.check(image, "snlnn")?[1],
        };
        let reservoir = SpikingConfig {
            units: config.units,
            most_units: config.max_reservoir_dim,
            spectral_radius: config.spectral_radius,
            leak_rate: config.leak_rate,
            input_scale: config.input_scale,
            threshold: config.threshold,
            surrogate: config.surrogate,
            sharpness: config.sharpness,
            bias: config.bias,
            role: if config.train_reservoir { Role::Trainable } else { Role::Buffer },
        };
        let reservoir = SpikingReservoir::new(&mut scope.child("reservoir"), inputs, &reservoir)?;
        let mut scope = scope.child("readout");
        let columns = config.max_reservoir_dim * config.summaries.len() as i64;
        Ok(Self {
            encoding: config.encoding,
            reservoir,
            weight: scope.trainable("weight", &[input.outputs(), columns], &Init::GlorotUniform)?,
            bias: scope.trainable("bias", &[input.outputs()], &Init::Constant(0.0))?,
            summaries: config.summaries.clone(),
            room: config.max_reservoir_dim,
            dropout: config.dropout,
            growth: config.growth,
        })
    }

    /// Images `[B, C, H, W]` to a sequence.
    fn encode(&self, x: &Tensor, mode: Mode) -> Tensor {
        let flat = || x.flatten(1, -1);
        match self.encoding {
            Encoding::Current { steps } => encode_current(&flat(), steps),
            Encoding::Rate { steps } => encode_rate(&flat(), steps, mode.training()),
            Encoding::Latency { steps } => encode_latency(&flat(), steps),
            Encoding::Delta { scan, threshold } => encode_delta(&scan.apply(x), threshold),
            Encoding::Scan { scan } => scan.apply(x),
        }
    }

    /// The readout's columns of the living units, `[classes, summaries, N]`, starting with unit `from`.
    fn columns(&self, weight: &Tensor, from: i64) -> Tensor {
        let blocks = weight.view([-1, self.summaries.len() as i64, self.room]);
        blocks.narrow(2, from, self.reservoir.units() - from)
    }
}

impl Network for Snlnn {
    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let steps = mode.trace(&self.encode(&features.x, mode));
        let run = self.reservoir.scan(Sequence::new(&steps), None)?;
        let [membranes, spikes] = <[Tensor; 2]>::try_from(run.outputs.chunk(2, 2)).expect("two halves");
        let summaries = self.summaries.iter().map(|summary| match summary {
            SpikeSummary::LastMembrane => run.last.output().shallow_clone(),
            SpikeSummary::MeanMembrane => mean_of_counted(&membranes, None),
            SpikeSummary::SpikeRate => mean_of_counted(&spikes, None),
        });
        let seen = dropout(&Tensor::cat(&summaries.collect::<Vec<_>>(), 1), self.dropout, mode.training())?;
        let logits = seen.linear(&self.columns(&self.weight, 0).flatten(1, 2), Some(&self.bias));
        let activity = Some(Activity::of(&membranes, &spikes));
        Ok(Output { activity, ..Output::new(logits).traced(mode, &steps) })
    }

    fn growth(&self) -> Option<&Growth> {
        Some(&self.growth)
    }

    fn grow(&self) -> Result<Option<[i64; 3]>, Error> {
        let before = self.reservoir.units();
        let born = self.reservoir.grow(self.growth.units)?;
        if born == 0 {
            return Ok(None);
        }
        let _ = self.columns(&self.weight.detach(), before).f_zero_()?;
        Ok(Some([born, self.reservoir.units(), self.room]))
    }

    fn living(&self) -> Option<i64> {
        Some(self.reservoir.units())
    }

    fn loaded(&self) {
        self.reservoir.recount();
    }

    fn steps(&self) -> Option<Option<Scan>> {
        Some(Some(match self.encoding {
            Encoding::Delta { scan, .. } | Encoding::Scan { scan } => scan,
            _ => Scan::Whole,
        }))
    }

    fn script(&self) -> Script {
        let summaries = self.summaries.iter().map(|summary| match summary {
            SpikeSummary::LastMembrane => "v",
            SpikeSummary::MeanMembrane => "membranes / steps",
            SpikeSummary::SpikeRate => "spikes / steps",
        });
        let encode = match self.encoding {
            Encoding::Current { steps } => format!("x.flatten(1).unsqueeze(1).expand([-1, {steps}, -1])"),
            Encoding::Rate { steps } => format!("self.rate(x.flatten(1), {steps})"),
            Encoding::Latency { steps } => format!("self.latency(x.flatten(1), {steps})"),
            Encoding::Delta { scan, threshold } => format!("self.delta({}, {threshold:?})", scan.script()),
            Encoding::Scan { scan } => scan.script(),
        };
        // A change needs the step before, which the state carries on.
        let (steps, length) = match self.encoding {
            Encoding::Delta { threshold, .. } => {
                (CHANGES.replace("THRESHOLD", &format!("{threshold:?}")), "6")
            }
            _ => (CURRENTS.to_owned(), "5"),
        };
        let source = SCRIPT
            .replace("SUMMARIES", &summaries.collect::<Vec<_>>().join(", "))
            .replace("ENCODE", &encode)
            .replace("STEPS", &steps)
            .replace("LENGTH", length)
            + ENCODINGS;
        Script::new("Snlnn", source)
            .attribute("dropout", ScriptAttribute::Float(self.dropout))
            .attribute("room", ScriptAttribute::Int(self.room))
            .attribute("units", ScriptAttribute::Int(self.reservoir.units()))
            .part("reservoir", self.reservoir.script())
            .part("readout", Script::new("SpikeReadout", READOUT))
    }
}

/// [`Network::head`] in TorchScript, whole and step by step. The state is the list of v, s, the sums of both over the steps,
/// and the number of steps so far; [`CHANGES`] adds to it.
const SCRIPT: &str = "
def run(self, x: Tensor, state: Optional[List[Tensor]]) -> Tuple[Tensor, List[Tensor]]:
    before: Optional[Tuple[Tensor, Tensor]] = None
    if state is not None:
        assert len(state) == LENGTH, 'the state is the LENGTH tensors that a call before gave, found {}'.format(len(state))
        before = (state[0], state[1])
        batch = state[0].size(0)
        assert batch == x.size(0), 'the state is of {} sequences, x of {}'.format(batch, x.size(0))
    outputs, after = self.reservoir.sequence(x, before)
    v, s = after
    membranes, spikes = torch.chunk(outputs.sum(1), 2, 1)
    steps = torch.full_like(membranes[:, :1], outputs.size(1))
    if state is not None:
        membranes = membranes + state[2]
        spikes = spikes + state[3]
        steps = steps + state[4]
    seen = torch.dropout(torch.cat([SUMMARIES], 1), self.dropout, self.training)
    return self.readout.forward(seen, self.room, self.units), [v, s, membranes, spikes, steps]

def encode(self, x: Tensor) -> Tensor:
    return ENCODE

def forward(self, images: Tensor) -> Tensor:
    return self.run(self.encode(self.preprocessing.forward(images)), None)[0]
STEPS
def step(self, x: Tensor, state: Optional[List[Tensor]] = None) -> Tuple[Tensor, List[Tensor]]:
    assert x.dim() == 2, 'one step is [N, I], found {}'.format(x.size())
    return self.sequence(x.unsqueeze(1), state)
";

/// Steps as the image is read, or the spikes of an encoding that spreads one image over time.
const CURRENTS: &str = "
def sequence(self, x: Tensor, state: Optional[List[Tensor]] = None) -> Tuple[Tensor, List[Tensor]]:
    return self.run(self.preprocessing.steps(x), state)
";

/// Steps as the image is read, of which the changes are shown; the last step is a part of the state.
const CHANGES: &str = "
def sequence(self, x: Tensor, state: Optional[List[Tensor]] = None) -> Tuple[Tensor, List[Tensor]]:
    x = self.preprocessing.steps(x)
    before = torch.zeros_like(x[:, :1])
    if state is not None:
        before = state[len(state) - 1].unsqueeze(1)
    changes = self.delta(torch.cat([before, x], 1), THRESHOLD)[:, 1:]
    output, after = self.run(changes, state)
    return output, after + [x[:, -1]]
";

/// The encodings of `lnn-core`, of which one is called.
const ENCODINGS: &str = "
def rate(self, x: Tensor, steps: int) -> Tensor:
    x = torch.clamp(x, 0., 1.).unsqueeze(1).expand([-1, steps, -1])
    if self.training:
        return (torch.rand_like(x) < x).to(x.dtype)
    t = torch.arange(steps, device=x.device).to(x.dtype).view([1, -1, 1])
    return torch.floor(x * (t + 1) + 0.01) - torch.floor(x * t + 0.01)

def latency(self, x: Tensor, steps: int) -> Tensor:
    x = torch.clamp(x, 0., 1.)
    time = torch.round((1. - x) * (steps - 1)).unsqueeze(1)
    t = torch.arange(steps, device=x.device).to(x.dtype).view([1, -1, 1])
    return torch.logical_and(t == time, (x > 0).unsqueeze(1)).to(x.dtype)

def delta(self, x: Tensor, threshold: float) -> Tensor:
    change = x - torch.constant_pad_nd(x, [0, 0, 1, 0])[:, :x.size(1)]
    return (change >= threshold).to(x.dtype) - (change <= -threshold).to(x.dtype)
";

/// The living units' columns of each summary.
const READOUT: &str = "
def forward(self, seen: Tensor, room: int, units: int) -> Tensor:
    weight = self.weight.view([self.weight.size(0), -1, room])[:, :, :units].flatten(1)
    return torch.linear(seen, weight, self.bias)
";
