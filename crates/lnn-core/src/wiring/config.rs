//! How the wiring of a cell is made: the kinds that a configuration can name.

use crate::error::Error;
use crate::random::SplitMix64;
use crate::wiring::graph::{Layer, Synapse, Wiring};
use crate::wiring::ncp::NcpConfig;
use serde::{Deserialize, Serialize};

/// The kind of a wiring. The same configuration gives the same wiring on every machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WiringConfig {
    /// Every input and every unit leads to every unit; a third of the synapses is inhibitory.
    Full {
        /// The seed of the polarities.
        seed: u64,
    },
    /// A random part of these synapses.
    Random {
        /// The part that is left out, at least 0 and below 1.
        sparsity: f64,
        /// The seed of the wiring.
        seed: u64,
    },
    /// A neural circuit policy of given sizes.
    Ncp(NcpConfig),
    /// A neural circuit policy whose sizes follow from the numbers of units and outputs.
    AutoNcp {
        /// Number of motor units, the outputs.
        outputs: usize,
        /// 0.1 for a dense to 1 for a sparse wiring.
        sparsity: f64,
        /// The seed of the wiring.
        seed: u64,
    },
    /// The given synapses, each `[source, target, polarity]`.
    Given {
        /// Number of units that are outputs, the first ones.
        outputs: usize,
        /// The sizes of the layers, the one that the inputs enter first; empty for one layer. The units of the last layer have the first
        /// numbers.
        #[serde(default)]
        layers: Vec<usize>,
        /// From inputs to units.
        sensory: Vec<[i64; 3]>,
        /// From units to units.
        synapses: Vec<[i64; 3]>,
    },
}

impl WiringConfig {
    /// The wiring of `units` units over `inputs` inputs.
    ///
    /// # Errors
    /// [`Error::Wiring`] if a number is out of its range or does not fit the units.
    pub fn build(&self, inputs: usize, units: usize) -> Result<Wiring, Error> {
        Error::refuse_empty(&[("units", units as i64), ("inputs", inputs as i64)])?;
        match self {
            Self::Full { seed } => random(inputs, units, 0.0, *seed),
            Self::Random { sparsity, seed } => random(inputs, units, *sparsity, *seed),
            Self::Ncp(config) => config.build(inputs, units),
            Self::AutoNcp { outputs, sparsity, seed } => {
                NcpConfig::automatic(units, *outputs, *sparsity, *seed)?.build(inputs, units)
            }
            Self::Given { layers, .. } if !layers.is_empty() && layers.iter().sum::<usize>() != units => {
                Err(Error::Wiring {
                    reason: format!("must have layers of {units} units in all, found {layers:?}"),
                })
            }
            Self::Given { outputs, layers, sensory, synapses } => Wiring::new(
                inputs,
                *outputs,
                given_layers(layers, units),
                given_synapses(sensory)?,
                given_synapses(synapses)?,
            ),
        }
    }
}

/// One layer of all units, or layers of the given sizes: the last one has the first numbers.
fn given_layers(sizes: &[usize], units: usize) -> Vec<Layer> {
    if sizes.is_empty() {
        return vec![Layer { name: "units", units: 0..units }];
    }
    let names = ["motor", "command", "inter"];
    let mut start = 0;
    let mut layers: Vec<Layer> = Vec::new();
    for (i, size) in sizes.iter().rev().enumerate() {
        layers.push(Layer { name: names.get(i).copied().unwrap_or("inter"), units: start..start + size });
        start += size;
    }
    layers.reverse();
    layers
}

fn given_synapses(given: &[[i64; 3]]) -> Result<Vec<Synapse>, Error> {
    let all = given.iter().map(|[source, target, polarity]| {
        let numbers = (usize::try_from(*source), usize::try_from(*target), i8::try_from(*polarity));
        let (Ok(source), Ok(target), Ok(polarity)) = numbers else {
            return Err(Error::Wiring {
                reason: format!(
                    "needs synapses [source, target, polarity] with numbers of at least 0 and a polarity of 1 or -1, found [{source}, \
                     {target}, {polarity}]"
                ),
            });
        };
        Ok(Synapse { source, target, polarity })
    });
    all.collect()
}

/// A random part of all synapses; the inputs come first, and a third is inhibitory on average.
fn random(inputs: usize, units: usize, sparsity: f64, seed: u64) -> Result<Wiring, Error> {
    if !(0.0..1.0).contains(&sparsity) {
        let reason = format!("needs a sparsity of at least 0 and below 1, found {sparsity}");
        return Err(Error::Wiring { reason });
    }
    let mut generator = SplitMix64::new(seed);
    let mut draw = |sources: usize| {
        let all = sources * units;
        let count = ((all as f64 * (1.0 - sparsity)).round() as usize).max(1);
        let chosen = if count == all { (0..all).collect() } else { generator.permutation(all) };
        let synapse = |pair: &usize| Synapse {
            source: pair / units,
            target: pair % units,
            polarity: if generator.below(3) == 0 { -1 } else { 1 },
        };
        chosen[..count].iter().map(synapse).collect::<Vec<_>>()
    };
    let (sensory, recurrent) = (draw(inputs), draw(units));
    Wiring::new(inputs, units, vec![Layer { name: "units", units: 0..units }], sensory, recurrent)
}
