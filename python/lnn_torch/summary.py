"""What a readout sees of many states."""

import torch
from torch import Tensor


def summarize(states: Tensor, stretches: int, summary: str) -> Tensor:
    """One summary for each stretch of equal length of [B, T, H]: [B, stretches * H]."""
    steps, summaries = states.shape[1], []
    for i in range(stretches):
        begin, end = i * steps // stretches, (i + 1) * steps // stretches
        summaries.append(states[:, end - 1] if summary == "last" else states[:, begin:end].mean(1))
    return torch.cat(summaries, 1)
