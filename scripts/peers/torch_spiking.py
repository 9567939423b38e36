"""The training step of a spiking reservoir in PyTorch, the peer of `lnn-cli bench spiking --pass train`.

    u = v + a (tanh(W_in x + b + W_res v) - v)        s = [u > theta]        v' = u - theta s        10 classes from the mean s

The gradient of a spike is the slope of the fast sigmoid, written as an autograd function, as in libraries for spiking networks.
"""

import torch
from torch import nn

from measuring import faster, parser, serve
from torch_training import CLASSES, ready, training_step

LEAK_RATE, THRESHOLD, SHARPNESS = 0.3, 0.5, 5.0


class Spike(torch.autograd.Function):
    """The step function, whose gradient is the slope of the fast sigmoid."""

    @staticmethod
    def forward(context, u: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        (u,) = context.saved_tensors
        return gradient / (SHARPNESS * u.abs() + 1).square()


class SpikingReservoir(nn.Module):
    def __init__(self, inputs: int, units: int, once: bool):
        super().__init__()
        self.once = once
        self.input = nn.Linear(inputs, units)
        self.recurrent = nn.Linear(units, units, bias=False)
        self.readout = nn.Linear(units, CLASSES)
        nn.init.normal_(self.input.weight, std=(3.0 / inputs) ** 0.5)
        nn.init.zeros_(self.input.bias)
        nn.init.normal_(self.recurrent.weight, std=units**-0.5)  # a spectral radius of about 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        projected = self.input(x) if self.once else None
        v = torch.zeros(x.size(0), self.recurrent.out_features)
        spikes = []
        for t in range(x.size(1)):
            drive = projected[:, t] if projected is not None else self.input(x[:, t])
            u = (1 - LEAK_RATE) * v + LEAK_RATE * torch.tanh(drive + self.recurrent(v))
            s = Spike.apply(u - THRESHOLD)
            v = u - THRESHOLD * s
            spikes.append(s)
        return self.readout(torch.stack(spikes, 1).mean(1))


def main() -> None:
    options = parser(__doc__, "64,25,784,256")
    options.add_argument("--flush-denormals", action="store_true")
    arguments = options.parse_args()
    ready(arguments)

    def prepare(batch: int, steps: int, inputs: int, units: int):
        x, labels = torch.rand(batch, steps, inputs), torch.randint(CLASSES, (batch,))
        ways = {"projected at each step": False, "projected once": True}
        return faster(
            {name: training_step(SpikingReservoir(inputs, units, once), x, labels) for name, once in ways.items()}
        )

    serve(arguments, prepare, ["torch"], (2, 2, 2, 2))


if __name__ == "__main__":
    main()
