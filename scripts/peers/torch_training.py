"""What the PyTorch peers share: threads, denormals, and a plain training step."""

import argparse
from typing import Callable

import torch
from torch import nn

import measuring

CLASSES = 10

# Low enough that the last repetition does the same work as the first: once a batch is memorised, its gradients vanish.
RATE = 1e-5


def ready(arguments: argparse.Namespace) -> None:
    """Sets device, threads and seed, and runs a small training step, so that what torch loads once does not count as memory of the
    workload."""
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
