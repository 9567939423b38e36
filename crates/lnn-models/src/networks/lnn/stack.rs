//! Leaky reservoirs in a row: each reads the states of the one before it.

use crate::error::Error;
use crate::parts::reservoir_settings::ReservoirSettings;
use lnn_core::{Cell, LeakyReservoir, Scope, Script, Sequence, State};
use std::fmt::Write;
use tch::Tensor;

/// Reservoirs in a row, with the names of their tensors.
#[derive(Debug)]
pub(super) struct Stack {
    layers: Vec<(String, LeakyReservoir)>,
}

impl Stack {
    /// `layers` reservoirs, the first with `inputs` inputs. Reservoir l > 0 is called `NAME_l`.
    ///
    /// # Errors
    /// [`Error::Core`] if a setting is out of its range.
    pub(super) fn new(
        scope: &mut Scope<'_>,
        name: &str,
        inputs: i64,
        (settings, layers): (&ReservoirSettings, i64),
    ) -> Result<Self, Error> {
        let mut stack = Vec::new();
        let mut inputs = inputs;
        for layer in 0..layers {
            let name = if layer == 0 { name.to_owned() } else { format!("{name}_{layer}") };
            let reservoir =
                LeakyReservoir::new(&mut scope.child(&name), inputs, &settings.for_inputs(inputs))?;
            inputs = settings.units;
            stack.push((name, reservoir));
        }
        Ok(Self { layers: stack })
    }

    /// Number of units of all reservoirs, the width of what [`scan`](Self::scan) returns.
    pub(super) fn units(&self) -> i64 {
        self.layers.iter().map(|(_, reservoir)| reservoir.output_size()).sum()
    }

    /// The states of all reservoirs at each step of sequences `[B, T, I]`, from the states `before`, `[B, H]` each, or from rest: `[B, T, units]`,
    /// and the states after the last step.
    ///
    /// # Errors
    /// [`Error::Core`] if the sequence does not fit.
    pub(super) fn scan(
        &self,
        sequence: Sequence<'_>,
        before: Option<&[Tensor]>,
    ) -> Result<(Tensor, Vec<Tensor>), Error> {
        let mut states: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        let mut after = Vec::with_capacity(self.layers.len());
        for (layer, (_, reservoir)) in self.layers.iter().enumerate() {
            let x = states.last().unwrap_or(sequence.x);
            let before = before.map(|before| State::new(vec![before[layer].shallow_clone()]));
            let run = reservoir.scan(Sequence { x, ..sequence }, before.as_ref())?;
            states.push(run.outputs);
            after.push(run.last.output().shallow_clone());
        }
        Ok((if states.len() == 1 { states.remove(0) } else { Tensor::cat(&states, 2) }, after))
    }

    /// The states at rest of `batch` sequences, `[B, H]` each.
    pub(super) fn start(&self, batch: i64) -> Vec<Tensor> {
        let rest = |reservoir: &LeakyReservoir| {
            let weight = reservoir.weight();
            Tensor::zeros([batch, reservoir.output_size()], (weight.kind(), weight.device()))
        };
        self.layers.iter().map(|(_, reservoir)| rest(reservoir)).collect()
    }

    /// One step `x [B, I]` of all reservoirs: the states before it to those after it.
    pub(super) fn step(&self, x: &Tensor, before: &[Tensor]) -> Vec<Tensor> {
        let mut after: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        for ((_, reservoir), before) in self.layers.iter().zip(before) {
            let state = State::new(vec![before.shallow_clone()]);
            let next = reservoir.step(after.last().unwrap_or(x), None, &state);
            after.push(next.output().shallow_clone());
        }
        after
    }

    /// Number of reservoirs.
    pub(super) fn len(&self) -> usize {
        self.layers.len()
    }

    /// The names of the reservoirs.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(|(name, _)| name.as_str())
    }

    /// The lines of TorchScript that make `states` the list of the states of all reservoirs over the sequence `x`.
    pub(super) fn states_script(&self, x: &str) -> String {
        let mut script = String::new();
        for (i, name) in self.names().enumerate() {
            let _ = match i {
                0 => writeln!(script, "    states = [self.{name}.forward({x})]"),
                _ => writeln!(script, "    states.append(self.{name}.forward(states[{}]))", i - 1),
            };
        }
        script
    }

    /// Adds the reservoirs to a script as its parts.
    pub(super) fn add_to(&self, script: Script) -> Script {
        self.layers
            .iter()
            .fold(script, |script, (name, reservoir)| script.part(name.clone(), reservoir.script()))
    }
}
