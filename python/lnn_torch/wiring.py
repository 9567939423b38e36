"""The sizes that follow from the wiring of a configuration; the synapses themselves lie in the file, beside the weights."""


def layers_of(wiring: dict, units: int) -> list[int]:
    """The numbers of units of the layers, that of the layer which the inputs enter first."""
    kind = wiring["kind"]
    if kind == "given":
        return wiring.get("layers") or [units]
    if kind == "ncp":
        command, motor = wiring["command"], wiring["motor"]
    elif kind == "auto-ncp":
        motor = wiring["outputs"]
        command = max(int((units - motor) * 0.4), 1)
    else:  # full and random
        return [units]
    return [units - command - motor, command, motor]


def outputs_of(wiring: dict, units: int) -> int:
    """The number of units that are outputs, the first ones."""
    return wiring["outputs"] if wiring["kind"] == "given" else layers_of(wiring, units)[-1]
