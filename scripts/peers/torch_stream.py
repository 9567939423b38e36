"""One step of a liquid layer in PyTorch that carries its state, without gradients: the peer of `lnn-cli bench stream`."""

import torch

from measuring import parser, serve
from torch_liquid import Liquid
from torch_training import ready


def main() -> None:
    options = parser(__doc__, "1,1,16,64")
    options.add_argument("--mode", choices=["no_grad", "inference_mode"], default="no_grad")
    arguments = options.parse_args()
    ready(arguments)

    def prepare(batch: int, _steps: int, inputs: int, units: int):
        layer, x = Liquid(inputs, units), torch.randn(batch, inputs)
        h = torch.zeros(batch, units)

        def step() -> None:
            nonlocal h
            h = layer.advance(layer.input(x), h)

        return "", step

    with getattr(torch, arguments.mode)():
        serve(arguments, prepare, ["torch"], (2, 1, 2, 2))


if __name__ == "__main__":
    main()
