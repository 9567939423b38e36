"""The gated recurrent unit."""

import torch
from torch import Tensor, nn

from .loop import loop
from .product import project, recurrent


class Gru(nn.Module):
    """The gated recurrent unit in the form of `torch.nn.GRU`, with one bias for r and z; the gates are in its order: r, z, n."""

    has_time = False

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.units, self.state_sizes = units, [units]
        self.input_weights = nn.Parameter(torch.zeros(3 * units, inputs))
        self.recurrent_weights = nn.Parameter(torch.zeros(3 * units, units))
        self.bias = nn.Parameter(torch.zeros(3 * units))
        self.candidate_bias = nn.Parameter(torch.zeros(units))

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self._advance(self._start(x, state), project(x, self.input_weights, self.bias))
        return h, h

    def sequence(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        projected = project(x, self.input_weights, self.bias)
        return loop(self._advance, self._start(x, state), projected)

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _start(self, x: Tensor, state: Tensor | None) -> Tensor:
        return self.bias.new_zeros(x.shape[0], self.units) if state is None else state

    def _advance(self, h: Tensor, projected: Tensor) -> Tensor:
        reset, update, candidate = projected.chunk(3, 1)
        of_reset, of_update, of_candidate = recurrent(torch.zeros_like(projected), h, self.recurrent_weights).chunk(3, 1)
        r = torch.sigmoid(reset + of_reset)
        z = torch.sigmoid(update + of_update)
        n = torch.tanh(candidate + r * (of_candidate + self.candidate_bias))
        return n + z * (h - n)
