"""The training step of a `CfC` or `LTC` cell of the library ncps with the same number of units: a different cell, for information."""

import ncps.torch
import torch
from torch import nn

from measuring import parser, serve
from torch_training import CLASSES, ready, training_step


class Classifier(nn.Module):
    def __init__(self, cell: str, inputs: int, units: int):
        super().__init__()
        self.cell = getattr(ncps.torch, cell)(inputs, units, return_sequences=False)
        self.readout = nn.Linear(units, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.cell(x)[0])


def main() -> None:
    options = parser(__doc__, "64,28,28,128")
    options.add_argument("--cell", choices=["CfC", "LTC"], default="CfC")
    arguments = options.parse_args()
    ready(arguments)

    def prepare(batch: int, steps: int, inputs: int, units: int):
        x, labels = torch.randn(batch, steps, inputs), torch.randint(CLASSES, (batch,))
        return "", training_step(Classifier(arguments.cell, inputs, units), x, labels)

    serve(arguments, prepare, ["ncps", "torch"])


if __name__ == "__main__":
    main()
