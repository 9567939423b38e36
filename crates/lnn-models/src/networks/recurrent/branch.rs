//! One reading of the input with the layers of cells that it enters.

use crate::error::Error;
use crate::networks::recurrent::config::CellConfig;
use crate::parts::reading_order::Scan;
use lnn_core::{Cell, Scope, Sequence, SequenceWhitening, State, scan_in_parts};
use tch::{Kind, Tensor};

/// A reading and its layers.
#[derive(Debug)]
pub(super) struct Branch {
    /// The order in which images are read; none for sequences.
    pub(super) order: Option<Scan>,
    /// The fixed map of each step.
    pub(super) whitening: Option<SequenceWhitening>,
    /// The stacked cells with the names of their tensors, the first layer first.
    pub(super) layers: Vec<(String, Box<dyn Cell>)>,
}

impl Branch {
    /// `layers` stacked layers over `inputs` inputs per step.
    pub(super) fn new(
        scope: &mut Scope<'_>,
        (order, inputs): (Option<Scan>, i64),
        whitening: Option<&str>,
        (name, layers): (&str, i64),
        cell: impl Fn(i64) -> CellConfig,
    ) -> Result<Self, Error> {
        let whitening = match whitening {
            Some(name) => Some(SequenceWhitening::new(&mut scope.child(name), inputs)?),
            None => None,
        };
        let mut stack: Vec<(String, Box<dyn Cell>)> = Vec::new();
        let mut width = inputs;
        for layer in 0..layers {
            let name = if layer == 0 { name.to_owned() } else { format!("{name}_{layer}") };
            let cell = cell(width).build(&mut scope.child(&name), width)?;
            width = cell.output_size();
            stack.push((name, cell));
        }
        Ok(Self { order, whitening, layers: stack })
    }

    /// Number of outputs H of the last layer.
    pub(super) fn outputs(&self) -> i64 {
        self.layers.last().map_or(0, |(_, cell)| cell.output_size())
    }

    /// The dtype of the layers.
    pub(super) fn kind(&self) -> Kind {
        self.layers[0].1.weight().kind()
    }

    /// Whether time passes between the steps of all layers.
    pub(super) fn has_time(&self) -> bool {
        self.layers.iter().all(|(_, cell)| cell.has_time())
    }

    /// Computes the whitening, if there is one, from standardised images `[N, C, H, W]` or sequences `[N, T, I]`.
    pub(super) fn fit(&self, inputs: &Tensor) -> Result<(), Error> {
        match &self.whitening {
            Some(whitening) => Ok(whitening.fit(&self.read(inputs))?),
            None => Ok(()),
        }
    }

    /// The sequence `[B, T, I]` that enters the first layer.
    pub(super) fn steps(&self, map: &Tensor) -> Tensor {
        self.whitened(&self.read(map))
    }

    /// One step `[B, I]` as it enters the first layer; also a sequence of them.
    pub(super) fn whitened(&self, steps: &Tensor) -> Tensor {
        self.whitening.as_ref().map_or_else(|| steps.shallow_clone(), |whitening| whitening.forward(steps))
    }

    fn read(&self, map: &Tensor) -> Tensor {
        self.order.map_or_else(|| map.shallow_clone(), |order| order.apply(map))
    }

    /// Runs all layers over a sequence, from the `initial` states of all layers or from zero: the outputs of the last layer, and the states
    /// of all layers after the last step. Gradients reach back over `steps` steps, if it is given.
    pub(super) fn run(
        &self,
        sequence: Sequence<'_>,
        initial: Option<&[State]>,
        steps: Option<i64>,
    ) -> Result<(Tensor, Vec<State>), Error> {
        let mut after = Vec::with_capacity(self.layers.len());
        let mut outputs: Option<Tensor> = None;
        for (layer, (_, cell)) in self.layers.iter().enumerate() {
            let sequence = Sequence { x: outputs.as_ref().unwrap_or(sequence.x), ..sequence };
            let initial = initial.map(|states| &states[layer]);
            let run = match steps {
                Some(steps) => scan_in_parts(&**cell, sequence, initial, steps)?,
                None => cell.scan(sequence, initial)?,
            };
            outputs = Some(run.outputs);
            after.push(run.last);
        }
        Ok((outputs.expect("a reading has at least one layer"), after))
    }

    /// What the last layer returns for the last of the states of all layers.
    pub(super) fn emit(&self, states: &[State]) -> Tensor {
        let last = self.layers.last().zip(states.last());
        let ((_, cell), state) = last.expect("a reading has at least one layer");
        cell.emit(state)
    }

    /// The zero states of all layers for `batch` sequences.
    pub(super) fn start(&self, batch: i64) -> Vec<State> {
        let like =
            |cell: &dyn Cell| Tensor::zeros([batch, 1], (cell.weight().kind(), cell.weight().device()));
        self.layers.iter().map(|(_, cell)| cell.zero_state(&like(&**cell))).collect()
    }

    /// One step of all layers: `x [B, I]`, `dt [B]`, the states before it to the output and the states after it.
    pub(super) fn step(&self, x: &Tensor, dt: Option<&Tensor>, states: &[State]) -> (Tensor, Vec<State>) {
        let mut after: Vec<State> = Vec::with_capacity(states.len());
        let mut x = x.shallow_clone();
        for ((_, cell), state) in self.layers.iter().zip(states) {
            let state = cell.step(&x, dt, state);
            x = cell.emit(&state);
            after.push(state);
        }
        (x, after)
    }
}
