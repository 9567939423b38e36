"""Both ends of a model: the input is standardised, and predicted values get their units back."""

import torch
from torch import Tensor, nn

from .images import scan


def target_names(task: dict) -> list[str]:
    """The names of the classes or values that a model predicts."""
    return task["class_names"] if task["kind"] == "classification" else task["value_names"]


def output_width(input: dict) -> int:
    """The number of outputs of a model: its classes, its values, or the quantiles of each value."""
    return len(target_names(input["task"])) * max(1, len(input.get("quantiles", [])))


class Preprocessing(nn.Module):
    """`(x - mean) / deviation` of images [N, C, H, W] in 0..1 or sequences [N, T, I], with statistics of the training set.

    The statistics may be kept in a wider dtype than the model's: the input is standardised in the widest of both and of its own, and
    rounded to that of the model afterwards. Predicted values are returned in their own units, `y * value_deviation + value_mean`:
    in float64 where the input was, otherwise in the dtype of the model.

    Where the training data had missing values, NaN is one: it becomes 0, and after the I numbers of a step I further numbers follow, 1
    where the value is present and 0 where it is missing.

    A model of Q quantiles returns those of each value side by side, ascending.
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
        self.may_miss = input.get("missing") == "mask"
        self.quantiles = len(input.get("quantiles", []))
        self.register_buffer("value_mean", None if values is None else torch.zeros(values))
        self.register_buffer("value_deviation", None if values is None else torch.ones(values))

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        x = ((x - self.mean) / self.deviation).to(dtype)
        if not self.may_miss:
            return x
        missing = x.isnan()
        return torch.cat([x.masked_fill(missing, 0.0), (~missing).to(dtype)], -1)

    def check(self, x: Tensor) -> None:
        """Refuses images outside 0..1, and numbers that are not finite. It costs a pass over `x`, and is made on request alone."""
        if self.image is not None and not bool(((x >= 0) & (x <= 1)).all()):
            found = f"{x.min().item()} to {x.max().item()}"
            raise ValueError(f"the model takes images in 0..1, found {found}; hint: bytes are divided by 255")
        if self.may_miss:
            if bool(x.isinf().any()):
                raise ValueError("the model takes finite numbers, and NaN for missing values, found infinite ones")
        elif not bool(x.isfinite().all()):
            raise ValueError("the model takes finite numbers, found NaN or infinite ones; hint: one that was trained with missing=mask "
                             "takes NaN for a missing value")

    def steps(self, x: Tensor, order: str | dict | None, dtype: torch.dtype) -> Tensor:
        """The same for images that were read in `order` before: [N, T, I]. The statistics must be the same at each step."""
        if self.image is None:
            return self(x, dtype)
        mean, deviation = (scan(order, numbers.expand(1, *self.image)) for numbers in (self.mean, self.deviation))
        if self.mean.shape[3] > 1 and order not in ("whole", "rows", "rows-reversed"):
            raise ValueError("each column of an image has its own standardization, and this model reads columns")
        return ((x - mean[:, :1]) / deviation[:, :1]).to(dtype)

    def to_units(self, output: Tensor, x: Tensor) -> Tensor:
        if self.value_mean is None:
            return output
        if x.dtype == torch.float64:
            output = output.double()
        if self.quantiles > 0:
            ascending = output.unflatten(-1, (-1, self.quantiles)).sort(-1).values
            values = ascending * self.value_deviation.unsqueeze(-1) + self.value_mean.unsqueeze(-1)
            return values.flatten(-2).to(output.dtype)
        return (output * self.value_deviation + self.value_mean).to(output.dtype)
