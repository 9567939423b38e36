"""A layer of ncps becomes a model of this package."""

import copy
import warnings

import torch
from torch import Tensor, nn

from ..cfc import Cfc
from ..description import described
from ..ltc import Ltc
from .lstm import lstm_from_ncps, reversed_layers
from .names import ACTIVATIONS, HEADS, LTC_PARAMETERS, MASKS, MODES, POSITIVE
from .positive import FLOOR, inverse_softplus
from .synapses import given, polarities

# An epsilon up to this is left out: outputs differ by about as much.
NEGLIGIBLE = 1e-6


def from_ncps(module: nn.Module, readout: nn.Linear | None = None, *, features: list[str] | None = None,
              values: list[str] | None = None, classes: list[str] | None = None, typical_dt: float | None = None,
              per_step: bool | None = None) -> Ltc | Cfc:
    """An `ncps.torch.LTC` or `ncps.torch.CfC` of ncps 1.0.1 as a model with the same outputs, which `lnn_torch.save` writes.

    `readout` maps the outputs of the layer to values or logits; without one these are the outputs themselves, or what the projection of
    a `CfC` with `proj_size` makes of them. The model predicts after each step with `per_step`, otherwise once, after the last; left out,
    that is as the layer returns sequences. Series of `lnn-cli` have one target for each window: they need `per_step=False`.
    `features` are the names of the inputs (x0, x1, ...), `values` those of what is predicted (y0, y1, ...), or `classes` where the
    outputs are logits. `typical_dt` is the median time between steps in training; leave it out if the layer was trained without
    `timespans`. Sequences are [N, T, I], whatever `batch_first` is, and `dt` is [N, T]. The weights are copies in the dtype of the layer,
    on the CPU.

    What is not the same: the `epsilon` of an LTC is left out, which moves outputs by about as much. The number 0 where one must be
    positive - with `implicit_param_constraints=False` - becomes 1e-9, and a warning says how often. Dropout follows the first layer of a
    backbone, too, and is left out, with a warning, with the activations silu and gelu.

    Raises TypeError for other modules, and ValueError for a layer that has no equivalent here: negative conductances or capacitances,
    an epsilon above 1e-6, layers of units that are not numbered from the last to the first, an output that no synapse leads to, a
    dtype other than float32 and float64.
    """
    import ncps.torch

    if not isinstance(module, (ncps.torch.LTC, ncps.torch.CfC)):
        raise TypeError(f"expected ncps.torch.LTC or ncps.torch.CfC, found {type(module).__name__}")
    module, readout = (copy.deepcopy(part).cpu() if part is not None else None for part in (module, readout))
    # ncps keeps some masks in float32, whatever the rest is.
    dtypes = {tensor.dtype for name, tensor in module.state_dict().items() if not name.endswith("sparsity_mask")}
    dtypes |= {tensor.dtype for tensor in readout.state_dict().values()} if readout is not None else set()
    if len(dtypes) > 1 or not dtypes <= {torch.float32, torch.float64}:
        raise ValueError(f"layer and readout must be float32 or float64, both the same, found {sorted(map(str, dtypes))}")
    dtype = dtypes.pop()
    if isinstance(module, ncps.torch.LTC):
        model, config, cell, sizes = Ltc, *_ltc(module.rnn_cell)
        outputs = config["wiring"]["outputs"]
    else:
        model, config, cell, sizes = Cfc, *_cfc(module)
        outputs = sizes[-1]
    config["mixed_memory"] = bool(module.use_mixed)
    tensors = cell
    if module.use_mixed:
        # The state of wired closed-form units has the last layer first here, and last there.
        units = reversed_layers(sizes) if model is Cfc else torch.arange(sum(sizes))
        tensors = {f"cell.{name}": tensor for name, tensor in cell.items()}
        tensors |= {f"lstm.{name}": tensor for name, tensor in lstm_from_ncps(module.lstm, units).items()}
    tensors = {f"cell.{name}": tensor for name, tensor in tensors.items()}
    weight, bias = _readout(module, readout, outputs, dtype)
    tensors |= {"readout.weight": weight, "readout.bias": bias}
    tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}

    predicted = len(weight)
    if values is not None and classes is not None:
        raise ValueError("give the names of values or of classes, not both")
    for name, names, count in (("features", features, module.input_size), ("values", values, predicted), ("classes", classes, predicted)):
        if names is not None and len(names) != count:
            raise ValueError(f"{name} must have {count} names, found {len(names)}")
    features = features or [f"x{i}" for i in range(module.input_size)]
    if classes is None:
        task = {"kind": "regression", "value_names": list(values or [f"y{i}" for i in range(predicted)])}
        tensors["preprocessing.value_mean"] = torch.zeros(predicted, dtype=torch.float64)
        tensors["preprocessing.value_deviation"] = torch.ones(predicted, dtype=torch.float64)
    else:
        task = {"kind": "classification", "class_names": list(classes)}
    tensors["preprocessing.mean"] = torch.zeros(1, 1, 1, dtype=torch.float64)
    tensors["preprocessing.deviation"] = torch.ones(1, 1, 1, dtype=torch.float64)
    input = {"shape": {"kind": "sequences", "features": list(features)}, "task": task}
    if module.return_sequences if per_step is None else per_step:
        input["per"] = "step"
    if typical_dt is not None:
        if not 0 < typical_dt < float("inf"):
            raise ValueError(f"typical_dt must be above 0 and finite, found {typical_dt}")
        input["timing"] = {"unit": 1.0, "typical_dt": float(typical_dt)}

    made = model(config, input, "none")
    made.load_state_dict({name: tensor.detach().clone() for name, tensor in tensors.items()}, assign=True)
    made.requires_grad_()
    made.description = described(config, input, "none", f"ncps.torch.{type(module).__name__}", dtype)
    return made.eval()


def _readout(module: nn.Module, readout: nn.Linear | None, outputs: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The weights [O, outputs] and the bias [O] of the readout."""
    projection = getattr(module, "fc", None)
    if isinstance(projection, nn.Linear):
        if readout is not None:
            raise ValueError("the projection of proj_size is the readout: a second one behind it has no equivalent")
        readout = projection
    if readout is None:
        return torch.eye(outputs, dtype=dtype), torch.zeros(outputs, dtype=dtype)
    if readout.in_features != outputs:
        raise ValueError(f"the readout must take the {outputs} outputs of the layer, found {readout.in_features}")
    return readout.weight, torch.zeros(readout.out_features, dtype=dtype) if readout.bias is None else readout.bias


def _ltc(cell: nn.Module) -> tuple[dict, dict[str, Tensor], list[int]]:
    """Configuration and tensors of an `LTCCell`, and its number of units in a list."""
    epsilon = cell._epsilon
    if not 0 <= epsilon <= NEGLIGIBLE:
        raise ValueError(f"an epsilon of 0 to {NEGLIGIBLE} is left out, and {epsilon} has no equivalent")
    found = {name: tensor.detach() for name, tensor in cell.named_parameters()}
    units, outputs = cell.state_size, cell.motor_size
    if not cell._implicit_param_constraints:
        _make_implicit(found)
    # A mapping that is not affine leaves out a scale of 1 or a bias of 0.
    for name, size, value in (("input_w", cell.sensory_size, 1), ("input_b", cell.sensory_size, 0), ("output_w", outputs, 1),
                              ("output_b", outputs, 0)):
        found.setdefault(name, found["vleak"].new_full((size,), value))
    tensors = {ours: found[theirs] for theirs, ours in LTC_PARAMETERS.items()}
    wiring = cell._wiring
    for prefix, adjacency in (("sensory_", wiring.sensory_adjacency_matrix), ("", wiring.adjacency_matrix)):
        mask, reversal = found[prefix + "sparsity_mask"], tensors[prefix + "reversal"]
        tensors[prefix + "polarity"] = polarities(mask, torch.as_tensor(adjacency), reversal)
    config = {
        "kind": "ltc", "scan": "rows", "units": units, "layers": 1,
        "wiring": given(outputs, [units], tensors["sensory_polarity"], tensors["polarity"]),
        "solver": "semi-implicit", "unfolds": cell._ode_unfolds, "mixed_memory": False, "summaries": ["last"], "dropout": 0.0,
    }
    return config, tensors, [units]


def _make_implicit(found: dict[str, Tensor]) -> None:
    """Replaces numbers that are positive themselves by the parameters whose softplus they are."""
    floored = {}
    for name in POSITIVE:
        number = found[name]
        # What is masked takes part in nothing.
        used = found[MASKS[name]] != 0 if name in MASKS else torch.ones_like(number, dtype=torch.bool)
        negative = int((used & ~(number >= 0)).sum())
        if negative:
            raise ValueError(f"`{name}` must be at least 0, found {negative} numbers that are not; hint: call "
                             "module.rnn_cell.apply_weight_constraints()")
        floored[name] = int((used & (number < FLOOR)).sum())
        found[name] = inverse_softplus(number.clamp_min(FLOOR))
    if any(floored.values()):
        listed = ", ".join(f"{count} in `{name}`" for name, count in floored.items() if count)
        warnings.warn(f"numbers that must be positive were below {FLOOR} and became so large: {listed}", stacklevel=4)


def _cfc(module: nn.Module) -> tuple[dict, dict[str, Tensor], list[int]]:
    """Configuration and tensors of the cell of a `CfC`, and the numbers of units of its layers, that of the first layer first."""
    cell = module.rnn_cell
    config = {"kind": "cfc", "scan": "rows", "units": module.state_size, "layers": 1, "mode": None, "backbone": None, "wiring": None,
              "mixed_memory": False, "summaries": ["last"], "dropout": 0.0}
    wiring = getattr(module, "wiring", None)
    if wiring is None:
        backbone, tensors = _closed_form(cell)
        return config | {"mode": MODES[cell.mode], "backbone": backbone}, tensors, [module.state_size]
    layers = [list(wiring.get_neurons_of_layer(layer)) for layer in range(wiring.num_layers)]
    sizes, start = [len(layer) for layer in layers], 0
    for layer in layers[::-1]:
        if layer != list(range(start, start + len(layer))):
            raise ValueError(f"the units of the last layer must have the first numbers, and so on, found {layers}")
        start += len(layer)
    sensory = torch.as_tensor(wiring.sensory_adjacency_matrix).float()
    recurrent = torch.as_tensor(wiring.adjacency_matrix).float()
    tensors = {}
    for number, units in enumerate(layers):
        part = cell.get_submodule(f"layer_{number}")
        backbone, own = _closed_form(part)
        tensors |= {f"layer_{number}.{name}": tensor for name, tensor in own.items()}
        mask = own["head_mask"][:, : part.input_size].T.float()
        # The mask of the file is what counts, and the wiring says the same.
        if number == 0:
            sensory[:, units] = polarities(mask, sensory[:, units])
        else:
            rows, columns = torch.tensor(layers[number - 1]).unsqueeze(1), torch.tensor(units).unsqueeze(0)
            recurrent[rows, columns] = polarities(mask, recurrent[rows, columns])
    wiring = given(sizes[-1], sizes, sensory, recurrent)
    return config | {"mode": MODES[part.mode], "backbone": backbone, "wiring": wiring}, tensors, sizes


def _closed_form(cell: nn.Module) -> tuple[dict, dict[str, Tensor]]:
    """The backbone and the tensors of a `CfCCell`."""
    mode, inputs = MODES[cell.mode], cell.input_size
    backbone = {"units": 0, "layers": 0, "activation": "lecun-tanh", "dropout": 0.0}
    heads = [cell.get_submodule(name) for name in HEADS[mode]]
    weights, bias = torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads])
    tensors = {"head_bias": bias}
    if cell.backbone_layers > 0:
        layers = [part for part in cell.backbone if isinstance(part, nn.Linear)]
        activation = ACTIVATIONS[type(cell.backbone[1]).__name__]
        dropout = max((part.p for part in cell.backbone if isinstance(part, nn.Dropout)), default=0.0)
        if dropout > 0 and activation in ("silu", "gelu"):
            warnings.warn(f"the dropout of {dropout} was left out: with {activation} there is none here", stacklevel=5)
            dropout = 0.0
        backbone = {"units": len(layers[0].bias), "layers": len(layers), "activation": activation, "dropout": dropout}
        tensors |= {"backbone_input_weights": layers[0].weight[:, :inputs], "backbone_bias": layers[0].bias,
                    "backbone_recurrent_weights": layers[0].weight[:, inputs:], "head_weights": weights}
        for number, layer in enumerate(layers[1:], 1):
            tensors |= {f"backbone_weights_{number}": layer.weight, f"backbone_bias_{number}": layer.bias}
    else:
        tensors |= {"head_input_weights": weights[:, :inputs], "head_recurrent_weights": weights[:, inputs:]}
    if mode == "pure":
        tensors |= {"w_tau": cell.w_tau[0], "amplitude": cell.A[0]}
    if cell.sparsity_mask is not None:
        tensors["head_mask"] = cell.sparsity_mask
    return backbone, tensors
