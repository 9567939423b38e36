"""The fixed leaky tanh reservoir."""

import torch
from torch import Tensor, nn

from .product import project, recurrent


class LeakyReservoir(nn.Module):
    """The fixed leaky tanh reservoir of an echo state network: h' = (1 - a) h + a tanh(x W_in^T + b + h W_res^T).

    The weights are buffers: no optimiser changes them, but gradients pass through to the input.
    """

    def __init__(self, inputs: int, units: int, leak_rate: float, bias: bool):
        super().__init__()
        self.leak_rate = leak_rate
        self.register_buffer("recurrent_weights", torch.zeros(units, units))
        self.register_buffer("input_weights", torch.zeros(units, inputs))
        self.register_buffer("bias", torch.zeros(units) if bias else None)

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self._advance(project(x, self.input_weights, self.bias), state)

    def sequence(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs = []
        # What needs the input alone is computed for all steps at once.
        for projected in project(x, self.input_weights, self.bias).unbind(1):
            output, state = self._advance(projected, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _advance(self, projected: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        if h is None:
            h = torch.tanh(projected) * self.leak_rate
        else:
            h = torch.lerp(h, torch.tanh(recurrent(projected, h, self.recurrent_weights)), self.leak_rate)
        return h, h
