"""The linear liquid update."""

import torch
from torch import Tensor, nn

from .product import project, recurrent


class LinearLiquid(nn.Module):
    """The linear update h' = (1 - c) h + c x W_in^T + h W_hid^T + b, with the number c as `rate`."""

    has_time = False

    def __init__(self, inputs: int, units: int, rate: float):
        super().__init__()
        self.units, self.state_sizes, self.rate = units, [units], rate
        self.input_weights = nn.Parameter(torch.zeros(units, inputs))
        self.recurrent_weights = nn.Parameter(torch.zeros(units, units))
        self.bias = nn.Parameter(torch.zeros(units))

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self._advance(project(self.rate * x, self.input_weights, self.bias), state)
        return h, h

    def sequence(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, h = [], state
        for projected in project(self.rate * x, self.input_weights, self.bias).unbind(1):
            h = self._advance(projected, h)
            outputs.append(h)
        return torch.stack(outputs, 1), h

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _advance(self, projected: Tensor, h: Tensor | None) -> Tensor:
        return projected if h is None else recurrent(projected, h, self.recurrent_weights) + (1 - self.rate) * h
