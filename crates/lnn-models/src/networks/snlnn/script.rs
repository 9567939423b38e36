//! The network in TorchScript.

use crate::networks::snlnn::config::{Encoding, SpikeSummary};
use crate::networks::snlnn::network::Snlnn;
use lnn_core::{Cell, Script};
use lnn_sys::ScriptAttribute;

/// The network with all of its parts.
pub(super) fn of(network: &Snlnn) -> Script {
    let summaries = network.summaries.iter().map(|summary| match summary {
        SpikeSummary::LastMembrane => "v",
        SpikeSummary::MeanMembrane => "membranes / steps",
        SpikeSummary::SpikeRate => "spikes / steps",
    });
    let encode = match network.encoding {
        Encoding::Current { steps } => format!("x.flatten(1).unsqueeze(1).expand([-1, {steps}, -1])"),
        Encoding::Rate { steps } => format!("self.rate(x.flatten(1), {steps})"),
        Encoding::Latency { steps } => format!("self.latency(x.flatten(1), {steps})"),
        Encoding::Delta { scan, threshold } => format!("self.delta({}, {threshold:?})", scan.script()),
        Encoding::Scan { scan } => scan.script(),
    };
    // A change needs the step before, which the state carries on.
    let (steps, length) = match network.encoding {
        Encoding::Delta { threshold, .. } => (CHANGES.replace("THRESHOLD", &format!("{threshold:?}")), "6"),
        _ => (CURRENTS.to_owned(), "5"),
    };
    let source = SCRIPT
        .replace("SUMMARIES", &summaries.collect::<Vec<_>>().join(", "))
        .replace("ENCODE", &encode)
        .replace("STEPS", &steps)
        .replace("LENGTH", length)
        + ENCODINGS;
    Script::new("Snlnn", source)
        .attribute("dropout", ScriptAttribute::Float(network.dropout))
        .attribute("room", ScriptAttribute::Int(network.capacity))
        .attribute("units", ScriptAttribute::Int(network.reservoir.units()))
        .part("reservoir", network.reservoir.script())
        .part("readout", Script::new("SpikeReadout", READOUT))
}

/// [`Network::head`] in TorchScript, whole and step by step. The state is the list of v, s, the sums of both over the steps,
/// and the number of steps so far; [`CHANGES`] adds to it.
const SCRIPT: &str = "
def run(self, x: Tensor, state: Optional[List[Tensor]]) -> Tuple[Tensor, List[Tensor]]:
    before: Optional[Tuple[Tensor, Tensor]] = None
    if state is not None:
        assert len(state) == LENGTH, 'the state is the LENGTH tensors that a call before gave, found {}'.format(len(state))
        before = (state[0], state[1])
        batch = state[0].size(0)
        assert batch == x.size(0), 'the state is of {} sequences, x of {}'.format(batch, x.size(0))
    outputs, after = self.reservoir.sequence(x, before)
    v, s = after
    membranes, spikes = torch.chunk(outputs.sum(1), 2, 1)
    steps = torch.full_like(membranes[:, :1], outputs.size(1))
    if state is not None:
        membranes = membranes + state[2]
        spikes = spikes + state[3]
        steps = steps + state[4]
    seen = torch.dropout(torch.cat([SUMMARIES], 1), self.dropout, self.training)
    return self.readout.forward(seen, self.room, self.units), [v, s, membranes, spikes, steps]

def encode(self, x: Tensor) -> Tensor:
    return ENCODE

def forward(self, images: Tensor) -> Tensor:
    x = self.preprocessing.forward(images, self.readout.weight.dtype)
    return self.preprocessing.to_units(self.run(self.encode(x), None)[0], images)
STEPS
def step(self, x: Tensor, state: Optional[List[Tensor]] = None) -> Tuple[Tensor, List[Tensor]]:
    assert x.dim() == 2, 'one step is [N, I], found {}'.format(x.size())
    return self.sequence(x.unsqueeze(1), state)
";

/// Steps as the image is read, or the spikes of an encoding that spreads one image over time.
const CURRENTS: &str = "
def sequence(self, x: Tensor, state: Optional[List[Tensor]] = None) -> Tuple[Tensor, List[Tensor]]:
    output, after = self.run(self.preprocessing.steps(x, self.readout.weight.dtype), state)
    return self.preprocessing.to_units(output, x), after
";

/// Steps as the image is read, of which the changes are shown; the last step is a part of the state.
const CHANGES: &str = "
def sequence(self, x: Tensor, state: Optional[List[Tensor]] = None) -> Tuple[Tensor, List[Tensor]]:
    given = x
    x = self.preprocessing.steps(x, self.readout.weight.dtype)
    before = torch.zeros_like(x[:, :1])
    if state is not None:
        before = state[len(state) - 1].unsqueeze(1)
    changes = self.delta(torch.cat([before, x], 1), THRESHOLD)[:, 1:]
    output, after = self.run(changes, state)
    return self.preprocessing.to_units(output, given), after + [x[:, -1]]
";

/// The encodings of `lnn-core`, of which one is called.
const ENCODINGS: &str = "
def rate(self, x: Tensor, steps: int) -> Tensor:
    x = torch.clamp(x, 0., 1.).unsqueeze(1).expand([-1, steps, -1])
    if self.training:
        return (torch.rand_like(x) < x).to(x.dtype)
    t = torch.arange(steps, device=x.device).to(x.dtype).view([1, -1, 1])
    return torch.floor(x * (t + 1) + 0.01) - torch.floor(x * t + 0.01)

def latency(self, x: Tensor, steps: int) -> Tensor:
    x = torch.clamp(x, 0., 1.)
    time = torch.round((1. - x) * (steps - 1)).unsqueeze(1)
    t = torch.arange(steps, device=x.device).to(x.dtype).view([1, -1, 1])
    return torch.logical_and(t == time, (x > 0).unsqueeze(1)).to(x.dtype)

def delta(self, x: Tensor, threshold: float) -> Tensor:
    change = x - torch.constant_pad_nd(x, [0, 0, 1, 0])[:, :x.size(1)]
    return (change >= threshold).to(x.dtype) - (change <= -threshold).to(x.dtype)
";

/// The active units' columns of each summary.
const READOUT: &str = "
def forward(self, seen: Tensor, room: int, units: int) -> Tensor:
    weight = self.weight.view([self.weight.size(0), -1, room])[:, :, :units].flatten(1)
    return torch.linear(seen, weight, self.bias).to(self.weight.dtype)
";
