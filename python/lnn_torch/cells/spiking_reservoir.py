"""Units that spike."""

import torch
from torch import Tensor, nn

from .product import project, recurrent


def spike(u: Tensor, surrogate: str, sharpness: float) -> Tensor:
    """1 where u > 0 and 0 elsewhere, with the gradient of a smooth function whose slope at 0 is 1."""
    if surrogate == "fast-sigmoid":
        smooth = u / (1 + sharpness * u.abs())
    elif surrogate == "arctan":
        smooth = torch.atan(sharpness * u) / sharpness
    else:  # straight-through
        smooth = u.clamp(-0.5 / sharpness, 0.5 / sharpness)
    # smooth - smooth is 0 and has the gradient of the first.
    return (u > 0).to(u.dtype) + (smooth - smooth.detach())


class SpikingReservoir(nn.Module):
    """Leaky tanh units that spike: u = (1 - a) v + a tanh(x W_in^T + b + v W_res^T), s = [u > threshold],
    v' = u - threshold s.

    The tensors have the size of the maximum number of units. `active` is 1 for the active units, which come first; the others are
    sliced off. A sequence returns membranes and, behind them, spikes; the state is (v, s).
    """

    def __init__(self, inputs: int, config: dict):
        super().__init__()
        self.leak_rate, self.threshold = config["leak_rate"], config["threshold"]
        self.surrogate, self.sharpness = config["surrogate"], config["sharpness"]
        room, self.units = config["max_reservoir_dim"], config["units"]
        weights = {"input_weights": torch.zeros(room, inputs), "recurrent_weights": torch.zeros(room, room)}
        weights["bias"] = torch.zeros(room) if config["bias"] else None
        for name, tensor in weights.items():
            if config["train_reservoir"]:
                self.register_parameter(name, None if tensor is None else nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)
        self.register_buffer("active", (torch.arange(room) < self.units).float())
        self.register_load_state_dict_post_hook(SpikingReservoir._count)

    def _count(self, _keys) -> None:
        """Reads the number of active units from a state dict, once: as a plain number it can be exported."""
        self.units = int(self.active.sum())

    def step(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        after = self._advance(self._project(x), state)
        return torch.cat(after, 1), after

    def sequence(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        outputs = []
        for projected in self._project(x).unbind(1):
            state = self._advance(projected, state)
            outputs.append(torch.cat(state, 1))
        return torch.stack(outputs, 1), state

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _project(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias[: self.units]
        return project(x, self.input_weights[: self.units], bias)

    def _advance(self, projected: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        if state is None:
            u = torch.tanh(projected) * self.leak_rate
        else:
            v, weights = state[0], self.recurrent_weights[: self.units, : self.units]
            u = torch.lerp(v, torch.tanh(recurrent(projected, v, weights)), self.leak_rate)
        s = spike(u - self.threshold, self.surrogate, self.sharpness)
        return u - self.threshold * s, s
