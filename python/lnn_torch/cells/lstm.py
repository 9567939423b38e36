"""Long short-term memory."""

import torch
from torch import Tensor, nn

from ..any_length import loop_of_any_length
from .product import project, recurrent


class Lstm(nn.Module):
    """Long short-term memory with one bias; the gates are in the order of `torch.nn.LSTM`: i, f, g, o."""

    has_time = False

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.units, self.state_sizes = units, [units, units]  # h and c
        self.input_weights = nn.Parameter(torch.zeros(4 * units, inputs))
        self.recurrent_weights = nn.Parameter(torch.zeros(4 * units, units))
        self.bias = nn.Parameter(torch.zeros(4 * units))

    def step(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return self._advance(project(x, self.input_weights, self.bias), state)

    def sequence(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        projected = project(x, self.input_weights, self.bias)
        if isinstance(x.shape[1], torch.SymInt):
            both = projected.new_zeros(x.shape[0], 2 * self.units) if state is None else torch.cat(state, 1)
            states, last = loop_of_any_length(self._advance_both, both, [projected])
            return states[:, :, : self.units], tuple(last.chunk(2, 1))
        outputs = []
        for step in projected.unbind(1):
            output, state = self._advance(step, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _advance_both(self, state: Tensor, projected: Tensor) -> Tensor:
        return torch.cat(self._advance(projected, tuple(state.chunk(2, 1)))[1], 1)

    def _advance(self, projected: Tensor, state: tuple[Tensor, Tensor] | None):
        if state is None:
            i, f, g, o = projected.chunk(4, 1)
            c = torch.sigmoid(i) * torch.tanh(g)
        else:
            h, c = state
            i, f, g, o = recurrent(projected, h, self.recurrent_weights).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)
