//! The LNN of series in TorchScript.
//!
//! It has `forward(x, lengths)`, `sequence(x, state)` and `step(x, state)`; where the data have time, all three take `dt` behind the first of
//! them. The state is the list of the states of all reservoirs and, where the readout sees the mean, the sum of what it is taken of and the
//! number of steps so far.

use crate::networks::lnn::series::LnnOfSeries;
use crate::parts::sequence_script::{
    CHECK_INPUT, CHECK_TIME, LAST, PADDING, PADDING_OF_TIME, SCALED_TIME, TIME_IS_AN_INPUT, TIME_OF_STEP,
};
use crate::parts::summary::Summary;
use lnn_core::{Per, Script};
use lnn_sys::ScriptAttribute;
use std::fmt::Write;

/// The network with all of its parts.
pub(super) fn of(network: &LnnOfSeries) -> Script {
    let script = Script::new("LnnOfSeries", source(network))
        .attribute("washout", ScriptAttribute::Int(network.washout));
    network.reservoirs.add_to(script).part("readout", network.readout.script())
}

fn source(network: &LnnOfSeries) -> String {
    let reservoirs = network.reservoirs.len();
    let mut layers = String::new();
    for (l, name) in network.reservoirs.names().enumerate() {
        let x = if l == 0 { "x".to_owned() } else { format!("states{}", l - 1) };
        let _ = write!(
            layers,
            "    before{l}: Optional[Tensor] = None\n    if state is not None:\n        before{l} = state[{l}]\n    \
             states{l}, after{l} = self.{name}.sequence({x}, before{l})\n"
        );
    }
    let list = |stem: &str| (0..reservoirs).map(|l| format!("{stem}{l}")).collect::<Vec<_>>();
    let mut seen = list("states");
    if network.readout_input {
        seen.push("x".into());
    }
    let mut after = list("after");
    let mean = network.summary == Summary::Mean;
    if mean {
        after.extend(["total".to_owned(), "steps".to_owned()]);
    }
    let summary = match (network.summary, network.per) {
        (Summary::Last, Per::Sequence) => "    seen = self.last(seen, lengths)\n",
        (Summary::Last, Per::Step) => "",
        (Summary::Mean, Per::Sequence) => MEAN,
        (Summary::Mean, Per::Step) => RUNNING_MEAN,
    };
    let summary = if mean { COUNTS.to_owned() + summary } else { summary.to_owned() };
    let (time_input, time) = if network.time_is_an_input {
        (
            TIME_IS_AN_INPUT,
            [", dt: Optional[Tensor] = None", ", dt", CHECK_TIME, TIME_OF_STEP, SCALED_TIME, PADDING_OF_TIME],
        )
    } else {
        ("", [""; 6])
    };
    let [parameter, argument, check, of_step, scaled, padding_of_time] = time;
    (SOURCE.to_owned() + LAST)
        .replace("    TIME_INPUT\n", time_input)
        .replace("    LAYERS\n", &layers)
        .replace("    SUMMARY\n", &summary)
        .replace("    PADDING\n", PADDING)
        .replace("        TIME_OF_PADDING\n", padding_of_time)
        .replace("    CHECK_INPUT\n", CHECK_INPUT)
        .replace("    CHECK_TIME\n", check)
        .replace("    SCALED_TIME\n", scaled)
        .replace("    TIME_OF_STEP\n", of_step)
        .replace("ONE_STEP", if network.per == Per::Step { "values[:, 0]" } else { "values" })
        .replace("SEEN", &seen.join(", "))
        .replace("AFTER", &after.join(", "))
        .replace("TOTAL", &reservoirs.to_string())
        .replace("STEPS", &(reservoirs + 1).to_string())
        .replace("LENGTH", &after.len().to_string())
        .replace("PARAMETER", parameter)
        .replace("ARGUMENT", argument)
}

/// The forward pass that can be taken up again. What the readout returns gets its units last, beside the input as it was given.
const SOURCE: &str = "
def run(self, x: Tensor, state: Optional[List[Tensor]]PARAMETER, lengths: Optional[Tensor] = None) -> Tuple[Tensor, List[Tensor]]:
    if state is not None:
        assert len(state) == LENGTH, 'the state is the LENGTH tensors that a call before gave, found {}'.format(len(state))
        batch = state[0].size(0)
        assert batch == x.size(0), 'the state is of {} sequences, x of {}'.format(batch, x.size(0))
    SCALED_TIME
    TIME_INPUT
    LAYERS
    seen = torch.cat([SEEN], 2)
    SUMMARY
    return self.readout.forward(seen), [AFTER]

def forward(self, x: TensorPARAMETER, lengths: Optional[Tensor] = None) -> Tensor:
    PADDING
    CHECK_TIME
    CHECK_INPUT
    given = x
    x = self.preprocessing.forward(given, self.readout.weight.dtype)
    return self.preprocessing.to_units(self.run(x, NoneARGUMENT, lengths)[0], given)

def sequence(self, x: Tensor, state: Optional[List[Tensor]] = NonePARAMETER) -> Tuple[Tensor, List[Tensor]]:
    CHECK_TIME
    CHECK_INPUT
    values, after = self.run(self.preprocessing.steps(x, self.readout.weight.dtype), stateARGUMENT)
    return self.preprocessing.to_units(values, x), after

def step(self, x: Tensor, state: Optional[List[Tensor]] = NonePARAMETER) -> Tuple[Tensor, List[Tensor]]:
    assert x.dim() == 2, 'one step is [N, I], found {}'.format(x.size())
    TIME_OF_STEP
    values, after = self.run(self.preprocessing.steps(x.unsqueeze(1), self.readout.weight.dtype), stateARGUMENT)
    return self.preprocessing.to_units(ONE_STEP, x), after
";

/// The sum of what was seen at the steps that are part of a mean, and their number, up to the sequence `x`. Those before the end of the
/// washout and those of the padding are none.
const COUNTS: &str = "    total = torch.zeros_like(seen[:, 0])
    steps = torch.zeros_like(total[:, :1])
    if state is not None:
        total, steps = state[TOTAL], state[STEPS]
    counted = torch.clamp(steps - self.washout, min=0.0)
    places = torch.arange(seen.size(1), device=seen.device).unsqueeze(0)
    counts = places + steps >= self.washout
    if lengths is not None:
        counts = torch.logical_and(counts, places < lengths.unsqueeze(1))
    counts = counts.to(seen.dtype).unsqueeze(2)
    steps = steps + seen.size(1)
";

/// The mean of the sequence.
const MEAN: &str = "    total = total + (seen * counts).sum(1)
    seen = total / torch.clamp(counted + counts.sum(1), min=1.0)
";

/// The mean after each step.
const RUNNING_MEAN: &str = "    totals = total.unsqueeze(1) + (seen * counts).cumsum(1)
    total = totals[:, -1]
    seen = totals / torch.clamp(counted.unsqueeze(1) + counts.cumsum(1), min=1.0)
";
