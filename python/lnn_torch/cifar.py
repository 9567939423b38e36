"""The model `cifar`: a liquid layer reads rows or patches of an image, or the map of a convolutional front."""

from torch import nn

from .cells import LinearLiquid, LiquidTimeStep
from .recurrent import Recurrent


class Cifar(Recurrent):
    """A recurrent network of liquid layers with stretches, for images."""

    def __init__(self, config: dict, input: dict, standardization: str):
        dynamics, units = config["dynamics"], config["units"]

        def cell(inputs: int) -> nn.Module:
            if dynamics["kind"] == "linear":
                return LinearLiquid(inputs, units, dynamics["rate"])
            return LiquidTimeStep(inputs, units, "exponential", dynamics["tau"], False)

        super().__init__(
            input,
            standardization,
            cell=cell,
            readings=[(order, f"layer{i}") for i, order in enumerate(config["scans"])],
            layers=config.get("layers", 1),
            summaries=[config["summary"]],
            stretches=config["stretches"],
            dropout=config["dropout"],
            front=config["channels"],
            whitening=config.get("whitening", False),
            mirror=config.get("mirror", False),
        )
