//! Closed-form continuous-time units in the layers of a wiring.
//!
//! Each layer of units is a layer of [`ClosedForm`] cells without a backbone, which reads the layer before it in the same step. The
//! synapses between layers, and those from inputs to the first one, mask the weights of its states; within a layer all units are joined.
//! The output is that of the last layer.
//!
//! Source: `ncps.torch.CfC` 1.0.1 with a wiring. As there the polarity of a synapse has no meaning, and the wiring does not restrict the
//! gate of time, and the last layer is the output, whatever number of outputs the wiring names.

use crate::cells::closed_form::ClosedForm;
use crate::cells::closed_form_config::{Backbone, BackboneActivation, ClosedFormConfig, ClosedFormMode};
use crate::error::Error;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::{Cell, check_sequence};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::wiring::Wiring;
use std::fmt::Write;
use tch::{Kind, Tensor};

/// The layers of a wiring. The state is one tensor per layer, that of the last layer first.
#[derive(Debug)]
pub struct WiredClosedForm {
    /// The layer that the inputs enter comes first.
    layers: Vec<ClosedForm>,
    wiring: Wiring,
}

impl WiredClosedForm {
    /// Trainable layers.
    ///
    /// # Errors
    /// Those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, wiring: &Wiring, mode: ClosedFormMode) -> Result<Self, Error> {
        let mut layers = Vec::new();
        let mut before: Option<std::ops::Range<usize>> = None;
        for (l, layer) in wiring.layers().iter().enumerate() {
            let units = layer.units.len() as i64;
            let from = match &before {
                None => wiring.sensory_matrix(),
                Some(before) => wiring.recurrent_matrix().narrow(0, before.start as i64, before.len() as i64),
            };
            let synapses = from.narrow(1, layer.units.start as i64, units).abs().tr();
            let inputs = synapses.size()[1];
            let mask =
                Tensor::cat(&[&synapses, &Tensor::ones([units, units], (Kind::Float, synapses.device()))], 1);
            let backbone =
                Backbone { units: 0, layers: 0, activation: BackboneActivation::LecunTanh, dropout: 0.0 };
            let config = ClosedFormConfig { units, mode, backbone };
            let scope = &mut scope.child(&format!("layer_{l}"));
            layers.push(ClosedForm::new(scope, inputs, &config, Some(&mask))?);
            before = Some(layer.units.clone());
        }
        Ok(Self { layers, wiring: wiring.clone() })
    }

    /// The state of each layer, the first layer first.
    fn states<'a>(&self, state: &'a State) -> Vec<State> {
        state.tensors()[..self.layers.len()]
            .iter()
            .rev()
            .map(|h: &'a Tensor| State::new(vec![h.shallow_clone()]))
            .collect()
    }
}

/// The state of all layers, the last one first.
fn joined(states: impl DoubleEndedIterator<Item = Tensor>) -> State {
    State::new(states.rev().collect())
}

impl Cell for WiredClosedForm {
    fn input_size(&self) -> i64 {
        self.layers[0].input_size()
    }

    fn state_sizes(&self) -> Vec<i64> {
        self.layers.iter().rev().flat_map(Cell::state_sizes).collect()
    }

    fn weight(&self) -> &Tensor {
        self.layers[0].weight()
    }

    fn has_time(&self) -> bool {
        true
    }

    fn wiring(&self) -> Option<&Wiring> {
        Some(&self.wiring)
    }

    /// The part of the first layer.
    fn project(&self, x: &Tensor) -> Tensor {
        self.layers[0].project(x)
    }

    fn advance(&self, projected: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        let mut after: Vec<Tensor> = Vec::new();
        for (layer, state) in self.layers.iter().zip(self.states(state)) {
            let projected = after.last().map_or_else(|| projected.shallow_clone(), |h| layer.project(h));
            after.push(layer.advance(&projected, dt, &state).output().shallow_clone());
        }
        joined(after.into_iter())
    }

    /// Layer by layer, which is the same: a layer reads nothing of those behind it.
    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        check_sequence(self, sequence, initial)?;
        let initial = initial.map(|state| self.states(state));
        let mut outputs = sequence.x.shallow_clone();
        let mut last = Vec::new();
        for (l, layer) in self.layers.iter().enumerate() {
            let initial = initial.as_ref().map(|states| &states[l]);
            let run = layer.scan(Sequence { x: &outputs, ..sequence }, initial)?;
            outputs = run.outputs;
            last.push(run.last.output().shallow_clone());
        }
        Ok(Run { outputs, last: joined(last.into_iter()) })
    }

    fn script(&self) -> Script {
        let count = self.layers.len();
        let (mut calls, mut names) = (String::new(), Vec::new());
        for l in 0..count {
            let own = if count == 1 { "state".to_owned() } else { format!("state[{}]", count - 1 - l) };
            let _ = write!(
                calls,
                "    before{l}: Optional[Tensor] = None\n    if state is not None:\n        before{l} = {own}\n    x, h{l} = \
                 self.layer_{l}.METHOD(x, before{l}, dt)\n"
            );
            names.push(format!("h{l}"));
        }
        names.reverse();
        let kind = match count {
            1 => "Tensor".to_owned(),
            _ => format!("Tuple[{}]", vec!["Tensor"; count].join(", ")),
        };
        let method = |name: &str| {
            METHOD
                .replace("    CALLS\n", &calls)
                .replace("METHOD", name)
                .replace("KIND", &kind)
                .replace("STATES", &names.join(", "))
        };
        let source = method("step") + &method("sequence") + FORWARD;
        let script = Script::new("WiredClosedForm", source);
        self.layers
            .iter()
            .enumerate()
            .fold(script, |script, (l, layer)| script.part(format!("layer_{l}"), layer.script()))
    }
}

/// A method of all layers; `CALLS` stands for those of each.
const METHOD: &str = "
def METHOD(self, x: Tensor, state: Optional[KIND] = None, dt: Optional[Tensor] = None) -> Tuple[Tensor, KIND]:
    CALLS
    return x, (STATES)
";

const FORWARD: &str = "
def forward(self, x: Tensor) -> Tensor:
    return self.sequence(x)[0]
";
