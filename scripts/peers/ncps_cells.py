"""A training step, or with `--stream` a single step without gradients, of a `CfC` or `LTC` layer of the library ncps. `LTC-NCP` has the
wiring `AutoNCP` with an eighth of the units as outputs."""

import ncps.torch
import torch
from ncps.wirings import AutoNCP
from torch import nn

from measuring import parser, serve
from torch_training import CLASSES, ready, training_step


def layer(cell: str, inputs: int, units: int, **options) -> tuple[nn.Module, int]:
    """The layer and the number of its outputs."""
    if cell != "LTC-NCP":
        return getattr(ncps.torch, cell)(inputs, units, **options), units
    outputs = max(units // 8, 1)
    return ncps.torch.LTC(inputs, AutoNCP(units, outputs), **options), outputs


class Classifier(nn.Module):
    def __init__(self, cell: str, inputs: int, units: int):
        super().__init__()
        self.cell, outputs = layer(cell, inputs, units, return_sequences=False)
        self.readout = nn.Linear(outputs, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.cell(x)[0])


def main() -> None:
    options = parser(__doc__, "64,28,28,128")
    options.add_argument("--cell", choices=["CfC", "LTC", "LTC-NCP"], default="CfC")
    options.add_argument("--stream", action="store_true")
    arguments = options.parse_args()
    ready(arguments)

    def prepare(batch: int, steps: int, inputs: int, units: int):
        x, labels = torch.randn(batch, steps, inputs), torch.randint(CLASSES, (batch,))
        return "", training_step(Classifier(arguments.cell, inputs, units), x, labels)

    def prepare_stream(batch: int, steps: int, inputs: int, units: int):
        (cell, _), x = layer(arguments.cell, inputs, units), torch.randn(batch, 1, inputs)
        h = torch.zeros(batch, units)

        def step() -> None:
            nonlocal h
            _, h = cell(x, h)

        return "", step

    if arguments.stream:
        with torch.no_grad():
            serve(arguments, prepare_stream, ["ncps", "torch"], (2, 1, 2, 8))
    else:
        serve(arguments, prepare, ["ncps", "torch"], (2, 2, 2, 8))


if __name__ == "__main__":
    main()
