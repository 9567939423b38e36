"""The wirings of both sides as matrices of polarities, [source, target], with 0 where there is no synapse."""

import torch
from torch import Tensor


def polarities(mask: Tensor, adjacency: Tensor, reversal: Tensor | None = None) -> Tensor:
    """The polarity of each synapse of a mask of 0 and 1: that of the wiring, else the sign of its reversal potential, else 1."""
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError("the sparsity mask must hold 0 and 1 alone, found other numbers")
    known = adjacency.to(mask.dtype).sign()
    other = torch.ones_like(mask) if reversal is None else torch.where(reversal < 0, -1.0, 1.0).to(mask.dtype)
    return mask * torch.where(known != 0, known, other)


def listed(matrix: Tensor) -> list[list[int]]:
    """`[source, target, polarity]` of each synapse, as a configuration has them."""
    return [[source, target, int(matrix[source, target])] for source, target in matrix.nonzero().tolist()]


def given(outputs: int, sizes: list[int], sensory: Tensor, recurrent: Tensor) -> dict:
    """The wiring of a configuration; `sizes` are those of the layers, that of the layer which the inputs enter first."""
    if outputs < len(recurrent):
        reached = (sensory != 0).any(0) | (recurrent != 0).any(0)
        lonely = (~reached[:outputs]).nonzero().flatten().tolist()
        if lonely:
            raise ValueError(f"synapses must lead to every output, found none that leads to the units {lonely}")
    layers = sizes if len(sizes) > 1 else []
    return {"kind": "given", "outputs": outputs, "layers": layers, "sensory": listed(sensory), "synapses": listed(recurrent)}


def matrix_of(synapses: list[list[int]], sources: int, units: int) -> Tensor:
    """The opposite of `listed`."""
    matrix = torch.zeros(sources, units)
    for source, target, polarity in synapses:
        matrix[source, target] = polarity
    return matrix
