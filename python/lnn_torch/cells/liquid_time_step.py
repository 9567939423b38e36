"""Leaky units with learned time constants."""

import torch
from torch import Tensor, nn

from .loop import check_time, loop
from .product import project, recurrent


class LiquidTimeStep(nn.Module):
    """Leaky units with learned time constants: h' = h + r (tanh(x W_in^T + h W_h^T + b) - h), r = dt / tau or
    1 - exp(-dt / tau).

    `solver` selects r. The time constants are never below a floor; with `by_input` they depend on input and state. `dt` is
    [B, T], or [B] for a step, and 1 where it is absent.
    """

    has_time = True

    def __init__(self, inputs: int, units: int, solver: str, tau: dict, recurrent_bias: bool):
        super().__init__()
        self.units, self.state_sizes = units, [units]
        self.solver, self.form, self.floor = solver, tau["form"], tau["floor"]
        self.input_weights = nn.Parameter(torch.zeros(units, inputs))
        self.recurrent_weights = nn.Parameter(torch.zeros(units, units))
        self.bias = nn.Parameter(torch.zeros(units))
        self.recurrent_bias = nn.Parameter(torch.zeros(units)) if recurrent_bias else None
        self.tau = nn.Parameter(torch.ones(units))
        self.tau_input_weights = nn.Parameter(torch.zeros(units, inputs)) if tau["by_input"] else None
        self.tau_recurrent_weights = nn.Parameter(torch.zeros(units, units)) if tau["by_input"] else None

    def step(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self._advance(self._start(x, state), self._project(x), None if dt is None else dt.unsqueeze(1))
        return h, h

    def sequence(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_time(x, dt)
        return loop(self._advance, self._start(x, state), self._project(x), dt)

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _start(self, x: Tensor, state: Tensor | None) -> Tensor:
        return self.tau.new_zeros(x.shape[0], len(self.tau)) if state is None else state

    def _project(self, x: Tensor) -> Tensor:
        """What needs the input alone: the drive and, behind it, the part of tau that depends on the input."""
        bias = self.bias if self.recurrent_bias is None else self.bias + self.recurrent_bias
        drive = project(x, self.input_weights, bias)
        if self.tau_input_weights is None:
            return drive
        return torch.cat([drive, project(x, self.tau_input_weights, self.tau)], -1)

    def _advance(self, h: Tensor, projected: Tensor, dt: Tensor | None = None) -> Tensor:
        parameter = self.tau
        if self.tau_recurrent_weights is not None:
            projected, parameter = projected.chunk(2, 1)
            parameter = recurrent(parameter, h, self.tau_recurrent_weights)
        if self.form == "clamped":
            tau = parameter.clamp_min(self.floor)
        else:
            tau = nn.functional.softplus(parameter) + self.floor
        part = (1 if dt is None else dt) / tau
        rate = part if self.solver == "euler" else -torch.expm1(-part)
        return h + rate * (torch.tanh(recurrent(projected, h, self.recurrent_weights)) - h)
