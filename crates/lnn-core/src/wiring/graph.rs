//! A wiring as plain data: the layers of units and their synapses.
//!
//! Units are numbered as in ncps: those of the last layer, which are the outputs, come first. A synapse has a polarity: 1 for an
//! excitatory one, -1 for an inhibitory one.

use crate::error::Error;
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// A directed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Synapse {
    /// The unit, or the input, that it comes from.
    pub source: usize,
    /// The unit that it leads to.
    pub target: usize,
    /// 1 or -1.
    pub polarity: i8,
}

/// A layer of units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What the units are called: `inter`, `command`, `motor`, or `units` where there is one layer.
    pub name: &'static str,
    /// Their numbers.
    pub units: Range<usize>,
}

/// The synapses of a cell. Every number is in its range, no pair is joined twice, and where some units are outputs, synapses lead to
/// each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiring {
    inputs: usize,
    outputs: usize,
    layers: Vec<Layer>,
    sensory: Vec<Synapse>,
    recurrent: Vec<Synapse>,
}

impl Wiring {
    /// A wiring of the given layers, from the one that the inputs enter to that of the outputs; `sensory` synapses come from inputs,
    /// `recurrent` ones from units.
    ///
    /// # Errors
    /// [`Error::Wiring`] if the layers do not cover the units, if a synapse names a unit that does not exist, has another polarity than
    /// ±1 or is given twice, or if no synapse leads to an output, unless all units are outputs.
    pub fn new(
        inputs: usize,
        outputs: usize,
        layers: Vec<Layer>,
        mut sensory: Vec<Synapse>,
        mut recurrent: Vec<Synapse>,
    ) -> Result<Self, Error> {
        let units = layers.iter().map(|layer| layer.units.len()).sum::<usize>();
        let covered = |unit: &usize| layers.iter().filter(|layer| layer.units.contains(unit)).count() == 1;
        if !(0..units).all(|unit| covered(&unit)) || outputs == 0 || outputs > units || inputs == 0 {
            return refuse(format!(
                "needs at least one input, one output and each unit in one layer, found {inputs} inputs, {outputs} outputs and \
                 layers of {units} units"
            ));
        }
        check("sensory synapses", &mut sensory, inputs, units)?;
        check("synapses", &mut recurrent, units, units)?;
        let reached = |unit: &usize| sensory.iter().chain(&recurrent).any(|synapse| synapse.target == *unit);
        // Where all units are outputs, one without synapses is merely a leak.
        if let Some(unit) = (0..outputs).find(|unit| outputs < units && !reached(unit)) {
            return refuse(format!("must lead to every output, found none that leads to unit {unit}"));
        }
        Ok(Self { inputs, outputs, layers, sensory, recurrent })
    }

    /// The wiring of these layers with the synapses of two matrices of -1, 0 and 1: `sensory [I, N]` and `recurrent [N, N]`, sources by
    /// rows.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn of_matrices(
        outputs: usize,
        layers: Vec<Layer>,
        sensory: &Tensor,
        recurrent: &Tensor,
    ) -> Result<Self, Error> {
        let inputs = sensory.size2()?.0 as usize;
        Self::new(inputs, outputs, layers, synapses(sensory)?, synapses(recurrent)?)
    }

    /// Number of inputs I.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of units N.
    pub fn units(&self) -> usize {
        self.layers.iter().map(|layer| layer.units.len()).sum()
    }

    /// Number of units that are outputs: the first ones.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The layers, from the one that the inputs enter to that of the outputs.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The synapses from inputs, in order of source and target.
    pub fn sensory(&self) -> &[Synapse] {
        &self.sensory
    }

    /// The synapses between units, in order of source and target.
    pub fn recurrent(&self) -> &[Synapse] {
        &self.recurrent
    }

    /// The polarities of the synapses from inputs, `[I, N]`, with 0 where there is none, in float32 on the CPU.
    pub fn sensory_matrix(&self) -> Tensor {
        matrix(&self.sensory, self.inputs, self.units())
    }

    /// The polarities of the synapses between units, `[N, N]`, with 0 where there is none, in float32 on the CPU.
    pub fn recurrent_matrix(&self) -> Tensor {
        matrix(&self.recurrent, self.units(), self.units())
    }
}

fn refuse<T>(reason: String) -> Result<T, Error> {
    Err(Error::Wiring { reason })
}

/// Sorts synapses and refuses wrong ones.
fn check(what: &str, synapses: &mut [Synapse], sources: usize, units: usize) -> Result<(), Error> {
    let wrong = |synapse: &&Synapse| {
        synapse.source >= sources || synapse.target >= units || synapse.polarity.abs() != 1
    };
    if let Some(Synapse { source, target, polarity }) = synapses.iter().find(wrong) {
        return refuse(format!(
            "{what} must come from 0..{sources}, lead to 0..{units} and have the polarity 1 or -1, found [{source}, {target}, \
             {polarity}]"
        ));
    }
    synapses.sort_unstable();
    let twice = |pair: &&[Synapse]| (pair[0].source, pair[0].target) == (pair[1].source, pair[1].target);
    match synapses.windows(2).find(twice) {
        Some(pair) => refuse(format!(
            "{what} must be given once, found two from {} to {}",
            pair[0].source, pair[0].target
        )),
        None => Ok(()),
    }
}

fn matrix(synapses: &[Synapse], sources: usize, units: usize) -> Tensor {
    let mut numbers = vec![0.0_f32; sources * units];
    for Synapse { source, target, polarity } in synapses {
        numbers[source * units + target] = f32::from(*polarity);
    }
    Tensor::from_slice(&numbers).view([sources as i64, units as i64])
}

/// The synapses of a matrix; one that is neither -1, 0 nor 1 gets a polarity that is refused.
fn synapses(matrix: &Tensor) -> Result<Vec<Synapse>, Error> {
    let (_, units) = matrix.size2()?;
    let numbers =
        Vec::<f32>::try_from(matrix.f_to_device_(Device::Cpu, Kind::Float, false, false)?.f_reshape([-1])?)?;
    let found = numbers.iter().enumerate().filter(|(_, number)| **number != 0.0).map(|(i, number)| Synapse {
        source: i / units as usize,
        target: i % units as usize,
        polarity: if [-1.0, 1.0].contains(number) { *number as i8 } else { i8::MAX },
    });
    Ok(found.collect())
}
