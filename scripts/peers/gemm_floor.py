"""The matrix products of a training step of `liquid` alone: a lower bound for every implementation on these products.

One product projects the inputs of all time steps. Each time step has one recurrent product, forward and backward, and each weight
matrix one product for its gradient. All outputs are allocated beforehand. The first step starts from a zero state, so it has no
recurrent product.
"""

import torch

from measuring import faster, parser, serve
from torch_training import ready


def products(
    x: torch.Tensor, input_weights: torch.Tensor, weights: torch.Tensor, states: torch.Tensor, drives: torch.Tensor
) -> None:
    """`x [T·B, I]`, weights `[I, H]` and `[H, H]`, and buffers for states and drives `[T, B, H]`."""
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
        # Small weights keep the states finite, since no tanh bounds them here.
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
