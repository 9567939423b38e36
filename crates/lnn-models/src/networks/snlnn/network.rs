//! The parts of the network, and how they are built.

use crate::error::Error;
use crate::networks::snlnn::config::{Encoding, SnlnnConfig, SpikeSummary};
use crate::output::Mode;
use crate::parts::growth::Growth;
use lnn_core::{
    Init, InputSpec, Role, Scope, SpikingConfig, SpikingReservoir, encode_current, encode_delta,
    encode_latency, encode_rate,
};
use tch::Tensor;

/// The network.
#[derive(Debug)]
pub(crate) struct Snlnn {
    pub(super) encoding: Encoding,
    pub(super) reservoir: SpikingReservoir,
    /// `[classes, summaries · M]`: a block of M columns for each summary.
    pub(super) weight: Tensor,
    bias: Tensor,
    pub(super) summaries: Vec<SpikeSummary>,
    pub(super) capacity: i64,
    pub(super) dropout: f64,
    pub(super) growth: Growth,
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
            capacity: config.max_reservoir_dim,
            dropout: config.dropout,
            growth: config.growth,
        })
    }

    /// Images `[B, C, H, W]` to a sequence.
    pub(super) fn encode(&self, x: &Tensor, mode: Mode) -> Tensor {
        let flat = || x.flatten(1, -1);
        match self.encoding {
            Encoding::Current { steps } => encode_current(&flat(), steps),
            Encoding::Rate { steps } => encode_rate(&flat(), steps, mode.training()),
            Encoding::Latency { steps } => encode_latency(&flat(), steps),
            Encoding::Delta { scan, threshold } => encode_delta(&scan.apply(x), threshold),
            Encoding::Scan { scan } => scan.apply(x),
        }
    }

    /// The summaries of the active units, `[B, summaries·N]`, to logits or values.
    pub(super) fn read_out(&self, seen: &Tensor) -> Tensor {
        seen.linear(&self.columns(&self.weight, 0).flatten(1, 2), Some(&self.bias))
    }

    /// The readout's columns of the active units, `[classes, summaries, N]`, starting with unit `from`.
    pub(super) fn columns(&self, weight: &Tensor, from: i64) -> Tensor {
        let blocks = weight.view([-1, self.summaries.len() as i64, self.capacity]);
        blocks.narrow(2, from, self.reservoir.units() - from)
    }
}
