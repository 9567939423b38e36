"""The liquid image classifier: a liquid layer reads rows or patches, or the map of a convolutional front."""

import torch
from torch import Tensor, nn

from .cells import LinearLiquid, LiquidTimeStep
from .cllnn import BatchNorm
from .images import scan, scan_extents
from .preprocessing import Preprocessing
from .summary import summarize


class Whitening(nn.Module):
    """A fixed 2x2 convolution that whitens patches: each direction of their covariance, with both signs."""

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(8 * channels, channels, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight)


class SequenceWhitening(nn.Module):
    """A fixed linear map of each step, taken from the training images."""

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


class Cifar(nn.Module):
    """Images [N, C, H, W] in 0..1 to logits [N, classes]."""

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__()
        self.orders, self.stretches, self.summary = config["scans"], config["stretches"], config["summary"]
        shape, dynamics, units = input["shape"], config["dynamics"], config["units"]
        channels, height, width = shape["channels"], shape["height"], shape["width"]
        self.preprocessing = Preprocessing(standardization, input)
        self.front = ResidualFront(channels, config["channels"]) if config["channels"] else nn.Identity()
        if config["channels"]:
            channels, height, width = config["channels"][-1], height - 1, width - 1
            for _ in config["channels"]:
                height, width = height // 2, width // 2
        for i, order in enumerate(self.orders):
            inputs = scan_extents(order, channels, height, width)[1]
            if dynamics["kind"] == "linear":
                layer = LinearLiquid(inputs, units, dynamics["rate"])
            else:
                layer = LiquidTimeStep(inputs, units, "exponential", dynamics["tau"], False)
            self.add_module(f"layer{i}", layer)
            self.add_module(f"whitening{i}", SequenceWhitening(inputs) if config.get("whitening") else nn.Identity())
        self.dropout = nn.Dropout(config["dropout"])
        self.mirror = config.get("mirror", False)
        seen = units * self.stretches * len(self.orders)
        self.readout = nn.Linear(seen, len(input["task"]["class_names"]))

    def forward(self, images: Tensor) -> Tensor:
        x = self.preprocessing(images)
        if self.mirror and not self.training:
            return (self.logits(x) + self.logits(x.flip(-1))) / 2
        return self.logits(x)

    def logits(self, x: Tensor) -> Tensor:
        x = self.front(x)
        steps = [self.get_submodule(f"whitening{i}")(scan(order, x)) for i, order in enumerate(self.orders)]
        states = [self.get_submodule(f"layer{i}")(of_one) for i, of_one in enumerate(steps)]
        seen = [summarize(of_one, self.stretches, self.summary) for of_one in states]
        return self.readout(self.dropout(torch.cat(seen, 1)))
