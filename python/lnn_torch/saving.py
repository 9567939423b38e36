"""Writes a model to a file, for the program or for `load`."""

import copy
import json
import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

DTYPES = {torch.float32: "float32", torch.float64: "float64"}


class _Weights(nn.Module):
    """The tensors of a module under their names, and nothing that could be run."""

    def __init__(self, module: nn.Module, description: str | None = None):
        super().__init__()
        if description is not None:
            self.lnn_json = description
        for name, parameter in module.named_parameters(recurse=False):
            self.register_parameter(name, nn.Parameter(parameter.detach().cpu().contiguous()))
        for name, buffer in module.named_buffers(recurse=False):
            self.register_buffer(name, buffer.cpu().contiguous())
        for name, part in module.named_children():
            self.add_module(name, _Weights(part))

    def forward(self, x: Tensor) -> Tensor:
        assert False, "this file holds weights for `lnn-cli import`, and `lnn-cli export` makes a module that runs of them"
        return x


def save(model: nn.Module, path: str | os.PathLike) -> None:
    """Writes a model of this package: to `.pt`, which `lnn-cli import` makes a checkpoint of, or to `.safetensors`, which `load` reads.

    The model is one that `load` or `from_ncps` gave, perhaps trained since, in float32 or float64. A `.pt` holds weights alone: a module
    that runs without this package comes from `lnn-cli export`. Raises ValueError for a model without a description, for another dtype
    and for another ending.
    """
    description = copy.deepcopy(getattr(model, "description", None))
    if description is None:
        raise ValueError("the model has no description; hint: `load` and `from_ncps` give one")
    dtypes = {parameter.dtype for parameter in model.parameters()}
    if len(dtypes) != 1 or not dtypes <= DTYPES.keys():
        raise ValueError(f"the model must be float32 or float64, found {sorted(map(str, dtypes))}; hint: model.float()")
    # The model may have been converted since it was described.
    description["input"]["dtype"] = description["output"]["dtype"] = DTYPES[dtypes.pop()]
    text, ending = json.dumps(description, indent=2), Path(path).suffix
    if ending == ".safetensors":
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
        save_file(tensors, path, {"lnn.json": text})
    elif ending == ".pt":
        torch.jit.save(torch.jit.script(_Weights(model, text)), os.fspath(path), _extra_files={"lnn.json": text})
    else:
        raise ValueError(f"expected the ending .pt or .safetensors, found {os.fspath(path)!r}")
