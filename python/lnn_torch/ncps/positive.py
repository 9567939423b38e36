"""Positive numbers as parameters whose softplus they are."""

import torch
from torch import Tensor

# What stands for 0, which no softplus reaches.
FLOOR = 1e-9


def inverse_softplus(positive: Tensor) -> Tensor:
    """The parameter, computed in float64. Beyond 20 it is the number itself, as in `torch.nn.functional.softplus`."""
    wide = positive.double()
    return torch.where(wide > 20, wide, wide + torch.log(-torch.expm1(-wide))).to(positive.dtype)
