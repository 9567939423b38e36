"""The trained part of a model with a fixed front."""

import torch
from torch import Tensor, nn

from .cells import project


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
