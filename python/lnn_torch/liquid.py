"""The model `liquid`: units with learned time constants read a sequence."""

from .cells import LiquidTimeStep
from .recurrent import Recurrent


class Liquid(Recurrent):
    """A recurrent network of liquid time steps."""

    def __init__(self, config: dict, input: dict, standardization: str):
        super().__init__(
            input,
            standardization,
            cell=lambda inputs: LiquidTimeStep(inputs, config["units"], config["solver"], config["tau"], config["recurrent_bias"]),
            readings=[(config["scan"], "cell")],
            layers=config.get("layers", 1),
            summaries=config["summaries"],
            dropout=config["dropout"],
        )
