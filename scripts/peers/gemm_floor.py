"""The matrix products of a training step of `liquid`, and nothing else: no such step on these products is faster.

The input's product is one for all steps; the hidden product is one a step, forward and backward; the weights' gradients are one
each. All outputs are there beforehand. The first step starts from zero, so it has no hidden product.
"""

import torch

from measuring import faster, parser, serve
from torch_training import ready


def products(
    x: torch.Tensor, input_weights: torch.Tensor, weights: torch.Tensor, states: torch.Tensor, drives: torch.Tensor
) -> None:
    """`x [T·B, I]`, the weights `[I, H]` and `[H, H]`, and room for states and drives `[T, B, H]`."""
    steps, batch, units = states.size(0), states.size(1), states.size(2)
    input_gradient = torch.empty_like(input_weights)
    gradient = torch.empty_like(weights)
    torch.mm(x, input_weights, out=drives.view(steps * batch, units))
    for t in range(1, steps):
        torch.addmm(drives[t], states[t - 1], weights, out=drives[t])
    transposed = weights.t()
    for t in range(steps - 1, 0, -1):
        torch.mm(drives[t], transposed, out=states[t - 1])
    torch.mm(states.view(steps * batch, units).t(), drives.view(steps * batch, units), out=gradient)
    torch.mm(x.t(), drives.view(steps * batch, units), out=input_gradient)


def main() -> None:
    arguments = parser(__doc__, "64,28,28,128").parse_args()
    ready(arguments)

    def prepare(batch: int, steps: int, inputs: int, units: int):
        # Small numbers: nothing here is bounded by a tanh.
        x, input_weights = torch.randn(steps * batch, inputs), torch.randn(inputs, units) / inputs
        weights = torch.randn(units, units) / units
        states, drives = torch.randn(steps, batch, units), torch.zeros(steps, batch, units)
        tensors = (x, input_weights, weights, states, drives)
        scripted = torch.jit.script(products)
        return faster({"called from Python": lambda: products(*tensors), "TorchScript": lambda: scripted(*tensors)})

    with torch.no_grad():
        serve(arguments, prepare, ["torch"])


if __name__ == "__main__":
    main()
