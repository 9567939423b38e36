"""The LiquidTimeStep network: units with learned time constants read a sequence, a linear readout tells what it was."""

import torch
from torch import Tensor, nn

from .cells import LiquidTimeStep
from .images import scan, scan_extents
from .preprocessing import Preprocessing, told_names


class Liquid(nn.Module):
    """Images [N, C, H, W] in 0..1, or sequences [N, T, I], to logits or values [N, O].

    `dt [N, T]` is the time that passes in each step, 1 where it is not given. The state is a list: h [N, H] and, where the
    readout sees the mean, the sum of the states so far and their number.
    """

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__()
        shape, units = input["shape"], config["units"]
        if shape["kind"] == "images":
            self.order = config["scan"]
            inputs = scan_extents(self.order, shape["channels"], shape["height"], shape["width"])[1]
        else:
            self.order, inputs = None, len(shape["features"])
        self.summaries = config["summaries"]
        self.preprocessing = Preprocessing(standardization, input)
        self.cell = LiquidTimeStep(inputs, units, config["solver"], config["tau"], config["recurrent_bias"])
        self.dropout = nn.Dropout(config["dropout"])
        self.readout = nn.Linear(units * len(self.summaries), len(told_names(input["task"])))

    def forward(self, x: Tensor, dt: Tensor | None = None) -> Tensor:
        x = self.preprocessing(x)
        return self._run(x if self.order is None else scan(self.order, x), None, dt)[0]

    def sequence(self, x: Tensor, state: list[Tensor] | None = None, dt: Tensor | None = None):
        """A sequence [N, T, I], or an image that was read as one, going on from `state`: (output [N, O], state)."""
        return self._run(self.preprocessing.steps(x, self.order), state, dt)

    def step(self, x: Tensor, state: list[Tensor] | None = None, dt: Tensor | None = None):
        """One step of a sequence: x [N, I], dt [N]."""
        return self.sequence(x.unsqueeze(1), state, None if dt is None else dt.unsqueeze(1))

    def rest(self, sequences: int) -> list[Tensor]:
        """The state before the first step: none is the same, but an exported step always takes one."""
        h = self.cell.tau.new_zeros(sequences, len(self.cell.tau))
        return [h, torch.zeros_like(h), h.new_zeros(sequences, 1)] if "mean" in self.summaries else [h]

    def _run(self, x: Tensor, state: list[Tensor] | None, dt: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        outputs, h = self.cell.sequence(x, None if state is None else state[0], dt)
        after, summaries = [h], {"last": h}
        if "mean" in self.summaries:
            total, steps = outputs.sum(1), torch.full_like(h[:, :1], x.shape[1])
            if state is not None:
                total, steps = total + state[1], steps + state[2]
            after, summaries["mean"] = [h, total, steps], total / steps
        seen = self.dropout(torch.cat([summaries[name] for name in self.summaries], 1))
        return self.preprocessing.to_units(self.readout(seen)), after
