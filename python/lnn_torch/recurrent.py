"""The recurrent network: layers of cells read images or sequences, and a linear readout sees a summary of their states."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .cells.loop import check_time
from .cells.product import project
from .front import ResidualFront, SequenceWhitening, map_of
from .images import scan, scan_extents
from .padding import without_padding
from .preprocessing import Preprocessing, output_width
from .summary import summarize
from .timing import Time


class Recurrent(nn.Module):
    """Images [N, C, H, W] in 0..1, or sequences [N, T, I], to logits or values [N, O], or [N, T, O] after each step where the model
    was trained so.

    `cell(inputs)` makes a layer. `readings` are the orders in which an image is read, each with the name of its first layer;
    layer l > 0 is called `NAME_l`. A network with one reading of the image itself and one stretch can be run step by step: its
    state is the list of the states of all layers [N, H] and, where the readout sees the mean, the sum of the last layer's outputs
    so far and the number of steps [N, 1]. `dt [N, T]` is the time that passes in each step, in the unit of the time column of the
    training data. Where the cells do not know time and the training data had it, it is the last input of the first layer; a network
    without time refuses it. `lengths [N]` are the numbers of steps of sequences [N, T, I] before their padding, which may hold any
    number and has no effect. NaN is a missing value where the training data had such (`missing=mask`). The values of all of them are
    checked by `forward` and `sequence`, not by `step`.
    """

    def __init__(self, input: dict, standardization: str, *, cell: Callable[[int], nn.Module], readings: list[tuple[str | dict, str]],
                 layers: int, summaries: list[str], dropout: float, stretches: int = 1, front: list[int] | None = None,
                 whitening: bool = False, mirror: bool = False):
        super().__init__()
        shape = input["shape"]
        self.summaries, self.stretches, self.mirror = summaries, stretches, mirror
        self.per_step = input.get("per") == "step"
        self.preprocessing = Preprocessing(standardization, input)
        self.time = Time(input.get("timing"))
        self.front = ResidualFront(shape["channels"], front) if front else nn.Identity()
        self.orders = [order if shape["kind"] == "images" else None for order, _ in readings]
        self.layers = [[name if layer == 0 else f"{name}_{layer}" for layer in range(layers)] for _, name in readings]
        # A cell by itself says whether it knows time, whatever its size.
        cells_have_time = cell(1).has_time
        self.time_is_an_input = shape["kind"] != "images" and self.time.typical is not None and not cells_have_time
        self.takes_time = cells_have_time or self.time_is_an_input
        seen = 0
        for i, (order, names) in enumerate(zip(self.orders, self.layers)):
            if order is None:
                width = len(shape["features"]) * (2 if self.preprocessing.may_miss else 1)
            else:
                image = shape["channels"], shape["height"], shape["width"]
                width = scan_extents(order, *map_of(image, front or []))[1]
            self.add_module(f"whitening{i}", SequenceWhitening(width) if whitening else nn.Identity())
            width += self.time_is_an_input
            for name in names:
                self.add_module(name, cell(width))
                width = self.get_submodule(name).units
            seen += width * stretches * len(summaries)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(seen, output_width(input))
        self.steps_one_by_one = len(readings) == 1 and not front and not mirror and stretches == 1

    def forward(self, x: Tensor, dt: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        if dt is not None and not self.steps_one_by_one:
            raise ValueError("this network sees all steps of an image at once and takes no dt")
        if lengths is not None:
            x, dt = self._without_padding(x, dt, lengths)
        self.time.check(dt)
        self._check(x)
        given, x = x, self.preprocessing(x, self.readout.weight.dtype)
        if self.steps_one_by_one:
            output = self._run(x if self.orders[0] is None else scan(self.orders[0], x), None, dt, lengths)[0]
        elif self.mirror and not self.training:
            output = (self.logits(x) + self.logits(x.flip(-1))) / 2
        else:
            output = self.logits(x)
        return self.preprocessing.to_units(output, given)

    def logits(self, x: Tensor) -> Tensor:
        """Standardised images to the readout's outputs, seen as they are."""
        x = self.front(x)
        seen = []
        for i, (order, names) in enumerate(zip(self.orders, self.layers)):
            states = self.get_submodule(f"whitening{i}")(scan(order, x))
            for name in names:
                states = self.get_submodule(name)(states)
            seen += [summarize(states, self.stretches, summary) for summary in self.summaries]
        return project(self.dropout(torch.cat(seen, 1)), self.readout.weight, self.readout.bias)

    def sequence(self, x: Tensor, state: list[Tensor] | None = None, dt: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """A sequence [N, T, I], or an image that was read as one, from `state` on: (prediction [N, O], state)."""
        self.time.check(dt)
        self._check(x)
        return self._continue(x, state, dt)

    def step(self, x: Tensor, state: list[Tensor] | None = None, dt: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """One step of a sequence: x [N, I], dt [N]."""
        values, after = self._continue(x.unsqueeze(1), state, None if dt is None else dt.unsqueeze(1))
        return (values[:, 0] if self.per_step else values), after

    def rest(self, sequences: int) -> list[Tensor]:
        """The state before the first step: none is the same, but an exported step always takes one."""
        cells = [self.get_submodule(name) for name in self.layers[0]]
        widths = [width for cell in cells for width in cell.state_sizes]
        if "mean" in self.summaries:
            widths += [cells[-1].units, 1]
        return [self.readout.bias.new_zeros(sequences, width) for width in widths]

    def _check(self, x: Tensor) -> None:
        """Refuses sequences with NaN. An exported or compiled program does not look at values."""
        if self.orders[0] is None and not torch.compiler.is_compiling():
            self.preprocessing.check(x)

    def _without_padding(self, x: Tensor, dt: Tensor | None, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """The same with numbers in the padding that change nothing before it."""
        if self.orders[0] is not None:
            raise ValueError("lengths are those of sequences, and this network reads images")
        return without_padding(x, dt, lengths, self.time.unit)

    def _continue(self, x: Tensor, state: list[Tensor] | None, dt: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        if not self.steps_one_by_one:
            raise ValueError("this network sees all steps of an image at once and cannot be run step by step")
        steps = self.preprocessing.steps(x, self.orders[0], self.readout.weight.dtype)
        output, after = self._run(steps, state, dt)
        return self.preprocessing.to_units(output, x), after

    def _run(self, x: Tensor, state: list[Tensor] | None, dt: Tensor | None,
             lengths: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        if dt is not None and not self.takes_time:
            raise ValueError("the cells do not know time and the training data had none: leave out dt")
        dt = self.time.scaled(dt, x)
        x, after = self.whitening0(x), []
        if self.time_is_an_input:
            check_time(x, dt)
            x = torch.cat([x, torch.ones_like(x[:, :, :1]) if dt is None else dt.unsqueeze(2)], 2)
        time = [] if dt is None or self.time_is_an_input else [dt]
        for name in self.layers[0]:
            cell = self.get_submodule(name)
            tensors = len(cell.state_sizes)
            before = None if state is None else state[len(after) : len(after) + tensors]
            if before is not None:
                before = before[0] if tensors == 1 else tuple(before)
            x, last = cell.sequence(x, before, *time)
            after += [last] if tensors == 1 else list(last)
        last = x[:, -1] if lengths is None else x[torch.arange(x.shape[0], device=x.device), lengths - 1]
        summaries = {"last": x if self.per_step else last}
        if "mean" in self.summaries and self.per_step:
            totals, counts = x.cumsum(1), torch.ones_like(x[:, :, :1]).cumsum(1)
            if state is not None:
                totals, counts = totals + state[-2].unsqueeze(1), counts + state[-1].unsqueeze(1)
            after, summaries["mean"] = [*after, totals[:, -1], counts[:, -1]], totals / counts
        elif "mean" in self.summaries:
            total = x.sum(1)
            steps = torch.full_like(total[:, :1], x.shape[1])
            if lengths is not None:
                counts = torch.arange(x.shape[1], device=x.device).unsqueeze(0) < lengths.unsqueeze(1)
                total, steps = x.masked_fill(~counts.unsqueeze(2), 0.0).sum(1), lengths.unsqueeze(1).to(x.dtype)
            if state is not None:
                total, steps = total + state[-2], steps + state[-1]
            after, summaries["mean"] = [*after, total, steps], total / steps
        seen = self.dropout(torch.cat([summaries[name] for name in self.summaries], -1))
        return project(seen, self.readout.weight, self.readout.bias), after
