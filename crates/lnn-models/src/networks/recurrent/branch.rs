//! One reading of the input with the layers of cells that it enters.

use crate::error::Error;
use crate::networks::recurrent::config::CellConfig;
use crate::parts::reading_order::Scan;
use lnn_core::{Cell, Run, Scope, Sequence, SequenceWhitening, State, scan_in_parts};
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

    /// Runs all layers over a sequence, from zero states: the outputs of the last layer, and the last of them as the state. Gradients
    /// reach back over `steps` steps, if it is given.
    pub(super) fn run(&self, sequence: Sequence<'_>, steps: Option<i64>) -> Result<Run, Error> {
        let scan = |cell: &dyn Cell, sequence: Sequence<'_>| match steps {
            Some(steps) => scan_in_parts(cell, sequence, None, steps),
            None => cell.scan(sequence, None),
        };
        let mut layers = self.layers.iter();
        let mut cell = layers.next().map(|(_, cell)| &**cell).expect("a reading has at least one layer");
        let mut run = scan(cell, sequence)?;
        for (_, next) in layers {
            cell = &**next;
            run = scan(cell, Sequence { x: &run.outputs, ..sequence })?;
        }
        Ok(Run { last: State::new(vec![cell.emit(&run.last)]), outputs: run.outputs })
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
