"""A generated series of rows at irregular times."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

ROWS, WINDOW, TEST_PART = 600, 12, 0.15


@dataclass
class Series:
    """The file, and the windows of its test part as the program cuts them."""

    path: Path
    gaps: bool
    # [N, T, I], [N, T] and [N, O].
    inputs: torch.Tensor
    dt: torch.Tensor
    targets: torch.Tensor

    @property
    def spec(self):
        """What `--data` takes."""
        missing = ",missing=mask" if self.gaps else ""
        return f"csv:{self.path},target=b,time=t,window={WINDOW},test={TEST_PART}{missing}"

    @classmethod
    def written_to(cls, path, gaps=False):
        random = np.random.default_rng(0)
        dt = random.exponential(0.4, ROWS) + 0.05
        time = dt.cumsum()
        phase = time + 0.1 * random.standard_normal(ROWS)
        rows = np.stack([10 + np.sin(phase), 5 * np.cos(phase), 0.01 * np.sin(0.3 * time)], 1)
        if gaps:
            # A fifth of all values is missing.
            rows[random.random(rows.shape) < 0.2] = np.nan
        table = np.concatenate([time[:, None], rows], 1)
        # Every digit is written, so that what is read is what was meant.
        lines = ["t,a,b,c", *(",".join("" if np.isnan(number) else repr(float(number)) for number in row) for row in table)]
        path.write_text("\n".join(lines) + "\n")
        first = ROWS - round(ROWS * TEST_PART)
        starts = [start for start in range(first, ROWS - WINDOW) if not np.isnan(rows[start + WINDOW, 1])]
        dt[1:] = np.diff(time)
        return cls(
            path,
            gaps,
            *(torch.from_numpy(np.stack([array[i : i + WINDOW] for i in starts])).float() for array in (rows, dt)),
            torch.from_numpy(np.stack([rows[i + WINDOW, 1:2] for i in starts])).float(),
        )
