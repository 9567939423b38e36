"""Loads a model from its file."""

import json
from os import PathLike

from safetensors import safe_open
from torch import nn

from .cfc import Cfc
from .cifar import Cifar
from .cllnn import Cllnn
from .description import EXPORT_VERSION
from .gru import GruNetwork
from .liquid import Liquid
from .lnn import Lnn
from .lnn_of_series import LnnOfSeries
from .lstm import LstmNetwork
from .ltc import Ltc
from .snlnn import Snlnn


def _lnn(config: dict, input: dict, standardization: str) -> nn.Module:
    return (Lnn if input["shape"]["kind"] == "images" else LnnOfSeries)(config, input, standardization)


# The one list of models: the kind in a description, and its class.
CLASSES = {"lnn": _lnn, "snlnn": Snlnn, "cllnn": Cllnn, "liquid": Liquid, "cifar": Cifar, "lstm": LstmNetwork, "gru": GruNetwork,
           "ltc": Ltc, "cfc": Cfc}


def load(path: str | PathLike) -> nn.Module:
    """The model in a safetensors file that `lnn-cli export` wrote, in evaluation mode on the CPU.

    Its attribute `description` is the file's JSON: model, input contract, class names, metrics, data set, seed, versions.
    """
    with safe_open(path, "pt") as file:
        text = (file.metadata() or {}).get("lnn.json")
        if text is None:
            raise ValueError(f"{path}: expected the metadata lnn.json, found none; hint: `lnn-cli export` writes such files")
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    description = json.loads(text)
    version = description["export_version"]
    if version != EXPORT_VERSION:
        hint = "update lnn_torch" if version > EXPORT_VERSION else "export it again"
        raise ValueError(f"{path}: expected export version {EXPORT_VERSION}, found {version}; hint: {hint}")
    checkpoint = description["checkpoint"]
    kind = checkpoint["model"]["kind"]
    if kind not in CLASSES:
        raise ValueError(f"{path}: expected a model of {', '.join(CLASSES)}, found {kind}; hint: update lnn_torch")
    module = CLASSES[kind](checkpoint["model"], checkpoint["input"], checkpoint["standardization"])
    # Each tensor keeps the dtype that it has in the file: statistics may be wider than the rest.
    module.load_state_dict(tensors, assign=True)
    module.description = description
    return module.eval()
