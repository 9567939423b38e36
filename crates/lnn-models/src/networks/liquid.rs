//! The LiquidTimeStep network: units with learned time constants, trained by backpropagation through time.
//!
//! Images are read as sequences, sequences as they are, with the time between their steps if it is known. A linear readout
//! sees the last state, the mean of the states, or both.
//!
//! Source: "Liquid Neuronal Networks (LNNs)". The article starts at tau = 1, where the step is a plain tanh network, and
//! leaves tau unbounded; its preset keeps that start and stops tau at 0.6. The tuned preset spreads the constants, keeps
//! them above a floor and takes exponential steps.

use crate::error::Error;
use crate::networks::network::Network;
use crate::output::{Mode, Output};
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summary, mean_of_counted};
use crate::preset::Preset;
use lnn_core::random::dropout;
use lnn_core::{
    Cell, Dense, Init, Input, InputShape, InputSpec, LiquidTimeStep, LiquidTimeStepConfig, Run, Scope,
    Script, Sequence, Solver, TauForm, TimeConstants,
};
use lnn_sys::ScriptAttribute;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How the weights of a liquid layer are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LiquidInit {
    /// All uniform within 1 / √fan-in, as PyTorch's linear layers.
    Uniform,
    /// Input weights Glorot uniform, recurrent weights orthogonal, no bias to begin with.
    Orthogonal,
}

/// The configuration of a LiquidTimeStep network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiquidConfig {
    /// How an image becomes a sequence; sequences stay as they are.
    pub scan: Scan,
    /// Number of units.
    pub units: i64,
    /// How a step is taken.
    pub solver: Solver,
    /// The time constants.
    pub tau: TimeConstants,
    /// How the weights are drawn.
    pub init: LiquidInit,
    /// Whether the recurrent product has a bias of its own, as in the article.
    pub recurrent_bias: bool,
    /// What the readout sees of the states.
    pub summaries: Vec<Summary>,
    /// Probability with which a number that the readout sees is left out in training.
    pub dropout: f64,
}

impl LiquidConfig {
    /// The configuration of a preset.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Article => Self {
                scan: Scan::Rows,
                units: 20,
                solver: Solver::Euler,
                tau: TimeConstants {
                    form: TauForm::Clamped,
                    floor: 0.6,
                    initial: [1.0, 1.0],
                    by_input: false,
                },
                init: LiquidInit::Uniform,
                recurrent_bias: true,
                summaries: vec![Summary::Last],
                dropout: 0.0,
            },
            Preset::Tuned | Preset::Conv => Self {
                scan: Scan::Rows,
                units: 128,
                solver: Solver::Exponential,
                tau: TimeConstants {
                    form: TauForm::Softplus,
                    floor: 0.5,
                    initial: [1.0, 10.0],
                    by_input: true,
                },
                init: LiquidInit::Orthogonal,
                recurrent_bias: false,
                summaries: vec![Summary::Last, Summary::Mean],
                dropout: 0.1,
            },
        }
    }
}

/// The network.
#[derive(Debug)]
pub(crate) struct Liquid {
    /// How images are read; none for sequences.
    scan: Option<Scan>,
    cell: LiquidTimeStep,
    readout: Dense,
    summaries: Vec<Summary>,
    dropout: f64,
}

impl Liquid {
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        config: &LiquidConfig,
        input: &InputSpec,
    ) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::Config { model: "liquid", reason });
        if !(0.0..1.0).contains(&config.dropout) {
            return refuse(format!("dropout must be at least 0 and below 1, found {}", config.dropout));
        }
        let twice = (1..config.summaries.len()).any(|i| config.summaries[..i].contains(&config.summaries[i]));
        if config.summaries.is_empty() || twice {
            return refuse(format!("summaries must be last, mean or both, found {:?}", config.summaries));
        }
        let (scan, inputs) = match &input.shape {
            InputShape::Images { channels, height, width } => {
                let [_, inputs] = config.scan.check([*channels, *height, *width], "liquid")?;
                (Some(config.scan), inputs)
            }
            InputShape::Sequences { features } => (None, features.len() as i64),
        };
        let units = config.units;
        let limit = |fan_in: i64| Init::Uniform { limit: 1.0 / (fan_in.max(1) as f64).sqrt() };
        let [input_init, recurrent_init, bias_init] = match config.init {
            LiquidInit::Uniform => [limit(inputs), limit(units), limit(inputs)],
            LiquidInit::Orthogonal => [Init::GlorotUniform, Init::OrthogonalBlocks, Init::Constant(0.0)],
        };
        let layer = LiquidTimeStepConfig {
            units,
            solver: config.solver,
            tau: config.tau,
            input_init,
            recurrent_init,
            bias_init,
            recurrent_bias: config.recurrent_bias,
        };
        let cell = LiquidTimeStep::new(&mut scope.child("cell"), inputs, &layer)?;
        let seen = units * config.summaries.len() as i64;
        Ok(Self {
            scan,
            cell,
            readout: Dense::new(&mut scope.child("readout"), seen, input.outputs())?,
            summaries: config.summaries.clone(),
            dropout: config.dropout,
        })
    }

    /// What the readout sees of a run, `[B, summaries·H]`.
    fn summarize(&self, run: &Run, mask: Option<&Tensor>) -> Tensor {
        let summaries = self.summaries.iter().map(|summary| match summary {
            Summary::Last => run.last.output().shallow_clone(),
            Summary::Mean => mean_of_counted(&run.outputs, mask),
        });
        Tensor::cat(&summaries.collect::<Vec<_>>(), 1)
    }
}

impl Network for Liquid {
    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let steps = match self.scan {
            Some(scan) => mode.trace(&scan.apply(&features.x)),
            None => mode.trace(&features.x),
        };
        let mask = features.mask.as_ref();
        let sequence = Sequence::new(&steps).with_dt(features.dt.as_ref()).with_mask(mask);
        let run = self.cell.scan(sequence, None)?;
        let seen = dropout(&self.summarize(&run, mask), self.dropout, mode.training())?;
        Ok(Output::new(self.readout.forward(&seen)).traced(mode, &steps))
    }

    fn has_time(&self) -> bool {
        true
    }

    fn steps(&self) -> Option<Option<Scan>> {
        Some(self.scan)
    }

    fn script(&self) -> Script {
        let summaries = self.summaries.iter().map(|summary| match summary {
            Summary::Last => "h",
            Summary::Mean => "total / steps",
        });
        let mean = self.summaries.contains(&Summary::Mean);
        let read = self.scan.map_or_else(|| "x".to_owned(), Scan::script);
        let source = SCRIPT
            .replace("    MEAN\n", if mean { MEAN } else { "" })
            .replace("SUMMARIES", &summaries.collect::<Vec<_>>().join(", "))
            .replace("AFTER", if mean { "h, total, steps" } else { "h" })
            .replace("LENGTH", if mean { "3" } else { "1" })
            .replace("READ", &read);
        Script::new("Liquid", source)
            .attribute("dropout", ScriptAttribute::Float(self.dropout))
            .part("cell", self.cell.script())
            .part("readout", self.readout.script())
    }
}

/// [`Network::head`] in TorchScript, whole and step by step. The state is the list of h and, where the readout sees the mean,
/// the sum of the states and the number of steps so far. `dt` takes the dtype of the input: numpy gives float64.
const SCRIPT: &str = "
def run(self, x: Tensor, state: Optional[List[Tensor]], dt: Optional[Tensor]) -> Tuple[Tensor, List[Tensor]]:
    before: Optional[Tensor] = None
    if state is not None:
        assert len(state) == LENGTH, 'the state is the LENGTH tensors that a call before gave, found {}'.format(len(state))
        before = state[0]
        assert before.size(0) == x.size(0), 'the state is of {} sequences, x of {}'.format(before.size(0), x.size(0))
    if dt is not None:
        expected = [x.size(0), x.size(1)]
        assert dt.size() == expected, 'dt is [N, T] = {}, one number for each step, found {}'.format(expected, dt.size())
        dt = dt.to(x.dtype)
    outputs, h = self.cell.sequence(x, before, dt)
    MEAN
    seen = torch.dropout(torch.cat([SUMMARIES], 1), self.dropout, self.training)
    return self.preprocessing.to_units(self.readout.forward(seen)), [AFTER]

def forward(self, x: Tensor, dt: Optional[Tensor] = None) -> Tensor:
    x = self.preprocessing.forward(x)
    return self.run(READ, None, dt)[0]

def sequence(self, x: Tensor, state: Optional[List[Tensor]] = None, dt: Optional[Tensor] = None) -> Tuple[Tensor, List[Tensor]]:
    return self.run(self.preprocessing.steps(x), state, dt)

def step(self, x: Tensor, state: Optional[List[Tensor]] = None, dt: Optional[Tensor] = None) -> Tuple[Tensor, List[Tensor]]:
    assert x.dim() == 2, 'one step is [N, I], found {}'.format(x.size())
    if dt is not None:
        assert dt.dim() == 1, 'dt of one step is [N], found {}'.format(dt.size())
        dt = dt.unsqueeze(1)
    return self.sequence(x.unsqueeze(1), state, dt)
";

/// The running mean of the states.
const MEAN: &str = "    total = outputs.sum(1)
    steps = torch.full_like(total[:, :1], outputs.size(1))
    if state is not None:
        total = total + state[1]
        steps = steps + state[2]
";
