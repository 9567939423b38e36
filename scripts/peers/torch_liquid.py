"""The training step of a liquid layer in PyTorch, the peer of `lnn-cli bench liquid --pass train`.

    h' = h + (tanh(W_in x + W_h h + b) - h) / tau        10 classes from the last state

The input is projected at each step or once for the whole sequence; the faster form is chosen by a short trial.
"""

import torch
from torch import nn

from measuring import faster, parser, serve
from torch_training import CLASSES, ready, training_step


class Liquid(nn.Module):
    """The article's layer, step by step, with one bias."""

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.input = nn.Linear(inputs, units)
        self.recurrent = nn.Linear(units, units, bias=False)
        self.tau = nn.Parameter(torch.logspace(0, 1, units))
        self.readout = nn.Linear(units, CLASSES)

    def advance(self, projected: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        drive = torch.tanh(projected + self.recurrent(h))
        return h + (drive - h) / self.tau

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.zeros(x.size(0), self.tau.size(0))
        for t in range(x.size(1)):
            h = self.advance(self.input(x[:, t]), h)
        return self.readout(h)


class ProjectedOnce(Liquid):
    """The same layer with one product for the inputs of all steps."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        projected = self.input(x)
        h = torch.zeros(x.size(0), self.tau.size(0))
        for t in range(x.size(1)):
            h = self.advance(projected[:, t], h)
        return self.readout(h)


def compiled_step(model: Liquid) -> Liquid:
    """Compiles the step alone, which takes seconds whatever the length of the sequences."""
    model.advance = torch.compile(model.advance)
    return model


FORMS = {
    "eager": lambda model: model,
    "torchscript": torch.jit.script,
    "compile": torch.compile,
    "compile-step": compiled_step,
}


def main() -> None:
    options = parser(__doc__, "64,28,28,128")
    options.add_argument("--form", choices=FORMS, default="eager")
    options.add_argument("--flush-denormals", action="store_true")
    arguments = options.parse_args()
    ready(arguments)

    def prepare(batch: int, steps: int, inputs: int, units: int):
        x, labels = torch.randn(batch, steps, inputs), torch.randint(CLASSES, (batch,))
        ways = {"projected at each step": Liquid, "projected once": ProjectedOnce}
        if arguments.form.startswith("compile"):
            ways.pop("projected at each step")  # each form takes long to compile, and this one is slower
        make = FORMS[arguments.form]
        return faster({name: training_step(make(way(inputs, units)), x, labels) for name, way in ways.items()})

    small = (2, 2, 2, 2) if arguments.form == "eager" else None  # the other forms would compile twice
    serve(arguments, prepare, ["torch"], small)


if __name__ == "__main__":
    main()
