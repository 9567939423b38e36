"""Leaky units that are joined by synapses: the conductance form of the liquid time-constant unit."""

import torch
from torch import Tensor, nn

from .loop import check_time, loop


class LiquidTimeConstant(nn.Module):
    """C dv/dt = g (V - v) + sum of w sigmoid(sigma (u - mu)) (E - v) over the synapses of a unit, u being the potential of the source.

    A step is `unfolds` sub-steps of `solver`. Synapses are [source, target]; `polarity` is 0 where there is none. What is positive
    - g, C and w - is the softplus of its parameter. The inputs and the first `outputs` potentials have a scale and a bias. The state is
    the potentials [B, N]; `dt` is [B, T], or [B] for a step, and 1 where it is absent.
    """

    has_time = True

    def __init__(self, inputs: int, units: int, outputs: int, solver: str, unfolds: int):
        super().__init__()
        self.units, self.state_sizes = outputs, [units]
        self.solver, self.unfolds = solver, unfolds
        self.input_scale = nn.Parameter(torch.ones(inputs))
        self.input_bias = nn.Parameter(torch.zeros(inputs))
        self.g_leak = nn.Parameter(torch.zeros(units))
        self.v_leak = nn.Parameter(torch.zeros(units))
        self.capacitance = nn.Parameter(torch.zeros(units))
        for prefix, sources in (("sensory_", inputs), ("", units)):
            self.register_buffer(prefix + "polarity", torch.zeros(sources, units))
            for name in ("w", "sigma", "mu", "reversal"):
                self.register_parameter(prefix + name, nn.Parameter(torch.zeros(sources, units)))
        self.output_scale = nn.Parameter(torch.ones(outputs))
        self.output_bias = nn.Parameter(torch.zeros(outputs))

    def step(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        v = self._advance(self._start(x, state), self._project(x), None if dt is None else dt.unsqueeze(1))
        return self.emit(v), v

    def sequence(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_time(x, dt)
        states, last = loop(self._advance, self._start(x, state), self._project(x), dt)
        return self.emit(states), last

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def emit(self, v: Tensor) -> Tensor:
        """The outputs [.., O] of potentials [.., N]."""
        return v[..., : self.units] * self.output_scale + self.output_bias

    def _start(self, x: Tensor, state: Tensor | None) -> Tensor:
        return self.capacitance.new_zeros(x.shape[0], self.state_sizes[0]) if state is None else state

    def _project(self, x: Tensor) -> Tensor:
        """What needs the input alone: the currents of inputs and leak, without and with the potential that they pull to, one behind the
        other."""
        x = x * self.input_scale + self.input_bias
        num, den = currents(x, self.sensory_w, self.sensory_sigma, self.sensory_mu, self.sensory_reversal, self.sensory_polarity)
        g = nn.functional.softplus(self.g_leak)
        return torch.cat([num + g * self.v_leak, den + g], -1).to(self.capacitance.dtype)

    def _currents(self, v: Tensor, sensed: Tensor) -> tuple[Tensor, Tensor]:
        num, den = currents(v, self.w, self.sigma, self.mu, self.reversal, self.polarity)
        sensed_num, sensed_den = sensed.chunk(2, -1)
        return num + sensed_num, den + sensed_den

    def _slope(self, v: Tensor, sensed: Tensor) -> Tensor:
        num, den = self._currents(v, sensed)
        return (num - den * v) / nn.functional.softplus(self.capacitance)

    def _advance(self, v: Tensor, sensed: Tensor, dt: Tensor | None = None) -> Tensor:
        duration = (1 if dt is None else dt) / self.unfolds
        for _ in range(self.unfolds):
            if self.solver == "semi-implicit":
                c = nn.functional.softplus(self.capacitance)
                num, den = self._currents(v, sensed)
                v = (c * v + duration * num) / (c + duration * den)
            elif self.solver == "euler":
                v = v + duration * self._slope(v, sensed)
            else:  # runge-kutta
                first = self._slope(v, sensed)
                second = self._slope(v + duration * first * 0.5, sensed)
                third = self._slope(v + duration * second * 0.5, sensed)
                fourth = self._slope(v + duration * third, sensed)
                v = v + duration * (first + (second + third) * 2 + fourth) / 6
        return v


def currents(u: Tensor, w: Tensor, sigma: Tensor, mu: Tensor, reversal: Tensor, polarity: Tensor) -> tuple[Tensor, Tensor]:
    """The sums over the sources, whose potentials are u [.., S]: of conductances times reversal potentials, and of conductances; both
    are [.., N]."""
    conductance = torch.sigmoid(sigma * (u.unsqueeze(-1) - mu)) * (nn.functional.softplus(w) * polarity.abs())
    return (conductance * reversal).sum(-2), conductance.sum(-2)
