"""The training step of the article's CLLNN in plain PyTorch, the peer of `lnn-cli bench cllnn --pass train`.

Contiguous float32 images [B, C, H, W]; convolutions, one step of a fixed reservoir, an LSTM, Adam.
`--precision bf16` runs the forward pass under autocast.
"""

import torch
from torch import nn

from measuring import parser, serve
from torch_training import CLASSES, ready, training_step

RESERVOIR_UNITS, LSTM_UNITS, LEAK_RATE, SPECTRAL_RADIUS = 512, 128, 0.2, 0.9


class Reservoir(nn.Module):
    """Leaky units with fixed weights."""

    def __init__(self, inputs: int, units: int):
        super().__init__()
        recurrent = torch.randn(units, units)
        recurrent *= SPECTRAL_RADIUS / torch.linalg.eigvals(recurrent).abs().max()
        self.register_buffer("recurrent", recurrent)
        self.register_buffer("input", torch.randn(units, inputs) * 0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.new_zeros(x.size(0), self.recurrent.size(0))
        states = []
        for t in range(x.size(1)):
            h = (1 - LEAK_RATE) * h + LEAK_RATE * torch.tanh(x[:, t] @ self.input.T + h @ self.recurrent.T)
            states.append(h)
        return torch.stack(states, 1)


class Cllnn(nn.Module):
    def __init__(self, channels: int, height: int, width: int):
        super().__init__()
        blocks, before = [], channels
        for after in (32, 64, 128):
            blocks += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            before, height, width = after, height // 2, width // 2
        self.front = nn.Sequential(*blocks, nn.Flatten())
        self.reservoir = Reservoir(before * height * width, RESERVOIR_UNITS)
        self.lstm = nn.LSTM(RESERVOIR_UNITS, LSTM_UNITS, batch_first=True)
        self.readout = nn.Linear(LSTM_UNITS, CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        states = self.reservoir(self.front(images).unsqueeze(1))
        outputs, _ = self.lstm(states)
        return self.readout(outputs[:, -1])


class Autocast(nn.Module):
    """The same network with its forward pass under autocast to bfloat16."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.model(images).float()


def main() -> None:
    options = parser(__doc__, "64,1,28,28")
    options.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    options.add_argument("--flush-denormals", action="store_true")
    arguments = options.parse_args()
    ready(arguments)

    def prepare(batch: int, channels: int, height: int, width: int):
        images, labels = torch.randn(batch, channels, height, width), torch.randint(CLASSES, (batch,))
        model = Cllnn(channels, height, width)
        model = Autocast(model) if arguments.precision == "bf16" else model
        return "", training_step(model, images, labels)

    serve(arguments, prepare, ["torch"], (2, arguments.shape[1], 8, 8))


if __name__ == "__main__":
    main()
