"""How images enter a model: standardised, and read as a sequence."""

import torch
from torch import Tensor, nn


class Preprocessing(nn.Module):
    """`(x - mean) / deviation` of images [N, C, H, W] in 0..1, with numbers from the training set."""

    def __init__(self, standardization: str, channels: int, width: int):
        super().__init__()
        shape = {"channels": (1, channels, 1, 1), "columns": (1, 1, 1, width)}[standardization]
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.deviation


def scan(order: str, x: Tensor) -> Tensor:
    """Reads [B, C, H, W] as a sequence [B, T, I]."""
    if order == "whole":
        return x.flatten(1).unsqueeze(1)
    if order == "positions":
        return x.flatten(2).transpose(1, 2)
    lines = x.permute(0, 2, 1, 3) if order.startswith("rows") else x.permute(0, 3, 1, 2)
    sequence = lines.flatten(2)
    return sequence.flip(1) if order.endswith("-reversed") else sequence


def scan_extents(order: str, channels: int, height: int, width: int) -> tuple[int, int]:
    """[T, I] of the sequence that an image becomes."""
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
