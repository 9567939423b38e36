"""The time between steps: `dt` comes in the unit of the data, and a cell takes it in the unit of training."""

import warnings

import torch
from torch import Tensor, nn

# A typical dt that is more than this many times longer or shorter than that of training is warned of.
FAR = 10


class Time(nn.Module):
    """What a recurrent network does with `dt` before its cells take it. `timing` is the time of the training data, if that had any."""

    def __init__(self, timing: dict | None):
        super().__init__()
        self.unit = 1.0 if timing is None else timing["unit"]
        self.typical = None if timing is None else timing["unit"] * timing["typical_dt"]

    def scaled(self, dt: Tensor | None, like: Tensor) -> Tensor | None:
        """`dt` as the cells take it, in the dtype of `like`."""
        if dt is not None:
            return (dt / self.unit).to(like.dtype)
        if self.typical is not None and not torch.compiler.is_compiling():
            warnings.warn(
                f"the model was trained with the time between steps, typically {self.typical}, and got no dt: each step counts as "
                f"{self.unit}; hint: pass dt in the unit of the time column", stacklevel=4)
        return None

    def check(self, dt: Tensor | None) -> None:
        """Refuses negative numbers and those that are not finite. An exported or compiled program does not look at values."""
        if dt is None or torch.compiler.is_compiling():
            return
        if not bool(((dt >= 0) & dt.isfinite()).all()):
            raise ValueError("dt must hold finite numbers of at least 0")
        if self.typical is not None and dt.numel() > 0 and not self.typical / FAR <= dt.median().item() <= self.typical * FAR:
            warnings.warn(f"the median dt is far from {self.typical}, the typical one of training; hint: dt is in the unit of the "
                          "time column", stacklevel=4)
