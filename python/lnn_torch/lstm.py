"""The model `lstm`: long short-term memory reads a sequence."""

from .cells import Lstm
from .recurrent import Recurrent


class LstmNetwork(Recurrent):
    """A recurrent network of LSTM layers."""

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__(
            input,
            standardization,
            cell=lambda inputs: Lstm(inputs, config["units"]),
            readings=[(config["scan"], "cell")],
            layers=config["layers"],
            summaries=config["summaries"],
            dropout=config["dropout"],
        )
