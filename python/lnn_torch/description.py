"""What a file says about its model: the JSON that `lnn-cli export` writes and `lnn-cli import` reads."""

import torch

from .preprocessing import output_width
from .version import __version__

# The versions of the description of an exported model, and of that of a checkpoint within it.
EXPORT_VERSION, FORMAT_VERSION = 2, 3


def described(model: dict, input: dict, standardization: str, origin: str, dtype: torch.dtype) -> dict:
    """The description of a model of sequences that came from elsewhere: `model` is its configuration, `input` its contract, and `origin`
    says what it was."""
    shape, task, timing = input["shape"], input["task"], input.get("timing")
    classification = task["kind"] == "classification"
    steps = ["T"] if input.get("per") == "step" else []
    name = str(dtype).removeprefix("torch.")
    return {
        "export_version": EXPORT_VERSION,
        "torch_version": torch.__version__.partition("+")[0],
        "input": {"content": "sequences", "shape": ["N", "T", len(shape["features"])], "dtype": name, "range": None},
        "time": timing and {"unit": timing["unit"], "typical_dt": timing["unit"] * timing["typical_dt"]},
        "output": {"content": "logits" if classification else "values", "shape": ["N", *steps, output_width(input)],
                   "dtype": name, "range": None},
        "class_names": task["class_names"] if classification else [],
        "value_names": [] if classification else task["value_names"],
        "metrics": None,
        "checkpoint": {
            "format_version": FORMAT_VERSION,
            "program_version": __version__,
            "program_commit": "unknown",
            "model": model,
            "input": input,
            "standardization": standardization,
            "data": "unknown",
            "seed": 0,
            "training": {"converted_from": origin},
        },
    }
