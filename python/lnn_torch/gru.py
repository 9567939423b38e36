"""The model `gru`: gated recurrent units read a sequence."""

from .cells import Gru
from .recurrent import Recurrent


class GruNetwork(Recurrent):
    """A recurrent network of GRU layers."""

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__(
            input,
            standardization,
            cell=lambda inputs: Gru(inputs, config["units"]),
            readings=[(config["scan"], "cell")],
            layers=config["layers"],
            summaries=config["summaries"],
            dropout=config["dropout"],
        )
