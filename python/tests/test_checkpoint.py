"""A checkpoint is readable without this project: the stock safetensors package and numpy are enough.

LNN_CLI names the program to test; `scripts/test` sets it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch_file

GENERATE_IDX = Path(__file__).parents[2] / "scripts" / "generate_idx.py"
LNN_CLI = os.environ.get("LNN_CLI")
CLASSES, SIZE = 5, 12

pytestmark = pytest.mark.skipif(not LNN_CLI, reason="LNN_CLI does not name the program to test")


class Run(NamedTuple):
    """A trained run and the set it was trained on."""

    folder: Path
    data: Path

    @property
    def best(self) -> Path:
        return self.folder / "best.safetensors"

    @property
    def last(self) -> Path:
        return self.folder / "last.safetensors"

    def description(self) -> dict:
        with safe_open(self.best, "numpy") as file:
            return json.loads(file.metadata()["lnn"])

    def test_images(self) -> np.ndarray:
        """The test images [N, 1, SIZE, SIZE] in 0..1."""
        pixels = np.frombuffer((self.data / "t10k-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
        return (pixels.reshape(-1, 1, SIZE, SIZE) / np.float32(255)).astype(np.float32)


def lnn_cli(*arguments: object) -> str:
    """Runs the program and gives what it wrote to stdout."""
    command = [LNN_CLI, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def train(folder: Path, *arguments: object) -> Run:
    """Trains a small model for two epochs."""
    run = Run(folder / "run", folder / "set")
    sizes = ("--train", 200, "--test", 50, "--classes", CLASSES, "--size", SIZE)
    subprocess.run([sys.executable, GENERATE_IDX, run.data, *map(str, sizes)], check=True)
    lnn_cli("train", "--threads", 1, "--data", f"idx:{run.data}", "--out", run.folder, "--epochs", 2, *arguments)
    return run


@pytest.fixture(scope="module")
def lnn(tmp_path_factory: pytest.TempPathFactory) -> Run:
    arguments = ("--model", "lnn", "--preset", "article", "--lr", 0.01, "--set", "model.reservoir.units=24")
    return train(tmp_path_factory.mktemp("lnn"), *arguments)


@pytest.fixture(scope="module")
def cllnn(tmp_path_factory: pytest.TempPathFactory) -> Run:
    sizes = ("model.reservoir.units=16", "model.channels=[4,4,8]", "model.lstm_units=8")
    arguments = [word for size in sizes for word in ("--set", size)]
    return train(tmp_path_factory.mktemp("cllnn"), "--model", "cllnn", *arguments)


@pytest.fixture(params=["lnn", "cllnn"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


def test_the_metadata_describe_the_model(run: Run) -> None:
    description = run.description()
    config = json.loads((run.folder / "config.json").read_text())
    assert description["format_version"] == 3
    assert description["model"] == config["model"]
    names = [str(label) for label in range(CLASSES)]
    assert description["input"] == {
        "shape": {"kind": "images", "channels": 1, "height": SIZE, "width": SIZE},
        "task": {"kind": "classification", "class_names": names},
    }
    assert description["training"]["epoch"] in (1, 2)


def test_the_tensors_are_those_that_inspect_lists(run: Run) -> None:
    report = json.loads(lnn_cli("inspect", run.folder, "--json"))
    assert report["description"] == run.description()
    listed = {f"model.{tensor['name']}": tensor["shape"] for tensor in report["tensors"]}
    tensors = {name: array for name, array in load_file(run.best).items() if name.startswith("model.")}
    assert {name: list(array.shape) for name, array in tensors.items()} == listed
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in tensors.values())


def test_torch_reads_the_same_numbers(run: Run) -> None:
    arrays = load_file(run.best)
    for name, tensor in load_torch_file(run.best).items():
        assert np.array_equal(tensor.numpy(), arrays[name]), name


def test_the_last_checkpoint_holds_the_optimizer_beside_the_model(run: Run) -> None:
    names = load_file(run.last).keys()
    model = {name for name in names if name.startswith("model.")}
    optimizer = {name for name in names if name.startswith("optimizer.")}
    # What a resume compares the data with, and what stands beside the results of a model.
    baselines = {name for name in names if name.startswith("data.baseline_")}
    data = {"data.train", "data.validation"} | baselines
    assert "data.baseline_majority" in baselines
    assert model | optimizer | data == set(names)
    assert model | data == set(load_file(run.best)) and optimizer


def test_numpy_gives_the_logits_of_the_program(lnn: Run, tmp_path: Path) -> None:
    images = lnn.test_images()
    np.save(tmp_path / "x.npy", images)
    lnn_cli("predict", lnn.folder, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", "--threads", 1)
    logits = np.load(tmp_path / "y.npy")
    assert logits.shape == (50, CLASSES) and logits.dtype == np.float32

    part = {name.removeprefix("model."): array for name, array in load_file(lnn.best).items()}
    standardized = (images - part["preprocessing.mean"]) / part["preprocessing.deviation"]
    pixels = standardized.reshape(len(images), -1)
    # The article shows the whole image at one step, so that the state before it is zero and the recurrent weights rest.
    leak_rate = lnn.description()["model"]["reservoir"]["leak_rate"]
    states = leak_rate * np.tanh(pixels @ part["reservoir0.input_weights"].T)
    expected = states @ part["readout.weight"].T + part["readout.bias"]
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    assert np.ptp(expected) > 0.1, "logits that are nearly equal would show nothing"
