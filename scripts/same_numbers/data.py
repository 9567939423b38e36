"""The generated data of the check: small, and the same bytes on every machine."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).resolve().parent.parent
ROWS, WINDOW = 320, 12
# Samples to predict: not a multiple of the width of a vector.
SHOWN = 21


@dataclass(frozen=True)
class Set:
    """A data set, and what the trained model is asked to predict."""

    # What `--data` takes.
    spec: str
    # Images [N, C, H, W] or sequences [N, T, I], and the time of their steps [N, T] if the set has a time column.
    x: Path
    dt: Path | None


def generate(folder: Path) -> dict[str, Set]:
    """Writes the sets into a folder, if they are not there."""
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        idx(folder / "grey", "--size", "28")
        idx(folder / "colour", "--size", "32", "--colour")
        np.save(folder / "grey.npy", random.random((SHOWN, 1, 28, 28), np.float32))
        np.save(folder / "colour.npy", random.random((SHOWN, 3, 32, 32), np.float32))
        np.save(folder / "toy.npy", random.standard_normal((SHOWN, 6, 10), np.float32))
        series(folder / "series.csv", random)
        np.save(folder / "series.npy", random.standard_normal((SHOWN, WINDOW, 3), np.float32))
        np.save(folder / "series-dt.npy", random.random((SHOWN, WINDOW), np.float32))
        (folder / "complete").touch()
    csv = f"csv:{folder / 'series.csv'},target=b,time=t,window={WINDOW}"
    return {
        "grey": Set(f"idx:{folder / 'grey'}", folder / "grey.npy", None),
        "colour": Set(f"idx:{folder / 'colour'}", folder / "colour.npy", None),
        "toy": Set("toy", folder / "toy.npy", None),
        "series": Set(csv, folder / "series.npy", folder / "series-dt.npy"),
    }


def idx(folder: Path, *words: str) -> None:
    command = [sys.executable, str(SCRIPTS / "generate_idx.py"), str(folder), "--train", "400", "--test", "60", *words]
    subprocess.run(command, check=True)


def series(path: Path, random: np.random.Generator) -> None:
    """Three columns at irregular times: two waves and a slow one of another scale."""
    time = (random.exponential(0.4, ROWS) + 0.05).cumsum()
    phase = time + 0.1 * random.standard_normal(ROWS)
    columns = [time, 10 + np.sin(phase), 5 * np.cos(phase), 0.01 * np.sin(0.3 * time)]
    lines = ["t,a,b,c", *(",".join(f"{value:.9g}" for value in row) for row in np.stack(columns, 1))]
    path.write_text("\n".join(lines) + "\n")
