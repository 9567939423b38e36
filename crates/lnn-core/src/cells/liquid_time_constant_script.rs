//! The liquid time-constant unit in TorchScript.

use crate::parameters::script::Script;
use crate::recurrence::script::steps_in_time;
use crate::synapses::OdeSolver;
use lnn_sys::ScriptAttribute;

/// The cell with its method of solving the equation.
pub(super) fn script(solver: OdeSolver, unfolds: i64) -> Script {
    let sub_step = match solver {
        OdeSolver::SemiImplicit => SEMI_IMPLICIT,
        OdeSolver::Euler => EULER,
        OdeSolver::RungeKutta => RUNGE_KUTTA,
    };
    Script::new(
        "LiquidTimeConstant",
        SCRIPT.to_owned() + sub_step + RUN + &steps_in_time("self.read(STATES)"),
    )
    .attribute("unfolds", ScriptAttribute::Int(unfolds))
}

/// The equations. The state is `v [B, N]`, zero if absent; `dt` is `[B, T]` or `[B]`, 1 if absent.
const SCRIPT: &str = "
def currents(self, x: Tensor, w: Tensor, sigma: Tensor, mu: Tensor, reversal: Tensor, polarity: Tensor) -> Tuple[Tensor, Tensor]:
    open = torch.sigmoid(sigma * (x.unsqueeze(-1) - mu)) * (torch.softplus(w) * torch.abs(polarity))
    return (open * reversal).sum(-2), open.sum(-2)

def project(self, x: Tensor) -> Tensor:
    x = x * self.input_scale + self.input_bias
    num, den = self.currents(
        x, self.sensory_w, self.sensory_sigma, self.sensory_mu, self.sensory_reversal, self.sensory_polarity)
    g = torch.softplus(self.g_leak)
    return torch.cat([num + g * self.v_leak, den + g], -1).to(self.capacitance.dtype)

def all_currents(self, v: Tensor, sensed: Tensor) -> Tuple[Tensor, Tensor]:
    num, den = self.currents(v, self.w, self.sigma, self.mu, self.reversal, self.polarity)
    sensed_num, sensed_den = torch.chunk(sensed, 2, -1)
    return num + sensed_num, den + sensed_den
";

const SEMI_IMPLICIT: &str = "
def sub_step(self, v: Tensor, sensed: Tensor, duration: Tensor) -> Tensor:
    c = torch.softplus(self.capacitance)
    num, den = self.all_currents(v, sensed)
    return (c * v + duration * num) / (c + duration * den)
";

const EULER: &str = "
def sub_step(self, v: Tensor, sensed: Tensor, duration: Tensor) -> Tensor:
    num, den = self.all_currents(v, sensed)
    return v + duration * (num - den * v) / torch.softplus(self.capacitance)
";

const RUNGE_KUTTA: &str = "
def slope(self, v: Tensor, sensed: Tensor) -> Tensor:
    num, den = self.all_currents(v, sensed)
    return (num - den * v) / torch.softplus(self.capacitance)

def sub_step(self, v: Tensor, sensed: Tensor, duration: Tensor) -> Tensor:
    first = self.slope(v, sensed)
    second = self.slope(v + duration * first * 0.5, sensed)
    third = self.slope(v + duration * second * 0.5, sensed)
    fourth = self.slope(v + duration * third, sensed)
    return v + duration * (first + (second + third) * 2.0 + fourth) / 6.0
";

const RUN: &str = "
def advance(self, sensed: Tensor, v: Tensor, dt: Optional[Tensor]) -> Tensor:
    if dt is None:
        duration = torch.ones_like(v[:, :1]) / self.unfolds
    else:
        duration = dt.unsqueeze(1) / self.unfolds
    for _ in range(self.unfolds):
        v = self.sub_step(v, sensed, duration)
    return v

def read(self, v: Tensor) -> Tensor:
    return v[..., :self.output_scale.size(0)] * self.output_scale + self.output_bias

def start(self, x: Tensor, state: Optional[Tensor]) -> Tensor:
    if state is None:
        return self.capacitance.new_zeros([x.size(0), self.capacitance.size(0)])
    return state
";
