"""Closed-form continuous-time units in the layers of a wiring."""

from torch import Tensor, nn

from .closed_form import ClosedForm

NO_BACKBONE = {"units": 0, "layers": 0, "activation": "lecun-tanh", "dropout": 0.0}


class WiredClosedForm(nn.Module):
    """Layers of masked `ClosedForm` cells, each of which reads the layer before it in the same step.

    `sizes` are the numbers of units, that of the layer which the inputs enter first. The outputs are those of the last layer. The
    state is one tensor for each layer, that of the last layer first; of one layer it is the tensor itself.
    """

    has_time = True

    def __init__(self, inputs: int, sizes: list[int], mode: str):
        super().__init__()
        self.units, self.state_sizes = sizes[-1], sizes[::-1]
        self.names = [f"layer_{layer}" for layer in range(len(sizes))]
        for name, units in zip(self.names, sizes):
            self.add_module(name, ClosedForm(inputs, units, mode, NO_BACKBONE, masked=True))
            inputs = units

    def step(self, x: Tensor, state=None, dt: Tensor | None = None) -> tuple[Tensor, Tensor | tuple[Tensor, ...]]:
        return self._through_all("step", x, state, dt)

    def sequence(self, x: Tensor, state=None, dt: Tensor | None = None) -> tuple[Tensor, Tensor | tuple[Tensor, ...]]:
        # Layer by layer, which is the same: a layer reads nothing of those behind it.
        return self._through_all("sequence", x, state, dt)

    def forward(self, x: Tensor) -> Tensor:
        return self.sequence(x)[0]

    def emit(self, state: Tensor | tuple[Tensor, ...]) -> Tensor:
        """The outputs of states: those of the last layer."""
        return state if len(self.names) == 1 else state[0]

    def _through_all(self, method: str, x: Tensor, state, dt: Tensor | None):
        if len(self.names) == 1:
            return getattr(self.get_submodule(self.names[0]), method)(x, state, dt)
        after = []
        for name, before in zip(self.names, [None] * len(self.names) if state is None else state[::-1]):
            x, last = getattr(self.get_submodule(name), method)(x, before, dt)
            after.append(last)
        return x, tuple(after[::-1])
