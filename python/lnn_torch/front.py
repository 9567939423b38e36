"""What may stand between an image and the layers that read it: a residual convolutional front, or whitened steps."""

import torch
from torch import Tensor, nn

from .cllnn import BatchNorm


class Whitening(nn.Module):
    """A fixed 2x2 convolution that whitens patches: each direction of their covariance, with both signs."""

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(8 * channels, channels, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight)


class SequenceWhitening(nn.Module):
    """A fixed linear map of each step, computed from the training images."""

    def __init__(self, inputs: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(inputs, inputs))
        self.register_buffer("mean", torch.zeros(inputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(x - self.mean, self.weight)


class NormalizedConvolution(nn.Module):
    """A 3x3 convolution, a 2x2 max-pooling if asked for, a normalisation and a gelu."""

    def __init__(self, inputs: int, outputs: int, pool: bool):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.normalization = BatchNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.gelu(self.normalization(self.pool(self.convolution(x))))


class ResidualBlock(nn.Module):
    """One convolution that halves the image, and one whose output is added to it."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.reduce = NormalizedConvolution(inputs, outputs, True)
        self.refine = NormalizedConvolution(outputs, outputs, False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(x)
        return x + self.refine(x)


class ResidualFront(nn.Module):
    """Whitened patches, and a residual block for each number of channels."""

    def __init__(self, inputs: int, channels: list[int]):
        super().__init__()
        self.whitening = Whitening(inputs)
        widths = [8 * inputs, *channels]
        self.blocks = len(channels)
        for i in range(self.blocks):
            self.add_module(f"block{i}", ResidualBlock(widths[i], widths[i + 1]))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.gelu(self.whitening(x))
        for i in range(self.blocks):
            x = self.get_submodule(f"block{i}")(x)
        return x


def map_of(image: tuple[int, int, int], channels: list[int]) -> tuple[int, int, int]:
    """[C, H, W] of the map that a front with blocks of these channels computes from an image [C, H, W]."""
    if not channels:
        return image
    _, height, width = image
    height, width = height - 1, width - 1
    for _ in channels:
        height, width = height // 2, width // 2
    return channels[-1], height, width
