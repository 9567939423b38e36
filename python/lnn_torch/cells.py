"""Recurrent cells. Each has a `step(x [B, I], state)` and a `sequence(x [B, T, I], state)`; the state is optional."""

import torch
from torch import Tensor, nn

from .any_length import loop_of_any_length


def project(x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    """x weights^T + bias in the dtype of the weights, also under autocast."""
    return nn.functional.linear(x, weights, bias).to(weights.dtype)


def recurrent(projected: Tensor, h: Tensor, weights: Tensor) -> Tensor:
    """projected + h weights^T, in place on a copy: autocast leaves operations in place as they are, and a state sums many small
    updates that its bits would drop."""
    return projected.clone().addmm_(h, weights.T)


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


class Lstm(nn.Module):
    """Long short-term memory with one bias; the gates are in the order of `torch.nn.LSTM`: i, f, g, o."""

    STATES = 2  # tensors of the state: h and c

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.units = units
        self.input_weights = nn.Parameter(torch.zeros(4 * units, inputs))
        self.recurrent_weights = nn.Parameter(torch.zeros(4 * units, units))
        self.bias = nn.Parameter(torch.zeros(4 * units))

    def step(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return self._advance(project(x, self.input_weights, self.bias), state)

    def sequence(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        projected = project(x, self.input_weights, self.bias)
        if isinstance(x.shape[1], torch.SymInt):
            both = projected.new_zeros(x.shape[0], 2 * self.units) if state is None else torch.cat(state, 1)
            states, last = loop_of_any_length(self._advance_both, both, [projected])
            return states[:, :, : self.units], tuple(last.chunk(2, 1))
        outputs = []
        for step in projected.unbind(1):
            output, state = self._advance(step, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _advance_both(self, state: Tensor, projected: Tensor) -> Tensor:
        return torch.cat(self._advance(projected, tuple(state.chunk(2, 1)))[1], 1)

    def _advance(self, projected: Tensor, state: tuple[Tensor, Tensor] | None):
        if state is None:
            i, f, g, o = projected.chunk(4, 1)
            c = torch.sigmoid(i) * torch.tanh(g)
        else:
            h, c = state
            i, f, g, o = recurrent(projected, h, self.recurrent_weights).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class Gru(nn.Module):
    """The gated recurrent unit in the form of `torch.nn.GRU`, with one bias for r and z; the gates are in its order: r, z, n."""

    STATES = 1  # tensors of the state: h

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.units = units
        self.input_weights = nn.Parameter(torch.zeros(3 * units, inputs))
        self.recurrent_weights = nn.Parameter(torch.zeros(3 * units, units))
        self.bias = nn.Parameter(torch.zeros(3 * units))
        self.candidate_bias = nn.Parameter(torch.zeros(units))

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self._advance(project(x, self.input_weights, self.bias), state)
        return h, h

    def sequence(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        projected = project(x, self.input_weights, self.bias)
        h = projected.new_zeros(x.shape[0], self.units) if state is None else state
        if isinstance(x.shape[1], torch.SymInt):
            return loop_of_any_length(lambda h, projected: self._advance(projected, h), h, [projected])
        outputs = []
        for step in projected.unbind(1):
            h = self._advance(step, h)
            outputs.append(h)
        return torch.stack(outputs, 1), h

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _advance(self, projected: Tensor, state: Tensor | None) -> Tensor:
        h = projected.new_zeros(projected.shape[0], self.units) if state is None else state
        reset, update, candidate = projected.chunk(3, 1)
        of_reset, of_update, of_candidate = recurrent(torch.zeros_like(projected), h, self.recurrent_weights).chunk(3, 1)
        r = torch.sigmoid(reset + of_reset)
        z = torch.sigmoid(update + of_update)
        n = torch.tanh(candidate + r * (of_candidate + self.candidate_bias))
        return n + z * (h - n)


class LiquidTimeStep(nn.Module):
    """Leaky units with learned time constants: h' = h + r (tanh(x W_in^T + h W_h^T + b) - h), r = dt / tau or
    1 - exp(-dt / tau).

    `solver` selects r. The time constants are never below a floor; with `by_input` they depend on input and state. `dt` is
    [B, T], or [B] for a step, and 1 where it is absent.
    """

    STATES = 1

    def __init__(self, inputs: int, units: int, solver: str, tau: dict, recurrent_bias: bool):
        super().__init__()
        self.units = units
        self.solver, self.form, self.floor = solver, tau["form"], tau["floor"]
        self.input_weights = nn.Parameter(torch.zeros(units, inputs))
        self.recurrent_weights = nn.Parameter(torch.zeros(units, units))
        self.bias = nn.Parameter(torch.zeros(units))
        self.recurrent_bias = nn.Parameter(torch.zeros(units)) if recurrent_bias else None
        self.tau = nn.Parameter(torch.ones(units))
        self.tau_input_weights = nn.Parameter(torch.zeros(units, inputs)) if tau["by_input"] else None
        self.tau_recurrent_weights = nn.Parameter(torch.zeros(units, units)) if tau["by_input"] else None

    def step(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self._advance(self._start(x, state), self._project(x), None if dt is None else dt.unsqueeze(1))
        return h, h

    def sequence(self, x: Tensor, state: Tensor | None = None, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if dt is not None and dt.shape != x.shape[:2]:
            raise ValueError(f"dt is [N, T] = {list(x.shape[:2])}, one number for each step, found {list(dt.shape)}")
        h, projected = self._start(x, state), self._project(x)
        times = [] if dt is None else [dt.unsqueeze(2)]
        if isinstance(x.shape[1], torch.SymInt):
            return loop_of_any_length(self._advance, h, [projected, *times])
        outputs = []
        for step in zip(projected.unbind(1), *(time.unbind(1) for time in times)):
            h = self._advance(h, *step)
            outputs.append(h)
        return torch.stack(outputs, 1), h

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def _start(self, x: Tensor, state: Tensor | None) -> Tensor:
        return self.tau.new_zeros(x.shape[0], len(self.tau)) if state is None else state

    def _project(self, x: Tensor) -> Tensor:
        """What needs the input alone: the drive and, behind it, the part of tau that depends on the input."""
        bias = self.bias if self.recurrent_bias is None else self.bias + self.recurrent_bias
        drive = project(x, self.input_weights, bias)
        if self.tau_input_weights is None:
            return drive
        return torch.cat([drive, project(x, self.tau_input_weights, self.tau)], -1)

    def _advance(self, h: Tensor, projected: Tensor, dt: Tensor | None = None) -> Tensor:
        parameter = self.tau
        if self.tau_recurrent_weights is not None:
            projected, parameter = projected.chunk(2, 1)
            parameter = recurrent(parameter, h, self.tau_recurrent_weights)
        if self.form == "clamped":
            tau = parameter.clamp_min(self.floor)
        else:
            tau = nn.functional.softplus(parameter) + self.floor
        part = (1 if dt is None else dt) / tau
        rate = part if self.solver == "euler" else -torch.expm1(-part)
        return h + rate * (torch.tanh(recurrent(projected, h, self.recurrent_weights)) - h)


class LinearLiquid(nn.Module):
    """The linear update h' = (1 - c) h + c x W_in^T + h W_hid^T + b, with the number c as `rate`."""

    STATES = 1

    def __init__(self, inputs: int, units: int, rate: float):
        super().__init__()
        self.units, self.rate = units, rate
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
