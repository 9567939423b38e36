"""The model `ltc`: liquid time-constant units, joined by the synapses of a wiring, read a sequence."""

from torch import nn

from .cells import LiquidTimeConstant, MixedMemory
from .recurrent import Recurrent
from .wiring import outputs_of


class Ltc(Recurrent):
    """A recurrent network of liquid time-constant units."""

    def __init__(self, config: dict, input: dict, standardization: str):
        units, outputs = config["units"], outputs_of(config["wiring"], config["units"])

        def cell(inputs: int) -> nn.Module:
            own = LiquidTimeConstant(inputs, units, outputs, config["solver"], config["unfolds"])
            return MixedMemory(inputs, own) if config["mixed_memory"] else own

        super().__init__(
            input,
            standardization,
            cell=cell,
            readings=[(config["scan"], "cell")],
            layers=config["layers"],
            summaries=config["summaries"],
            dropout=config["dropout"],
        )
