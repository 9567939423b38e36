"""The padding of sequences."""

import torch
from torch import Tensor

from .cells.loop import check_time


def without_padding(x: Tensor, dt: Tensor | None, lengths: Tensor, unit: float) -> tuple[Tensor, Tensor | None]:
    """x [N, T, I] and dt [N, T] with numbers in the padding behind `lengths` [N] that change nothing before it."""
    if lengths.shape != x.shape[:1]:
        raise ValueError(f"lengths is [N] = [{x.shape[0]}], found {list(lengths.shape)}")
    if not torch.compiler.is_compiling() and not bool(((lengths >= 1) & (lengths <= x.shape[1])).all()):
        raise ValueError(f"lengths are 1 to T = {x.shape[1]}")
    padding = torch.arange(x.shape[1], device=x.device).unsqueeze(0) >= lengths.unsqueeze(1)
    if dt is not None:
        check_time(x, dt)
        dt = dt.masked_fill(padding, unit)
    return x.masked_fill(padding.unsqueeze(2), 0.0), dt
