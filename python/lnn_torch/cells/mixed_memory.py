"""Mixed memory: an LSTM in front of the state of another cell."""

import torch
from torch import Tensor, nn

from .loop import check_time, loop
from .lstm import Lstm


class MixedMemory(nn.Module):
    """(h, c') = LSTM(x, (state of the cell, c)), state of the cell' = cell(x, h). The LSTM has as many units as the state of `cell` has
    numbers. The state is that of the cell, and c [B, N] last; `dt` is [B, T], or [B] for a step, and 1 where it is absent."""

    def __init__(self, inputs: int, cell: nn.Module):
        super().__init__()
        self.lstm, self.cell = Lstm(inputs, sum(cell.state_sizes)), cell
        self.has_time, self.units = cell.has_time, cell.units
        self.state_sizes = [*cell.state_sizes, self.lstm.units]

    def step(self, x: Tensor, state: tuple[Tensor, ...] | None = None, dt: Tensor | None = None):
        after = self._advance(self._start(x, state), x, None if dt is None else dt.unsqueeze(1))
        return self._emit(after), after.split(self.state_sizes, 1)

    def sequence(self, x: Tensor, state: tuple[Tensor, ...] | None = None, dt: Tensor | None = None):
        check_time(x, dt)
        states, last = loop(self._advance, self._start(x, state), x, dt)
        return self._emit(states), last.split(self.state_sizes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _start(self, x: Tensor, state: tuple[Tensor, ...] | None) -> Tensor:
        """All tensors of the state side by side."""
        return self.lstm.bias.new_zeros(x.shape[0], sum(self.state_sizes)) if state is None else torch.cat(tuple(state), 1)

    def _advance(self, state: Tensor, x: Tensor, dt: Tensor | None = None) -> Tensor:
        h, (_, c) = self.lstm.step(x, tuple(state.split(self.lstm.units, 1)))
        _, after = self.cell.step(x, self._of_cell(h), None if dt is None else dt[:, 0])
        return torch.cat([after, c] if isinstance(after, Tensor) else [*after, c], 1)

    def _of_cell(self, h: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The state of the cell, as it takes it, from its tensors side by side."""
        return h if len(self.cell.state_sizes) == 1 else h.split(self.cell.state_sizes, -1)

    def _emit(self, states: Tensor) -> Tensor:
        return self.cell.emit(self._of_cell(states[..., : self.lstm.units]))
