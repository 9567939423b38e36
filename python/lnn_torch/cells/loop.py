"""The loop over the steps of a sequence."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..any_length import loop_of_any_length


def check_time(x: Tensor, dt: Tensor | None) -> None:
    """Refuses a `dt` that does not have one number for each step of x [N, T, I]."""
    if dt is not None and dt.shape != x.shape[:2]:
        raise ValueError(f"dt is [N, T] = {list(x.shape[:2])}, one number for each step, found {list(dt.shape)}")


def loop(advance: Callable[..., Tensor], h: Tensor, projected: Tensor, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`h = advance(h, projected [B, P])` for each step of `projected` [B, T, P]: all states [B, T, H] and the last. Where there is a `dt`
    [B, T], `advance` takes that of the step, [B, 1], too."""
    inputs = [projected] if dt is None else [projected, dt.unsqueeze(2)]
    if isinstance(projected.shape[1], torch.SymInt):
        return loop_of_any_length(advance, h, inputs)
    states = []
    for step in zip(*(tensor.unbind(1) for tensor in inputs)):
        h = advance(h, *step)
        states.append(h)
    return torch.stack(states, 1), h
