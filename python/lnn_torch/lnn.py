"""The model `lnn`: fixed leaky reservoirs read an image in several orders, and a linear readout sees their states."""

import torch
from torch import Tensor, nn

from .cells import LeakyReservoir, project
from .images import scan, scan_extents, with_neighbours
from .preprocessing import Preprocessing, target_names
from .summary import summarize


class Readout(nn.Module):
    """A linear readout, which may standardise its features first."""

    def __init__(self, features: int, classes: int, standardize: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes, features))
        self.bias = nn.Parameter(torch.zeros(classes))
        self.register_buffer("mean", torch.zeros(features) if standardize else None)
        self.register_buffer("deviation", torch.ones(features) if standardize else None)

    def forward(self, features: Tensor) -> Tensor:
        if self.mean is not None:
            features = (features - self.mean) / self.deviation
        return project(features, self.weight, self.bias)


class Lnn(nn.Module):
    """Images [N, C, H, W] in 0..1 to logits [N, classes]."""

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__()
        self.orders, self.window = config["scans"], config["window"]
        self.stretches, self.summary = config["stretches"], config["summary"]
        settings = config["reservoir"]
        units, bias = settings["units"], settings["bias_scale"] > 0
        image = [input["shape"][extent] for extent in ("channels", "height", "width")]
        self.preprocessing = Preprocessing(standardization, input)
        for i, order in enumerate(self.orders):
            inputs = scan_extents(order, *image)[1] * self.window
            self.add_module(f"reservoir{i}", LeakyReservoir(inputs, units, settings["leak_rate"], bias))
        features = units * self.stretches * len(self.orders)
        self.readout = Readout(features, len(target_names(input["task"])), config["standardize"])

    def forward(self, images: Tensor) -> Tensor:
        x = self.preprocessing(images, self.readout.weight.dtype)
        features = []
        for i, order in enumerate(self.orders):
            states = self.get_submodule(f"reservoir{i}")(with_neighbours(scan(order, x), self.window))
            features.append(summarize(states, self.stretches, self.summary))
        return self.preprocessing.to_units(self.readout(torch.cat(features, 1)), images)
