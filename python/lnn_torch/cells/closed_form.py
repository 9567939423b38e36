"""The closed-form continuous-time unit."""

import torch
from torch import Tensor, nn

from .loop import check_time, loop
from .product import project, recurrent

ACTIVATIONS = {
    "lecun-tanh": lambda y: 1.7159 * torch.tanh(0.666 * y),
    "tanh": torch.tanh,
    "relu": torch.relu,
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
}


class ClosedForm(nn.Module):
    """h' = f1 + s (f2 - f1), with s = sigmoid(a dt + b), and f1, f2, a and b from x and h by way of the layers of a backbone.

    `mode` selects this form, `default`; h' = f1 + s f2, `no-gate`; or h' = A - A exp(-dt (|w| + |f|)) f, `pure`. A `masked` cell has no
    backbone, and a fixed mask [H, I + H] on the weights of f1 and f2. `dt` is [B, T], or [B] for a step, and 1 where it is absent.
    """

    has_time = True

    def __init__(self, inputs: int, units: int, mode: str, backbone: dict, masked: bool = False):
        super().__init__()
        self.units, self.state_sizes = units, [units]
        self.mode, self.layers = mode, backbone["layers"]
        self.activation, self.dropout = ACTIVATIONS[backbone["activation"]], backbone["dropout"]
        heads, width = units * (1 if mode == "pure" else 4), backbone["units"]
        self.first, rows = ("backbone", width) if self.layers > 0 else ("head", heads)
        for name, extents in (("input_weights", (rows, inputs)), ("recurrent_weights", (rows, units)), ("bias", (rows,))):
            self.register_parameter(f"{self.first}_{name}", nn.Parameter(torch.zeros(extents)))
        for layer in range(1, self.layers):
            self.register_parameter(f"backbone_weights_{layer}", nn.Parameter(torch.zeros(width, width)))
            self.register_parameter(f"backbone_bias_{layer}", nn.Parameter(torch.zeros(width)))
        if self.layers > 0:
            self.head_weights = nn.Parameter(torch.zeros(heads, width))
            self.head_bias = nn.Parameter(torch.zeros(heads))
        self.w_tau = nn.Parameter(torch.zeros(units)) if mode == "pure" else None
        self.amplitude = nn.Parameter(torch.ones(units)) if mode == "pure" else None
        self.register_buffer("head_mask", torch.ones(units, inputs + units) if masked else None)

    def step(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self._advance(self._start(x, state), self._project(x), None if dt is None else dt.unsqueeze(1))
        return h, h

    def sequence(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_time(x, dt)
        return loop(self._advance, self._start(x, state), self._project(x), dt)

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def emit(self, h: Tensor) -> Tensor:
        """The outputs of states, which are the states."""
        return h

    def _start(self, x: Tensor, state: Tensor | None) -> Tensor:
        return self.head_bias.new_zeros(x.shape[0], self.units) if state is None else state

    def _weights(self) -> tuple[Tensor, Tensor]:
        """The weights of the first product, for the input and for the state."""
        weights = [self.get_parameter(f"{self.first}_{name}") for name in ("input_weights", "recurrent_weights")]
        if self.head_mask is None:
            return tuple(weights)
        heads = len(self.head_bias) // self.units
        masked = 1 if self.mode == "pure" else 2
        # Time is not masked.
        mask = torch.cat([self.head_mask] * masked + [torch.ones_like(self.head_mask)] * (heads - masked))
        inputs = weights[0].shape[1]
        return weights[0] * mask[:, :inputs], weights[1] * mask[:, inputs:]

    def _project(self, x: Tensor) -> Tensor:
        return project(x, self._weights()[0], self.get_parameter(f"{self.first}_bias"))

    def _advance(self, h: Tensor, projected: Tensor, dt: Tensor | None = None) -> Tensor:
        y = recurrent(projected, h, self._weights()[1])
        if self.layers > 0:
            y = self._activate(y)
            for layer in range(1, self.layers):
                weights, bias = (self.get_parameter(f"backbone_{name}_{layer}") for name in ("weights", "bias"))
                y = self._activate(project(y, weights, bias))
            y = project(y, self.head_weights, self.head_bias)
        dt = 1 if dt is None else dt
        if self.mode == "pure":
            return self.amplitude - self.amplitude * torch.exp(-dt * (self.w_tau.abs() + y.abs())) * y
        f1, f2, a, b = y.chunk(4, 1)
        f1, f2, s = torch.tanh(f1), torch.tanh(f2), torch.sigmoid(a * dt + b)
        return f1 + s * (f2 - f1 if self.mode == "default" else f2)

    def _activate(self, y: Tensor) -> Tensor:
        return nn.functional.dropout(self.activation(y), self.dropout, self.training)
