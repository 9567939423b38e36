"""Both ends of a model: the input is standardised, and predicted values get their units back."""

import torch
from torch import Tensor, nn

from .images import scan


def target_names(task: dict) -> list[str]:
    """The names of the classes or values that a model predicts."""
    return task["class_names"] if task["kind"] == "classification" else task["value_names"]


class Preprocessing(nn.Module):
    """`(x - mean) / deviation` of images [N, C, H, W] in 0..1 or sequences [N, T, I], with statistics of the training set.

    Predicted values are returned in their own units: `y * value_deviation + value_mean`.
    """

    def __init__(self, standardization: str, input: dict):
        super().__init__()
        shape, task = input["shape"], input["task"]
        if shape["kind"] == "images":
            self.image = shape["channels"], shape["height"], shape["width"]
            channels, _, width = self.image
            extents = {"none": (1, 1, 1, 1), "channels": (1, channels, 1, 1), "columns": (1, 1, 1, width)}
        else:
            self.image = None
            extents = {"none": (1, 1, 1), "channels": (1, 1, len(shape["features"]))}
        self.register_buffer("mean", torch.zeros(extents[standardization]))
        self.register_buffer("deviation", torch.ones(extents[standardization]))
        values = len(task["value_names"]) if task["kind"] == "regression" else None
        self.register_buffer("value_mean", None if values is None else torch.zeros(values))
        self.register_buffer("value_deviation", None if values is None else torch.ones(values))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.deviation

    def steps(self, x: Tensor, order: str | dict | None) -> Tensor:
        """The same for images that were read in `order` before: [N, T, I]. The statistics must be the same at each step."""
        if self.image is None:
            return self(x)
        mean, deviation = (scan(order, numbers.expand(1, *self.image)) for numbers in (self.mean, self.deviation))
        if self.mean.shape[3] > 1 and order not in ("whole", "rows", "rows-reversed"):
            raise ValueError("each column of an image has its own standardization, and this model reads columns")
        return (x - mean[:, :1]) / deviation[:, :1]

    def to_units(self, output: Tensor) -> Tensor:
        return output if self.value_mean is None else output * self.value_deviation + self.value_mean
