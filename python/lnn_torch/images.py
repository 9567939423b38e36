"""How an image, or a map of features, is read as a sequence."""

import torch
from torch import Tensor, nn


def scan(order: str | dict, x: Tensor) -> Tensor:
    """Reads [B, C, H, W] as a sequence [B, T, I]."""
    if isinstance(order, dict):
        ((name, patch),) = order.items()
        size, stride = patch["size"], patch["stride"]
        patches = x.unfold(2, size, stride).unfold(3, size, stride)  # [B, C, rows, columns, size, size]
        axes = (0, 2, 3, 1, 4, 5) if name == "patches" else (0, 3, 2, 1, 4, 5)
        return patches.permute(axes).flatten(3).flatten(1, 2)
    if order == "whole":
        return x.flatten(1).unsqueeze(1)
    if order == "positions":
        return x.flatten(2).transpose(1, 2)
    lines = x.permute(0, 2, 1, 3) if order.startswith("rows") else x.permute(0, 3, 1, 2)
    sequence = lines.flatten(2)
    return sequence.flip(1) if order.endswith("-reversed") else sequence


def scan_extents(order: str | dict, channels: int, height: int, width: int) -> tuple[int, int]:
    """[T, I] of the sequence that an image becomes."""
    if isinstance(order, dict):
        (patch,) = order.values()
        size, stride = patch["size"], patch["stride"]
        return ((height - size) // stride + 1) * ((width - size) // stride + 1), channels * size * size
    return {
        "whole": (1, channels * height * width),
        "positions": (height * width, channels),
        "rows": (height, channels * width),
        "columns": (width, channels * height),
    }[order.removesuffix("-reversed")]


def with_neighbours(x: Tensor, window: int) -> Tensor:
    """Joins each step of [B, T, I] with its neighbours, zeros beyond the ends: [B, T, I * window]."""
    if window == 1:
        return x
    steps = x.shape[1]
    padded = nn.functional.pad(x, (0, 0, window // 2, window // 2))
    return torch.stack([padded[:, i : i + steps] for i in range(window)], 3).flatten(2)
