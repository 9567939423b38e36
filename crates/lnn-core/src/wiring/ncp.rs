//! Neural circuit policies: sensory → inter → command → motor, sparse, with recurrent synapses among the command units.
//!
//! Source: Lechner et al., "Neural circuit policies enabling auditable autonomy" (2020), with the rules of ncps 1.0.1: a unit without
//! a synapse gets the mean number of its layer. The numbers are drawn by another generator than numpy's, so that a seed does not
//! give the wiring that it gives there.

use crate::error::Error;
use crate::random::SplitMix64;
use crate::wiring::graph::{Layer, Synapse, Wiring};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The sizes of a neural circuit policy. The units that are neither command nor motor units are inter units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NcpConfig {
    /// Number of command units.
    pub command: usize,
    /// Number of motor units, the outputs.
    pub motor: usize,
    /// Number of inter units that an input leads to.
    pub sensory_fanout: usize,
    /// Number of command units that an inter unit leads to.
    pub inter_fanout: usize,
    /// Number of synapses among the command units; a pair that is drawn twice counts once.
    pub recurrent_command: usize,
    /// Number of command units that lead to a motor unit.
    pub motor_fanin: usize,
    /// The seed of the wiring.
    pub seed: u64,
}

impl NcpConfig {
    /// The sizes for a number of units and outputs, by the rules of `AutoNCP` of ncps. A `sparsity` near 1 has few synapses.
    ///
    /// # Errors
    /// [`Error::Wiring`] if there are not at least 3 units more than outputs, or `sparsity` is not within 0.1 and 1.
    pub fn automatic(units: usize, outputs: usize, sparsity: f64, seed: u64) -> Result<Self, Error> {
        if outputs == 0 || units < outputs + 3 || !(0.1..=1.0).contains(&sparsity) {
            return Err(Error::Wiring {
                reason: format!(
                    "auto-ncp needs at least 1 output, 3 units more than outputs and a sparsity of 0.1 to 1, found {units} units, \
                     {outputs} outputs and a sparsity of {sparsity}"
                ),
            });
        }
        let part = |count: usize, of: f64| ((count as f64 * of) as usize).max(1);
        let density = 1.0 - sparsity;
        let command = part(units - outputs, 0.4);
        Ok(Self {
            command,
            motor: outputs,
            sensory_fanout: part(units - outputs - command, density),
            inter_fanout: part(command, density),
            recurrent_command: part(command, density * 2.0),
            motor_fanin: part(command, density),
            seed,
        })
    }

    /// The wiring of `units` units over `inputs` inputs.
    ///
    /// # Errors
    /// [`Error::Wiring`] if a number does not fit the layers.
    pub fn build(&self, inputs: usize, units: usize) -> Result<Wiring, Error> {
        let Self { command, motor, sensory_fanout, inter_fanout, recurrent_command, motor_fanin, seed } =
            *self;
        let inter = units.saturating_sub(command).saturating_sub(motor);
        for (name, found, most, of) in [
            ("sensory_fanout", sensory_fanout, inter, "inter"),
            ("inter_fanout", inter_fanout, command, "command"),
            ("motor_fanin", motor_fanin, command, "command"),
        ] {
            if found == 0 || found > most {
                return Err(Error::Wiring {
                    reason: format!(
                        "needs {name} of 1 to {most}, the number of {of} units of {units}, found {found}"
                    ),
                });
            }
        }
        let (motors, commands) = (0..motor, motor..motor + command);
        let inters = motor + command..units;
        let mut draw = Draw { generator: SplitMix64::new(seed), synapses: BTreeMap::new() };
        draw.join_each(&(0..inputs), &inters, sensory_fanout);
        draw.join_forgotten_targets(&(0..inputs), &inters, inputs * sensory_fanout / inter);
        let sensory = draw.take();
        draw.join_each(&inters, &commands, inter_fanout);
        draw.join_forgotten_targets(&inters, &commands, inter * inter_fanout / command);
        for _ in 0..recurrent_command {
            let [source, target] = [(); 2].map(|()| draw.one_of(&commands));
            draw.add(source, target);
        }
        for target in motors.clone() {
            for source in draw.some_of(&commands, motor_fanin) {
                draw.add(source, target);
            }
        }
        draw.join_forgotten_sources(&commands, &motors, motor * motor_fanin / command);
        let layers = [("inter", inters), ("command", commands), ("motor", motors)];
        let layers = layers.map(|(name, units)| Layer { name, units });
        Wiring::new(inputs, motor, layers.into(), sensory, draw.take())
    }
}

/// Draws synapses.
struct Draw {
    generator: SplitMix64,
    /// The polarity of each pair of source and target.
    synapses: BTreeMap<(usize, usize), i8>,
}

impl Draw {
    fn one_of(&mut self, units: &Range<usize>) -> usize {
        units.start + self.generator.below(units.len() as u64) as usize
    }

    /// Different units.
    fn some_of(&mut self, units: &Range<usize>, count: usize) -> Vec<usize> {
        let order = self.generator.permutation(units.len());
        order[..count].iter().map(|unit| units.start + unit).collect()
    }

    /// Adds a synapse of either polarity, unless the pair has one.
    fn add(&mut self, source: usize, target: usize) {
        let polarity = if self.generator.below(2) == 0 { -1 } else { 1 };
        self.synapses.entry((source, target)).or_insert(polarity);
    }

    /// The synapses so far, which begin anew.
    fn take(&mut self) -> Vec<Synapse> {
        let all = std::mem::take(&mut self.synapses).into_iter();
        all.map(|((source, target), polarity)| Synapse { source, target, polarity }).collect()
    }

    fn join_each(&mut self, sources: &Range<usize>, targets: &Range<usize>, fanout: usize) {
        for source in sources.clone() {
            for target in self.some_of(targets, fanout) {
                self.add(source, target);
            }
        }
    }

    /// Joins the targets that no synapse of `sources` leads to.
    fn join_forgotten_targets(&mut self, sources: &Range<usize>, targets: &Range<usize>, fanin: usize) {
        let reached: BTreeSet<usize> = self.synapses.keys().map(|(_, target)| *target).collect();
        for target in targets.clone().filter(|target| !reached.contains(target)) {
            for source in self.some_of(sources, fanin.clamp(1, sources.len())) {
                self.add(source, target);
            }
        }
    }

    /// Joins the sources from which no synapse leads to `targets`.
    fn join_forgotten_sources(&mut self, sources: &Range<usize>, targets: &Range<usize>, fanout: usize) {
        let to_targets = self.synapses.keys().filter(|(_, target)| targets.contains(target));
        let leading: BTreeSet<usize> = to_targets.map(|(source, _)| *source).collect();
        for source in sources.clone().filter(|source| !leading.contains(source)) {
            for target in self.some_of(targets, fanout.clamp(1, targets.len())) {
                self.add(source, target);
            }
        }
    }
}
