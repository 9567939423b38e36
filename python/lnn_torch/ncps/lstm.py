"""The LSTM of mixed memory. ncps orders its gates g, i, f, o and adds 1 to the forget gate; here they are i, f, g, o with one bias."""

import torch
from torch import Tensor, nn

# Places of our gates among those of ncps, and the other way round.
INWARD, OUTWARD = [1, 2, 0, 3], [2, 0, 1, 3]


def _ordered(tensor: Tensor, gates: list[int], units: Tensor) -> Tensor:
    """Rows [4 N, ..] with the gates and, within each, the units in another order."""
    return tensor.unflatten(0, (4, -1))[gates][:, units].flatten(0, 1)


def lstm_from_ncps(lstm: nn.Module, units: Tensor) -> dict[str, Tensor]:
    """The tensors of our `Lstm`, whose unit n is the unit `units[n]` of ncps."""
    count = len(units)
    bias = _ordered(lstm.input_map.bias.detach(), INWARD, units).clone()
    bias[count : 2 * count] += 1
    return {
        "input_weights": _ordered(lstm.input_map.weight.detach(), INWARD, units),
        "recurrent_weights": _ordered(lstm.recurrent_map.weight.detach(), INWARD, units)[:, units],
        "bias": bias,
    }


def lstm_to_ncps(lstm: nn.Module, units: Tensor) -> dict[str, Tensor]:
    """The tensors of the LSTM of ncps, whose unit n is our unit `units[n]`."""
    count = len(units)
    bias = lstm.bias.detach().clone()
    bias[count : 2 * count] -= 1
    return {
        "input_map.weight": _ordered(lstm.input_weights.detach(), OUTWARD, units),
        "recurrent_map.weight": _ordered(lstm.recurrent_weights.detach(), OUTWARD, units)[:, units],
        "input_map.bias": _ordered(bias, OUTWARD, units),
    }


def reversed_layers(sizes: list[int]) -> Tensor:
    """The places of units in an order of layers, from the places in the opposite one: `sizes` are those of the opposite one."""
    places = torch.arange(sum(sizes)).split(sizes)
    return torch.cat(places[::-1])
