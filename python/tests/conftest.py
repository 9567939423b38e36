"""Runs of the real program on generated images, made once for all tests."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LNN_CLI", str(ROOT / "target/release/lnn-cli"))
RUNS = [("lnn", "article"), ("lnn", "tuned"), ("cllnn", "article"), ("cllnn", "tuned")]


def lnn_cli(*arguments, code=0):
    """Runs the program, expects an exit code, and gives what it wrote: (standard output, standard error)."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, env=environment)
    assert done.returncode == code, f"exit code {done.returncode}, expected {code}: {done.stdout}{done.stderr}"
    return done.stdout, done.stderr


@dataclass
class Run:
    """A trained run and the module that was exported from it."""

    folder: Path
    module_file: Path
    model: str
    preset: str
    _logits: torch.Tensor | None = None

    def logits(self, images):
        """What the program computes for the images of the fixture `images`, once."""
        if self._logits is None:
            self._logits = self.predict(images)
        return self._logits

    def module(self):
        return torch.jit.load(self.module_file)

    def predict(self, images, source=None):
        """Logits of the program itself, for the run's own weights or for those of another checkpoint."""
        given, wanted = self.folder / "x.npy", self.folder / "y.npy"
        np.save(given, images.numpy())
        lnn_cli("predict", source or self.folder, "--input", given, "--output", wanted, "--device", "cpu")
        return torch.from_numpy(np.load(wanted))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder with an IDX set of images whose classes are easily told apart."""
    folder = tmp_path_factory.mktemp("data")
    script = ROOT / "scripts/generate_idx.py"
    subprocess.run([sys.executable, script, folder, "--train", "600", "--test", "300"], check=True)
    return folder


@pytest.fixture(scope="session")
def test_set(data):
    """The test images [N, 1, 28, 28] in 0..1 and their labels."""
    images = np.fromfile(data / "t10k-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.fromfile(data / "t10k-labels-idx1-ubyte", np.uint8, offset=8)
    return torch.from_numpy(images).float() / 255, torch.from_numpy(labels).long()


@pytest.fixture(scope="session")
def images(test_set):
    """64 of the test images."""
    return test_set[0][:64]


@pytest.fixture(scope="session")
def runs(data, tmp_path_factory):
    """One short run of each model and preset, with its module."""
    folder = tmp_path_factory.mktemp("runs")
    made = {}
    for model, preset in RUNS:
        out = folder / f"{model}-{preset}"
        epochs = 2 if (model, preset) == ("cllnn", "tuned") else 1
        lnn_cli("train", "--model", model, "--preset", preset, "--data", f"idx:{data}", "--epochs", epochs,
                "--out", out, "--device", "cpu")
        module = folder / f"{model}-{preset}.pt"
        lnn_cli("export", out, "--out", module)
        made[model, preset] = Run(out, module, model, preset)
    return made


@pytest.fixture(params=RUNS, ids="-".join)
def run(runs, request):
    """Each run in turn."""
    return runs[request.param]


@pytest.fixture
def logits(run, images):
    """What the program itself computes for the images with this run."""
    return run.logits(images)
