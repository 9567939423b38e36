"""Products of weights with inputs and with states, also under autocast."""

from torch import Tensor, nn


def project(x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    """x weights^T + bias in the dtype of the weights, also under autocast."""
    return nn.functional.linear(x, weights, bias).to(weights.dtype)


def recurrent(projected: Tensor, h: Tensor, weights: Tensor) -> Tensor:
    """projected + h weights^T, in place on a copy: autocast leaves operations in place as they are, and a state sums many small
    updates that its bits would drop."""
    return projected.clone().addmm_(h, weights.T)
