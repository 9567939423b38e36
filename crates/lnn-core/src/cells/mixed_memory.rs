//! Mixed memory: an LSTM in front of the state of another cell.
//!
//! ```text
//! h̃, c' = LSTM(x, [h, c])
//! h'    = cell(x, h̃)
//! ```
//! h is the whole state of the cell, and the LSTM has as many units. Its memory c carries gradients over many steps, which the cell,
//! whose state follows time, forgets.
//!
//! Source: Lechner and Hasani, "Learning long-term dependencies in irregularly-sampled time series" (2020), in the form of ncps 1.0.1.

use crate::cells::lstm::Lstm;
use crate::error::Error;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::Cell;
use crate::recurrence::script::CHECK_DT;
use crate::recurrence::state::State;
use crate::wiring::Wiring;
use lnn_sys::ScriptAttribute;
use std::fmt::Write;
use tch::Tensor;

/// A cell with an LSTM in front of its state. The state is that of the cell, and c last.
#[derive(Debug)]
pub struct MixedMemory {
    lstm: Lstm,
    cell: Box<dyn Cell>,
}

impl MixedMemory {
    /// A trainable LSTM, with the names `lstm.…`, in front of `cell`, whose names begin with `cell.`.
    ///
    /// # Errors
    /// Those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, cell: Box<dyn Cell>) -> Result<Self, Error> {
        let units = cell.state_sizes().iter().sum();
        Ok(Self { lstm: Lstm::new(&mut scope.child("lstm"), cell.input_size(), units)?, cell })
    }

    /// Number of units of the LSTM.
    fn units(&self) -> i64 {
        self.cell.state_sizes().iter().sum()
    }
}

impl Cell for MixedMemory {
    fn input_size(&self) -> i64 {
        self.cell.input_size()
    }

    fn state_sizes(&self) -> Vec<i64> {
        let mut sizes = self.cell.state_sizes();
        sizes.push(self.units());
        sizes
    }

    fn output_size(&self) -> i64 {
        self.cell.output_size()
    }

    fn weight(&self) -> &Tensor {
        self.cell.weight()
    }

    fn has_time(&self) -> bool {
        self.cell.has_time()
    }

    fn wiring(&self) -> Option<&Wiring> {
        self.cell.wiring()
    }

    fn stiffness(&self) -> Option<[f64; 2]> {
        self.cell.stiffness()
    }

    /// The parts of the LSTM and of the cell.
    fn project(&self, x: &Tensor) -> Tensor {
        Tensor::cat(&[self.lstm.project(x), self.cell.project(x)], -1)
    }

    fn advance(&self, projected: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        let gates = 4 * self.units();
        let (of_lstm, of_cell) =
            (projected.narrow(1, 0, gates), projected.narrow(1, gates, projected.size()[1] - gates));
        let (c, own) = state.tensors().split_last().expect("a state has at least its output");
        let memory =
            self.lstm.advance(&of_lstm, None, &State::new(vec![Tensor::cat(own, 1), c.shallow_clone()]));
        let before = memory.output().split_with_sizes(self.cell.state_sizes(), 1);
        let after = self.cell.advance(&of_cell, dt, &State::new(before));
        let c = memory.tensors()[1].shallow_clone();
        State::new(after.tensors().iter().map(Tensor::shallow_clone).chain([c]).collect())
    }

    fn emit(&self, state: &State) -> Tensor {
        self.cell.emit(state)
    }

    fn script(&self) -> Script {
        let sizes = self.cell.state_sizes();
        let count = sizes.len();
        let own: Vec<String> = (0..count).map(|i| format!("state[{i}]")).collect();
        let (mut parts, mut start) = (Vec::new(), 0);
        for size in &sizes {
            let mut part = String::new();
            let _ = write!(part, "h[:, {start}:{}]", start + size);
            parts.push(part);
            start += size;
        }
        let after: Vec<String> = match count {
            1 => vec!["after".to_owned()],
            _ => (0..count).map(|i| format!("after[{i}]")).collect(),
        };
        let one_or_more = |values: &[String]| match values {
            [one] => one.clone(),
            more => format!("({})", more.join(", ")),
        };
        let time =
            if self.has_time() { [", dt: Optional[Tensor] = None", ", dt", ", dt_of_step"] } else { [""; 3] };
        let [parameter, argument, of_step] = time;
        let slices = if self.has_time() { SLICES } else { "" };
        let source = SCRIPT
            .replace("        SLICES\n", slices)
            .replace("    CHECK\n", if self.has_time() { CHECK_DT } else { "" })
            .replace("KIND", &format!("Tuple[{}]", vec!["Tensor"; count + 1].join(", ")))
            .replace("OWN", &own.join(", "))
            .replace("BEFORE", &one_or_more(&parts))
            .replace("AFTER", &after.join(", "))
            .replace("MEMORY", &format!("state[{count}]"))
            .replace(
                "ZEROS",
                &sizes.iter().map(|size| format!("zeros[:, :{size}]")).collect::<Vec<_>>().join(", "),
            )
            .replace("PARAMETER", parameter)
            .replace("ARGUMENT", argument)
            .replace("OF_STEP", of_step);
        Script::new("MixedMemory", source)
            .attribute("units", ScriptAttribute::Int(self.units()))
            .part("lstm", self.lstm.script())
            .part("cell", self.cell.script())
    }
}

/// The same equations in TorchScript.
const SCRIPT: &str = "
def start(self, x: Tensor, state: Optional[KIND]) -> KIND:
    if state is None:
        zeros = self.lstm.bias.new_zeros([x.size(0), self.units])
        return (ZEROS, zeros)
    return state

def step(self, x: Tensor, state: Optional[KIND] = NonePARAMETER) -> Tuple[Tensor, KIND]:
    state = self.start(x, state)
    h, memory = self.lstm.step(x, (torch.cat([OWN], 1), MEMORY))
    output, after = self.cell.step(x, BEFOREARGUMENT)
    return output, (AFTER, memory[1])

def sequence(self, x: Tensor, state: Optional[KIND] = NonePARAMETER) -> Tuple[Tensor, KIND]:
    CHECK
    state = self.start(x, state)
    outputs: List[Tensor] = []
    for t in range(x.size(1)):
        SLICES
        output, state = self.step(x[:, t], stateOF_STEP)
        outputs.append(output)
    return torch.stack(outputs, 1), state

def forward(self, x: Tensor) -> Tensor:
    return self.sequence(x)[0]
";

/// The time of a step.
const SLICES: &str = "        dt_of_step: Optional[Tensor] = None
        if dt is not None:
            dt_of_step = dt[:, t]
";
