"""The fixed leaky tanh reservoir."""

import torch
from torch import Tensor, nn

from .loop import loop
from .product import project, recurrent


class LeakyReservoir(nn.Module):
    """The fixed leaky tanh reservoir of an echo state network: h' = (1 - a) h + a tanh(x W_in^T + b + h W_res^T).

    The weights are buffers: no optimiser changes them, but gradients pass through to the input. Without a `leak_rate` a each unit has its
    own, in the buffer `leak_rates`.
    """

    has_time = False

    def __init__(self, inputs: int, units: int, leak_rate: float | None, bias: bool):
        super().__init__()
        self.leak_rate, self.units = leak_rate, units
        self.state_sizes = [units]
        self.register_buffer("leak_rates", torch.ones(units) if leak_rate is None else None)
        self.register_buffer("recurrent_weights", torch.zeros(units, units))
        self.register_buffer("input_weights", torch.zeros(units, inputs))
        self.register_buffer("bias", torch.zeros(units) if bias else None)

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self._advance(project(x, self.input_weights, self.bias), state)

    def sequence(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        # What needs the input alone is computed for all steps at once.
        projected = project(x, self.input_weights, self.bias)
        if isinstance(projected.shape[1], torch.SymInt):
            rest = projected.new_zeros(x.shape[0], self.units) if state is None else state
            return loop(lambda h, projected: self._advance(projected, h)[0], rest, projected)
        outputs = []
        for step in projected.unbind(1):
            output, state = self._advance(step, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _advance(self, projected: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        leak = self.leak_rate if self.leak_rates is None else self.leak_rates
        if h is None:
            h = torch.tanh(projected) * leak
        else:
            h = torch.lerp(h, torch.tanh(recurrent(projected, h, self.recurrent_weights)), leak)
        return h, h
