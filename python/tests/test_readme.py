"""The Python examples of the README run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from series import Series

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which `lnn-cli train … --out runs/a` was run on a small generated set, and then exported; the same of a
    series."""
    program = os.environ.get("LNN_CLI")
    if not program:
        pytest.skip("LNN_CLI names no lnn-cli binary")
    folder = tmp_path_factory.mktemp("readme")
    generate = [sys.executable, ROOT / "scripts" / "generate_idx.py", folder / "data", "--train", "200", "--test", "50"]
    subprocess.run(generate, check=True)
    train = [program, "train", "--model", "cllnn", "--data", f"idx:{folder / 'data'}", "--epochs", "1"]
    train += ["--set", "model.channels=[4,4,8]", "--set", "model.reservoir.units=16", "--out", "runs/a"]
    subprocess.run(train, cwd=folder, check=True)
    subprocess.run([program, "export", "runs/a", "--out", "model.pt"], cwd=folder, check=True)
    series = Series.written_to(folder / "series.csv")
    train = [program, "train", "--model", "liquid", "--data", series.spec, "--epochs", "1", "--out", "runs/s"]
    subprocess.run(train, cwd=folder, check=True)
    for file in ("series.pt", "series.safetensors"):
        subprocess.run([program, "export", "runs/s", "--out", file], cwd=folder, check=True)
    return folder


def test_the_readme_has_examples():
    assert BLOCKS


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_of_the_readme_runs(block, folder):
    if "ncps" in block:
        pytest.importorskip("ncps")
    # In the place of `pip install ./python`.
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    subprocess.run([sys.executable, "-c", block], cwd=folder, check=True, env=environment)
