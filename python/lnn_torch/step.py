"""One step of a recurrent model as a module of its own."""

from torch import Tensor, nn


class Step(nn.Module):
    """`forward` is the `step` of a model, because exporters export `forward` alone: x [N, I], the state and, for a model that takes
    it, dt [N], to the prediction and the next state. A loop around it starts with `model.rest(N)`."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, state: list[Tensor], dt: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        return self.model.step(x, state) if dt is None else self.model.step(x, state, dt)
