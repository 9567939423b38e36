"""The model `snlnn`: an image becomes currents or spikes, the input of a spiking reservoir, whose states a linear readout sees."""

import torch
from torch import Tensor, nn

from .cells import SpikingReservoir, project
from .images import scan, scan_extents
from .preprocessing import Preprocessing, output_width


class SpikeReadout(nn.Module):
    """A linear readout of summaries [N, units], whose weights have the size of the maximum number of units."""

    def __init__(self, summaries: int, room: int, classes: int):
        super().__init__()
        self.room = room
        self.weight = nn.Parameter(torch.zeros(classes, summaries * room))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, summaries: list[Tensor]) -> Tensor:
        units = summaries[0].shape[1]
        weight = self.weight.unflatten(1, (len(summaries), self.room))[:, :, :units].flatten(1)
        return project(torch.cat(summaries, 1), weight, self.bias)


class Snlnn(nn.Module):
    """Images [N, C, H, W] in 0..1 to logits [N, classes].

    The state is a list: membranes and spikes [N, units], the sums of both so far, the number of steps [N, 1] and, where
    changes are encoded, the step before.
    """

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__()
        shape, self.encoding, self.summaries = input["shape"], config["encoding"], config["summaries"]
        self.order = self.encoding.get("scan", "whole")
        inputs = scan_extents(self.order, shape["channels"], shape["height"], shape["width"])[1]
        self.preprocessing = Preprocessing(standardization, input)
        self.reservoir = SpikingReservoir(inputs, config)
        self.dropout = nn.Dropout(config["dropout"])
        classes = output_width(input)
        self.readout = SpikeReadout(len(self.summaries), config["max_reservoir_dim"], classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.preprocessing(images, self.readout.weight.dtype)
        return self.preprocessing.to_units(self._run(self.encode(x), None)[0], images)

    def sequence(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Images as the encoding reads them, [N, T, I], or its spikes for rate and latency: (logits, state)."""
        given, x = x, self.preprocessing.steps(x, self.order, self.readout.weight.dtype)
        if self.encoding["kind"] != "delta":
            logits, after = self._run(x, state)
            return self.preprocessing.to_units(logits, given), after
        before = torch.zeros_like(x[:, :1]) if state is None else state[-1].unsqueeze(1)
        logits, after = self._run(delta(torch.cat([before, x], 1), self.encoding["threshold"])[:, 1:], state)
        return self.preprocessing.to_units(logits, given), [*after, x[:, -1]]

    def step(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """One step: x [N, I]."""
        return self.sequence(x.unsqueeze(1), state)

    def rest(self, images: int) -> list[Tensor]:
        """The state before the first step: none is the same, but an exported step always takes one."""
        widths = [self.reservoir.units] * 4 + [1]
        if self.encoding["kind"] == "delta":
            widths.append(self.reservoir.input_weights.shape[1])
        return [self.readout.bias.new_zeros(images, width) for width in widths]

    def encode(self, x: Tensor) -> Tensor:
        """Standardised images [N, C, H, W] as the input of the reservoir, [N, T, I]."""
        kind = self.encoding["kind"]
        if kind == "current":
            return x.flatten(1).unsqueeze(1).expand(-1, self.encoding["steps"], -1)
        if kind == "rate":
            return rate(x.flatten(1), self.encoding["steps"], random=self.training)
        if kind == "latency":
            return latency(x.flatten(1), self.encoding["steps"])
        x = scan(self.order, x)
        return delta(x, self.encoding["threshold"]) if kind == "delta" else x

    def _run(self, x: Tensor, state: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        outputs, (v, s) = self.reservoir.sequence(x, None if state is None else (state[0], state[1]))
        membranes, spikes = outputs.sum(1).chunk(2, 1)
        steps = torch.full_like(v[:, :1], x.shape[1])
        if state is not None:
            membranes, spikes, steps = membranes + state[2], spikes + state[3], steps + state[4]
        seen = {"last-membrane": v, "mean-membrane": membranes / steps, "spike-rate": spikes / steps}
        logits = self.readout([self.dropout(seen[name]) for name in self.summaries])
        return logits, [v, s, membranes, spikes, steps]


def rate(x: Tensor, steps: int, random: bool) -> Tensor:
    """Spikes [N, T, I] whose rate is the intensity [N, I] in 0..1: random, or evenly spaced."""
    x = x.clamp(0, 1).unsqueeze(1).expand(-1, steps, -1)
    if random:
        return (torch.rand_like(x) < x).to(x.dtype)
    t = torch.arange(steps, dtype=x.dtype, device=x.device).view(1, -1, 1)
    # A hundredth of a spike ahead, so that an intensity of 1 spikes at every step whatever the rounding.
    return torch.floor(x * (t + 1) + 0.01) - torch.floor(x * t + 0.01)


def latency(x: Tensor, steps: int) -> Tensor:
    """One spike for each intensity [N, I] in 0..1, the earlier the stronger; none for 0."""
    x = x.clamp(0, 1).unsqueeze(1)
    t = torch.arange(steps, dtype=x.dtype, device=x.device).view(1, -1, 1)
    return ((t == torch.round((1 - x) * (steps - 1))) & (x > 0)).to(x.dtype)


def delta(x: Tensor, threshold: float) -> Tensor:
    """1 where a sequence [N, T, I] rose by at least the threshold since the step before, -1 where it fell."""
    change = x - nn.functional.pad(x, (0, 0, 1, 0))[:, :-1]
    return (change >= threshold).to(x.dtype) - (change <= -threshold).to(x.dtype)
