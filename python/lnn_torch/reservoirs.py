"""Reservoirs in a row."""

from torch import nn

from .cells import LeakyReservoir


def add_reservoirs(module: nn.Module, name: str, inputs: int, config: dict) -> list[str]:
    """Adds the reservoirs of a configuration to a module, the first with `inputs` inputs, and gives their names: layer l > 0 is `NAME_l`."""
    settings, names = config["reservoir"], []
    leak_rate = settings["leak_rate"] if settings.get("leak_range") is None else None
    for layer in range(config.get("layers", 1)):
        names.append(name if layer == 0 else f"{name}_{layer}")
        module.add_module(names[-1], LeakyReservoir(inputs, settings["units"], leak_rate, settings["bias_scale"] > 0))
        inputs = settings["units"]
    return names
