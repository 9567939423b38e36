"""The model `cllnn`: convolutions, a fixed reservoir over their features, an LSTM over the states, and a linear readout."""

import torch
from torch import Tensor, nn

from .cells import LeakyReservoir, Lstm, project
from .images import scan, scan_extents
from .preprocessing import Preprocessing, output_width


class BatchNorm(nn.Module):
    """Normalises each channel by the statistics of the batch in training and by the running statistics in evaluation."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_variance
        return nn.functional.batch_norm(x, mean, variance, self.weight, self.bias, self.training, 0.1, 1e-5)


class Block(nn.Module):
    """A 3x3 convolution, a 2x2 max-pooling, a normalisation if there is one, and a rectifier."""

    def __init__(self, inputs: int, outputs: int, batch_norm: bool):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)
        self.normalization = BatchNorm(outputs) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.normalization(nn.functional.max_pool2d(self.convolution(x), 2)))


class Cllnn(nn.Module):
    """Images [N, C, H, W] in 0..1 to logits [N, classes]."""

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__()
        self.order = config["scan"]
        channels, height, width = (input["shape"][extent] for extent in ("channels", "height", "width"))
        self.preprocessing = Preprocessing(standardization, input)
        self.blocks = len(config["channels"])
        for i, outputs in enumerate(config["channels"]):
            self.add_module(f"block{i}", Block(channels, outputs, config["batch_norm"]))
            channels, height, width = outputs, height // 2, width // 2
        settings, units = config["reservoir"], config["lstm_units"]
        inputs = scan_extents(self.order, channels, height, width)[1]
        leak_rate = settings["leak_rate"] if settings.get("leak_range") is None else None
        self.reservoir = LeakyReservoir(inputs, settings["units"], leak_rate, settings["bias_scale"] > 0)
        self.lstm = Lstm(settings["units"], units)
        self.dropout = nn.Dropout(config["dropout"])
        self.readout = nn.Linear(units, output_width(input))

    def forward(self, images: Tensor) -> Tensor:
        x = self.preprocessing(images, self.readout.weight.dtype)
        for i in range(self.blocks):
            x = self.get_submodule(f"block{i}")(x)
        _, (memory, _) = self.lstm.sequence(self.reservoir(scan(self.order, x)))
        output = project(self.dropout(memory), self.readout.weight, self.readout.bias)
        return self.preprocessing.to_units(output, images)
