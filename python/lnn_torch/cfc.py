"""The model `cfc`: closed-form continuous-time units read a sequence."""

from torch import nn

from .cells import ClosedForm, MixedMemory, WiredClosedForm
from .recurrent import Recurrent
from .wiring import layers_of


class Cfc(Recurrent):
    """A recurrent network of closed-form continuous-time units, with a backbone or in the layers of a wiring."""

    def __init__(self, config: dict, input: dict, standardization: str):
        units, mode, wiring = config["units"], config["mode"], config["wiring"]

        def cell(inputs: int) -> nn.Module:
            if wiring is None:
                own = ClosedForm(inputs, units, mode, config["backbone"])
            else:
                own = WiredClosedForm(inputs, layers_of(wiring, units), mode)
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
