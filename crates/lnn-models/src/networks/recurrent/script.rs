//! The recurrent network in TorchScript.
//!
//! A network that can be run step by step has `forward`, `sequence` and `step`; where its cells know time, all three take `dt`
//! last. Of sequences, `forward` also takes `lengths [N]`, the number of steps of each before its padding: what comes later in a
//! sequence has no effect on its steps before, so the layers run over the padding as well and the summaries leave it out. Its state is the list of the states of all layers and, where the readout sees the mean, the sum of the states of the
//! last layer and the number of steps so far. Another network has `forward` alone.

use crate::networks::recurrent::branch::Branch;
use crate::networks::recurrent::network::Recurrent;
use crate::parts::reading_order::Scan;
use crate::parts::sequence_script::{
    CHECK_INPUT, CHECK_TIME, LAST, PADDING, PADDING_OF_TIME, SCALED_TIME, TIME_IS_AN_INPUT, TIME_OF_STEP,
};
use crate::parts::summary::Summary;
use lnn_core::{Per, Script};
use lnn_sys::ScriptAttribute;
use std::fmt::Write;

/// The network with all of its parts.
pub(super) fn of(network: &Recurrent) -> Script {
    let source = if network.steps { stepwise(network) } else { whole(network) };
    let mut script = Script::new("Recurrent", source)
        .attribute("stretches", ScriptAttribute::Int(network.summaries.stretches))
        .attribute("dropout", ScriptAttribute::Float(network.dropout))
        .attribute("mirror", ScriptAttribute::Bool(network.mirror))
        .part("readout", network.readout.script());
    if let Some(front) = &network.front {
        script = script.part("front", front.script());
    }
    for (i, branch) in network.branches.iter().enumerate() {
        if let Some(whitening) = &branch.whitening {
            script = script.part(format!("whitening{i}"), whitening.script());
        }
        for (name, cell) in &branch.layers {
            script = script.part(name.clone(), cell.script());
        }
    }
    script
}

/// The expression of a branch's steps, whitened, where `x` is its input.
fn steps(i: usize, branch: &Branch, x: &str) -> String {
    if branch.whitening.is_some() { format!("self.whitening{i}.forward({x})") } else { x.to_owned() }
}

/// The methods of a network that sees all steps at once.
fn whole(network: &Recurrent) -> String {
    let features = network.branches.iter().enumerate().map(|(i, branch)| {
        let read = branch.order.map_or_else(|| "x".to_owned(), Scan::script);
        let states = branch
            .layers
            .iter()
            .fold(steps(i, branch, &read), |x, (name, _)| format!("self.{name}.forward({x})"));
        format!("    features.append(self.summarize({states}))\n")
    });
    let front = if network.front.is_some() { "    x = self.front.forward(x)\n" } else { "" };
    let features: String = features.collect();
    WHOLE.replace("    FRONT\n", front).replace("    FEATURES\n", &features) + &network.summaries.script()
}

/// The methods of a network that can be run step by step.
fn stepwise(network: &Recurrent) -> String {
    let branch = &network.branches[0];
    let cells_have_time = branch.has_time();
    let time = cells_have_time || network.time_is_an_input;
    let mut names = Vec::new();
    let mut layers = format!("    x = {}\n", steps(0, branch, "x"));
    if network.time_is_an_input {
        layers += TIME_IS_AN_INPUT;
    }
    for (l, (name, cell)) in branch.layers.iter().enumerate() {
        let first = names.len();
        let count = cell.state_sizes().len();
        let own: Vec<String> = (first..first + count).map(|i| format!("state{i}")).collect();
        let stored: Vec<String> = (first..first + count).map(|i| format!("state[{i}]")).collect();
        // TorchScript knows no tuple of one: a cell with one tensor takes and returns the tensor.
        let (kind, stored) = match count {
            1 => ("Tensor".to_owned(), stored[0].clone()),
            _ => (format!("Tuple[{}]", vec!["Tensor"; count].join(", ")), format!("({})", stored.join(", "))),
        };
        let dt = if cells_have_time { ", dt" } else { "" };
        let _ = write!(
            layers,
            "    before{l}: Optional[{kind}] = None\n    if state is not None:\n        before{l} = {stored}\n    \
             x, after{l} = self.{name}.sequence(x, before{l}{dt})\n    {} = after{l}\n",
            own.join(", ")
        );
        names.extend(own);
    }
    let mean = network.summaries.have_mean();
    let of_sequences = branch.order.is_none();
    let per_step = network.per == Per::Step;
    let summaries = network.summaries.kinds.iter().map(|summary| match (summary, per_step) {
        (Summary::Last, false) if of_sequences => "self.last(x, lengths)".to_owned(),
        (Summary::Last, false) => "x[:, -1]".to_owned(),
        (Summary::Last, true) => "x".to_owned(),
        (Summary::Mean, false) => "total / steps".to_owned(),
        (Summary::Mean, true) => "totals / counts".to_owned(),
    });
    let summaries = summaries.collect::<Vec<_>>().join(", ");
    let running = if per_step { RUNNING_MEAN } else { MEAN };
    let padded = if of_sequences && !per_step { MEAN_OF_COUNTED } else { "" };
    let running = running.replace("    PADDED\n", padded);
    let running =
        running.replace("TOTAL", &names.len().to_string()).replace("STEPS", &(names.len() + 1).to_string());
    if mean {
        names.extend(["total".to_owned(), "steps".to_owned()]);
    }
    let read = branch.order.map_or_else(|| "x".to_owned(), Scan::script);
    let image = branch.order.is_some() && !time;
    let [parameter, argument, check, unsqueeze, scale] = if time {
        [", dt: Optional[Tensor] = None", ", dt", CHECK_TIME, TIME_OF_STEP, SCALED_TIME]
    } else {
        [""; 5]
    };
    let [lengths, without, padding, finite, methods] = if of_sequences {
        [", lengths: Optional[Tensor] = None", ", None", PADDING, CHECK_INPUT, LAST]
    } else {
        [""; 5]
    };
    let (padding_of_time, lengths_given) =
        (if time { PADDING_OF_TIME } else { "" }, if of_sequences { ", lengths" } else { "" });
    (STEPWISE.to_owned() + methods)
        .replace("    LAYERS\n", &layers)
        .replace("    PADDING\n", padding)
        .replace("        TIME_OF_PADDING\n", padding_of_time)
        .replace("    CHECK_INPUT\n", finite)
        .replace("LENGTHS_PARAMETER", lengths)
        .replace("NO_LENGTHS", without)
        .replace("LENGTHS_GIVEN", lengths_given)
        .replace("    MEAN\n", if mean { &running } else { "" })
        .replace("    CHECK_TIME\n", check)
        .replace("    SCALED_TIME\n", scale)
        .replace("    TIME_OF_STEP\n", unsqueeze)
        .replace("ONE_STEP", if per_step { "values[:, 0]" } else { "values" })
        .replace("SUMMARIES", &summaries)
        .replace("AFTER", &names.join(", "))
        .replace("LENGTH", &names.len().to_string())
        .replace("READ", &read)
        .replace("PARAMETER", parameter)
        .replace("ARGUMENT", argument)
        .replace("WHOLE", if image { "images" } else { "x" })
}

/// The forward pass over all steps at once; `FRONT` and `FEATURES` stand for the front and the summaries of each branch.
const WHOLE: &str = "
def forward(self, images: Tensor) -> Tensor:
    x = self.preprocessing.forward(images, self.readout.weight.dtype)
    logits = self.logits(x)
    if self.mirror and not self.training:
        logits = (logits + self.logits(x.flip([-1]))) / 2.0
    return self.preprocessing.to_units(logits, images)

def logits(self, x: Tensor) -> Tensor:
    FRONT
    features = []
    FEATURES
    return self.readout.forward(torch.dropout(torch.cat(features, 1), self.dropout, self.training))
";

/// The forward pass that can be taken up again. What the readout returns gets its units last, beside the input as it was given.
const STEPWISE: &str = "
def run(self, x: Tensor, state: Optional[List[Tensor]]PARAMETERLENGTHS_PARAMETER) -> Tuple[Tensor, List[Tensor]]:
    if state is not None:
        assert len(state) == LENGTH, 'the state is the LENGTH tensors that a call before gave, found {}'.format(len(state))
        batch = state[0].size(0)
        assert batch == x.size(0), 'the state is of {} sequences, x of {}'.format(batch, x.size(0))
    SCALED_TIME
    LAYERS
    MEAN
    seen = torch.dropout(torch.cat([SUMMARIES], -1), self.dropout, self.training)
    return self.readout.forward(seen), [AFTER]

def forward(self, WHOLE: TensorPARAMETERLENGTHS_PARAMETER) -> Tensor:
    PADDING
    CHECK_TIME
    CHECK_INPUT
    given = WHOLE
    x = self.preprocessing.forward(given, self.readout.weight.dtype)
    return self.preprocessing.to_units(self.run(READ, NoneARGUMENTLENGTHS_GIVEN)[0], given)

def sequence(self, x: Tensor, state: Optional[List[Tensor]] = NonePARAMETER) -> Tuple[Tensor, List[Tensor]]:
    CHECK_TIME
    CHECK_INPUT
    values, after = self.run(self.preprocessing.steps(x, self.readout.weight.dtype), stateARGUMENTNO_LENGTHS)
    return self.preprocessing.to_units(values, x), after

def step(self, x: Tensor, state: Optional[List[Tensor]] = NonePARAMETER) -> Tuple[Tensor, List[Tensor]]:
    assert x.dim() == 2, 'one step is [N, I], found {}'.format(x.size())
    TIME_OF_STEP
    values, after = self.run(self.preprocessing.steps(x.unsqueeze(1), self.readout.weight.dtype), stateARGUMENTNO_LENGTHS)
    return self.preprocessing.to_units(ONE_STEP, x), after
";

/// The running mean of the outputs of the last layer, which are `x` after all layers.
const MEAN: &str = "    total = x.sum(1)
    steps = torch.full_like(total[:, :1], x.size(1))
    PADDED
    if state is not None:
        total = total + state[TOTAL]
        steps = steps + state[STEPS]
";

/// The same of the steps before the padding.
const MEAN_OF_COUNTED: &str = "    if lengths is not None:
        counts = torch.arange(x.size(1), device=x.device).unsqueeze(0) < lengths.unsqueeze(1)
        total = x.masked_fill(torch.logical_not(counts).unsqueeze(2), 0.0).sum(1)
        steps = lengths.unsqueeze(1).to(x.dtype)
";

/// The same after each step of a network that predicts after each.
const RUNNING_MEAN: &str = "    totals = x.cumsum(1)
    counts = torch.ones_like(x[:, :, :1]).cumsum(1)
    if state is not None:
        totals = totals + state[TOTAL].unsqueeze(1)
        counts = counts + state[STEPS].unsqueeze(1)
    total, steps = totals[:, -1], counts[:, -1]
";
