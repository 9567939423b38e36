"""What the PyTorch peers share: threads, denormals, and the training step that people write."""

import argparse
from typing import Callable

import torch
from torch import nn

import measuring

CLASSES = 10

# So low that the last repetition does the work of the first: one batch learned by heart has no gradients left.
RATE = 1e-5


def ready(arguments: argparse.Namespace) -> None:
    """Device, threads and seed, and a step of something small, so that what torch loads once is nobody's memory."""
    torch.set_default_device(arguments.device)
    if arguments.device != "cpu":
        measuring.settle = torch.cuda.synchronize
    torch.set_num_threads(arguments.threads)
    if getattr(arguments, "flush_denormals", False):
        torch.set_flush_denormal(True)
    torch.manual_seed(0)
    training_step(nn.Linear(64, CLASSES), torch.randn(64, 64), torch.randint(CLASSES, (64,)))()


def training_step(model: Callable, x: torch.Tensor, labels: torch.Tensor, rate: float = RATE) -> Callable[[], None]:
    """One step: forward, cross-entropy, backward, Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    loss_of = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model(x), labels).backward()
        optimizer.step()

    return step
