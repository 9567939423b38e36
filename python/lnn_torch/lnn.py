"""The model `lnn`: fixed leaky reservoirs read an image in several orders, and a linear readout sees their states. For series see
`lnn_of_series.py`."""

import torch
from torch import Tensor, nn

from .images import scan, scan_extents, with_neighbours
from .preprocessing import Preprocessing, output_width
from .readout import Readout
from .reservoirs import add_reservoirs
from .summary import summarize


class Lnn(nn.Module):
    """Images [N, C, H, W] in 0..1 to logits [N, classes]."""

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__()
        self.orders, self.window = config["scans"], config["window"]
        self.stretches, self.summary = config["stretches"], config["summary"]
        image = [input["shape"][extent] for extent in ("channels", "height", "width")]
        self.preprocessing = Preprocessing(standardization, input)
        self.reservoirs = []
        for i, order in enumerate(self.orders):
            inputs = scan_extents(order, *image)[1] * self.window
            self.reservoirs.append(add_reservoirs(self, f"reservoir{i}", inputs, config))
        features = sum(self.get_submodule(name).units for names in self.reservoirs for name in names) * self.stretches
        self.readout = Readout(features, output_width(input), config["standardize"])

    def forward(self, images: Tensor) -> Tensor:
        x = self.preprocessing(images, self.readout.weight.dtype)
        features = []
        for i, order in enumerate(self.orders):
            states, steps = [], with_neighbours(scan(order, x), self.window)
            for name in self.reservoirs[i]:
                steps = self.get_submodule(name)(steps)
                states.append(steps)
            features.append(summarize(torch.cat(states, 2), self.stretches, self.summary))
        return self.preprocessing.to_units(self.readout(torch.cat(features, 1)), images)
