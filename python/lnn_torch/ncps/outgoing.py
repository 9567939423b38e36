"""A model of this package becomes a layer of ncps."""

import copy

import torch
from torch import Tensor, nn

from ..cfc import Cfc
from ..ltc import Ltc
from ..wiring import layers_of, outputs_of
from .lstm import lstm_to_ncps, reversed_layers
from .names import HEADS, LTC_PARAMETERS, MODES
from .synapses import matrix_of, polarities


def to_ncps(model: Ltc | Cfc) -> tuple[nn.Module, nn.Linear]:
    """An `ncps.torch.LTC` or `ncps.torch.CfC` of ncps 1.0.1, and the readout behind its outputs, with copies of the weights of a model
    that `load` or `from_ncps` gave, on the CPU.

    The layer takes what the cells take: sequences [N, T, I] as `model.preprocessing(x, dtype)` standardises them, and as `timespans`
    dt / `model.time.unit`; `model.preprocessing.to_units(y, x)` gives what the readout predicts its units. The layer returns sequences if
    the model predicts after each step. Dropout of the readout is left out. ncps leaves the first layer of a backbone out of dropout.
    An LTC has epsilon=0 and implicit constraints.

    Raises TypeError for other models, and ValueError for a model that ncps has no equivalent of: of images, of several layers, with a
    readout of a mean, with another solver than the semi-implicit one.
    """
    import ncps.torch

    from .given_wiring import GivenWiring

    if not isinstance(model, (Ltc, Cfc)):
        raise TypeError(f"expected a model `ltc` or `cfc`, found {type(model).__name__}")
    model = copy.deepcopy(model).cpu()
    config = model.description["checkpoint"]["model"]
    if model.orders != [None]:
        raise ValueError("ncps reads sequences, and this model reads images")
    if config["layers"] != 1:
        raise ValueError(f"a layer of ncps is one layer, found a model of {config['layers']}")
    if config["summaries"] != ["last"]:
        raise ValueError(f"a readout behind ncps sees the last output, found a model whose readout sees {config['summaries']}")
    if config.get("solver", "semi-implicit") != "semi-implicit":
        raise ValueError(f"ncps solves the equation semi-implicitly, found the solver {config['solver']}")
    mixed, units = config["mixed_memory"], config["units"]
    cell = model.cell.cell if mixed else model.cell
    inputs = len(model.description["checkpoint"]["input"]["shape"]["features"])
    shared = {"return_sequences": model.per_step, "mixed_memory": mixed}
    if isinstance(model, Ltc):
        sizes = [units]
        wiring = GivenWiring(outputs_of(config["wiring"], units), sizes, cell.sensory_polarity, cell.polarity)
        layer = ncps.torch.LTC(inputs, wiring, ode_unfolds=config["unfolds"], epsilon=0.0, **shared)
        tensors = {f"rnn_cell.{theirs}": getattr(cell, ours) for theirs, ours in LTC_PARAMETERS.items()}
        tensors["rnn_cell.sparsity_mask"] = cell.polarity.abs()
        tensors["rnn_cell.sensory_sparsity_mask"] = cell.sensory_polarity.abs()
    elif config["wiring"] is None:
        sizes, backbone = [units], config["backbone"]
        names = {"lecun-tanh": "lecun_tanh"}
        layer = ncps.torch.CfC(inputs, units, mode=_mode(config), activation=names.get(backbone["activation"], backbone["activation"]),
                               backbone_units=backbone["units"], backbone_layers=backbone["layers"],
                               backbone_dropout=backbone["dropout"], **shared)
        tensors = _closed_form(cell, "rnn_cell.")
    else:
        sizes = layers_of(config["wiring"], units)
        parts = [cell.get_submodule(name) for name in cell.names]
        wiring = GivenWiring(sizes[-1], sizes, *_synapses(config["wiring"], sizes, parts, inputs))
        layer = ncps.torch.CfC(inputs, wiring, mode=_mode(config), **shared)
        tensors = {}
        for number, part in enumerate(parts):
            tensors |= _closed_form(part, f"rnn_cell.layer_{number}.")
    if mixed:
        places = reversed_layers(sizes[::-1]) if isinstance(model, Cfc) else torch.arange(units)
        tensors |= {f"lstm.{name}": tensor for name, tensor in lstm_to_ncps(model.cell.lstm, places).items()}
    readout = nn.Linear(model.readout.in_features, model.readout.out_features)
    dtype = model.readout.weight.dtype
    layer.to(dtype).load_state_dict({name: tensor.detach() for name, tensor in tensors.items()})
    readout.to(dtype).load_state_dict(model.readout.state_dict())
    return layer.train(model.training), readout


def _mode(config: dict) -> str:
    return next(theirs for theirs, ours in MODES.items() if ours == config["mode"])


def _closed_form(cell: nn.Module, prefix: str) -> dict[str, Tensor]:
    """The tensors of a `CfCCell`."""
    tensors = {}
    if cell.layers > 0:
        tensors["backbone.0.weight"] = torch.cat([cell.backbone_input_weights, cell.backbone_recurrent_weights], 1)
        tensors["backbone.0.bias"] = cell.backbone_bias
        for layer in range(1, cell.layers):
            # Behind the first layer and its activation each layer is followed by an activation and, if there is one, its dropout.
            place = 2 + (layer - 1) * (3 if cell.dropout > 0 else 2)
            for kind, name in (("weight", "weights"), ("bias", "bias")):
                tensors[f"backbone.{place}.{kind}"] = cell.get_parameter(f"backbone_{name}_{layer}")
        weights = cell.head_weights
    else:
        weights = torch.cat([cell.head_input_weights, cell.head_recurrent_weights], 1)
    for number, name in enumerate(HEADS[cell.mode]):
        rows = slice(number * cell.units, (number + 1) * cell.units)
        tensors |= {f"{name}.weight": weights[rows], f"{name}.bias": cell.head_bias[rows]}
    if cell.mode == "pure":
        tensors |= {"w_tau": cell.w_tau.unsqueeze(0), "A": cell.amplitude.unsqueeze(0)}
    if cell.head_mask is not None:
        tensors["sparsity_mask"] = cell.head_mask
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _synapses(wiring: dict, sizes: list[int], parts: list[nn.Module], inputs: int) -> tuple[Tensor, Tensor]:
    """The polarities [I, N] and [N, N]: those of a given wiring, and 1 where the masks alone tell of a synapse."""
    units = sum(sizes)
    sensory = matrix_of(wiring.get("sensory", []), inputs, units)
    recurrent = matrix_of(wiring.get("synapses", []), units, units)
    before, end = slice(0, inputs), units
    for number, (part, size) in enumerate(zip(parts, sizes)):
        own = slice(end - size, end)
        matrix = sensory if number == 0 else recurrent
        mask = part.head_mask[:, : part.head_mask.shape[1] - size].T.float()
        matrix[before, own] = polarities(mask, matrix[before, own])
        before, end = own, end - size
    return sensory, recurrent
