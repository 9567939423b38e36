"""The model `lnn` of series: fixed leaky reservoirs in a row read a series, and a linear readout sees their states."""

import torch
from torch import Tensor, nn

from .cells.loop import check_time
from .padding import without_padding
from .preprocessing import Preprocessing, output_width
from .readout import Readout
from .reservoirs import add_reservoirs
from .timing import Time


class LnnOfSeries(nn.Module):
    """Series [N, T, I] to logits or values [N, O], or [N, T, O] after each step where the model was trained so.

    The state is the list of the states of all reservoirs [N, H] and, where the readout sees the mean, the sum of what it is taken of and the
    number of steps so far [N, 1]. The first `washout` steps are part of no mean. `dt [N, T]` is the time that passes in each step, in the
    unit of the time column of the training data; where they had one it is the last input, and a model without time refuses it.
    `lengths [N]` are the numbers of steps before the padding, which may hold any number and has no effect. NaN is a missing value where the
    training data had such (`missing=mask`). The values of all of them are checked by `forward` and `sequence`, not by `step`.
    """

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__()
        self.mean, self.washout, self.readout_input = config["summary"] == "mean", config["washout"], config["readout_input"]
        self.per_step = input.get("per") == "step"
        self.preprocessing = Preprocessing(standardization, input)
        self.time = Time(input.get("timing"))
        self.takes_time = self.time.typical is not None
        inputs = len(input["shape"]["features"]) * (2 if self.preprocessing.may_miss else 1) + self.takes_time
        self.reservoirs = add_reservoirs(self, "reservoir0", inputs, config)
        self.seen = sum(self.get_submodule(name).units for name in self.reservoirs) + (inputs if self.readout_input else 0)
        self.readout = Readout(self.seen, output_width(input), config["standardize"])

    def forward(self, x: Tensor, dt: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        if lengths is not None:
            x, dt = without_padding(x, dt, lengths, self.time.unit)
        self._check(x, dt)
        output = self._run(self.preprocessing(x, self.readout.weight.dtype), None, dt, lengths)[0]
        return self.preprocessing.to_units(output, x)

    def sequence(self, x: Tensor, state: list[Tensor] | None = None, dt: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """A series [N, T, I] from `state` on: (prediction [N, O], state)."""
        self._check(x, dt)
        return self._continue(x, state, dt)

    def step(self, x: Tensor, state: list[Tensor] | None = None, dt: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """One step of a series: x [N, I], dt [N]."""
        values, after = self._continue(x.unsqueeze(1), state, None if dt is None else dt.unsqueeze(1))
        return (values[:, 0] if self.per_step else values), after

    def rest(self, sequences: int) -> list[Tensor]:
        """The state before the first step: none is the same, but an exported step always takes one."""
        widths = [self.get_submodule(name).units for name in self.reservoirs] + ([self.seen, 1] if self.mean else [])
        return [self.readout.bias.new_zeros(sequences, width) for width in widths]

    def _check(self, x: Tensor, dt: Tensor | None) -> None:
        """Refuses what is not finite. An exported or compiled program does not look at values."""
        self.time.check(dt)
        if not torch.compiler.is_compiling():
            self.preprocessing.check(x)

    def _continue(self, x: Tensor, state: list[Tensor] | None, dt: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        output, after = self._run(self.preprocessing(x, self.readout.weight.dtype), state, dt)
        return self.preprocessing.to_units(output, x), after

    def _run(self, x: Tensor, state: list[Tensor] | None, dt: Tensor | None,
             lengths: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        if dt is not None and not self.takes_time:
            raise ValueError("the cells do not know time and the training data had none: leave out dt")
        dt = self.time.scaled(dt, x)
        if self.takes_time:
            check_time(x, dt)
            x = torch.cat([x, torch.ones_like(x[:, :, :1]) if dt is None else dt.unsqueeze(2)], 2)
        states, after, steps = [], [], x
        for i, name in enumerate(self.reservoirs):
            steps, last = self.get_submodule(name).sequence(steps, None if state is None else state[i])
            states.append(steps)
            after.append(last)
        seen = torch.cat([*states, x] if self.readout_input else states, 2)
        if self.mean:
            seen, sums = self._means(seen, state, lengths)
            after += sums
        elif not self.per_step:
            seen = seen[:, -1] if lengths is None else seen[torch.arange(x.shape[0], device=x.device), lengths - 1]
        return self.readout(seen), after

    def _means(self, seen: Tensor, state: list[Tensor] | None, lengths: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The mean of the sequence or after each step, without the first steps and the padding, and the sums to go on with."""
        total, steps = (torch.zeros_like(seen[:, 0]), torch.zeros_like(seen[:, 0, :1])) if state is None else state[-2:]
        before = (steps - self.washout).clamp(min=0)
        places = torch.arange(seen.shape[1], device=seen.device).unsqueeze(0)
        counts = places + steps >= self.washout
        if lengths is not None:
            counts = counts & (places < lengths.unsqueeze(1))
        counts = counts.to(seen.dtype).unsqueeze(2)
        steps = steps + seen.shape[1]
        if self.per_step:
            totals = total.unsqueeze(1) + (seen * counts).cumsum(1)
            return totals / (before.unsqueeze(1) + counts.cumsum(1)).clamp(min=1), [totals[:, -1], steps]
        total = total + (seen * counts).sum(1)
        return total / (before + counts.sum(1)).clamp(min=1), [total, steps]
