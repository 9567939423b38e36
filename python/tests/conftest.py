"""Runs of the real program on generated images and sequences, made once for all tests."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from series import Series

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LNN_CLI", str(ROOT / "target/release/lnn-cli"))
IMAGE_RUNS = [(model, preset) for model in ("lnn", "snlnn", "cllnn", "liquid") for preset in ("article", "tuned")]
IMAGE_RUNS += [("cifar", preset) for preset in ("article", "tuned", "conv")]
IMAGE_RUNS += [("lstm", "tuned"), ("gru", "tuned"), ("cfc", "tuned"), ("cfc", "traces")]
# `toy` is the data of the article; `series` has irregular time, `gaps` missing values, too. The last name, if there is one, is that of `SETTINGS`.
SEQUENCE_RUNS = [("liquid", "article", "toy"), ("liquid", "tuned", "toy"), ("liquid", "tuned", "series"), ("lstm", "tuned", "toy"),
                 ("lstm", "tuned", "series"), ("gru", "tuned", "series"), ("ltc", "tuned", "series"), ("ltc", "article", "toy"),
                 ("ltc", "tuned", "series", "wired"), ("cfc", "article", "series"), ("cfc", "tuned", "series", "wired")]
MIXED_RUNS = [("ltc", "tuned", "series", "mixed"), ("cfc", "tuned", "series", "mixed"), ("cfc", "tuned", "series", "mixed-wired")]
RESERVOIR_RUNS = [("lnn", "tuned", "toy"), ("lnn", "tuned", "series"), ("lnn", "tuned", "series", "deep")]
QUANTILES = [0.1, 0.5, 0.9]
QUANTILE_RUNS = [("gru", "tuned", "series", "quantiles")]
GAP_RUNS = [("gru", "tuned", "gaps"), ("cfc", "article", "gaps"), ("lnn", "tuned", "gaps")]
SEQUENCE_RUNS += MIXED_RUNS + RESERVOIR_RUNS + QUANTILE_RUNS + GAP_RUNS
AUTO_NCP = ["model.units=12", 'model.wiring={"kind":"auto-ncp","outputs":3,"sparsity":0.5,"seed":1}',
            "optimizer.learning_rate=0.02"]
# A readout in closed form of a smooth series has weights that multiply rounding errors.
BY_DESCENT = 'method={"kind":"gradient","readout_start":null,"feature_cache_mb":4096}'
MIXED, NO_BACKBONE = "model.mixed_memory=true", "model.backbone.layers=0"
SETTINGS = {("ltc", "wired"): AUTO_NCP, ("cfc", "wired"): [*AUTO_NCP, NO_BACKBONE, "model.mixed_memory=false"], ("ltc", "mixed"): [*AUTO_NCP, MIXED],
            ("lnn", "deep"): ["model.layers=2", "model.reservoir.units=30", "model.reservoir.density=0.05", "model.washout=3",
                              "model.reservoir.leak_range=[0.1, 0.9]", "model.summary=mean", BY_DESCENT],
            ("gru", "quantiles"): [f'loss={{"kind":"quantile","levels":{QUANTILES}}}'],
            ("cfc", "mixed"): ["model.units=12", MIXED], ("cfc", "mixed-wired"): [*AUTO_NCP, NO_BACKBONE, MIXED, "model.layers=2"]}
RUNS = IMAGE_RUNS + SEQUENCE_RUNS
# One run of each kind of module, for what depends on the operations of a module and not on its sizes.
SOME_RUNS = [("lnn", "tuned"), ("snlnn", "tuned"), ("cllnn", "tuned"), ("liquid", "tuned"), ("cifar", "tuned"), ("cfc", "tuned"),
             ("gru", "tuned", "series"), ("lstm", "tuned", "series"), ("liquid", "tuned", "series"), ("ltc", "tuned", "series", "wired"),
             ("cfc", "tuned", "series", "mixed-wired"), ("lnn", "tuned", "series", "deep")]
# The models whose cells know the time between steps, and those that take it as an input where the data have it.
TIMED_MODELS, UNTIMED_MODELS = ("liquid", "ltc", "cfc"), ("lstm", "gru", "lnn")
# Those that can be run step by step.
RECURRENT_RUNS = [run for run in RUNS if run[0] in ("snlnn", *TIMED_MODELS, *UNTIMED_MODELS) or run == ("cifar", "article")]
RECURRENT_RUNS = [run for run in RECURRENT_RUNS if run[0] != "lnn" or run in SEQUENCE_RUNS]
EPOCHS = {("cllnn", "tuned"): 2, ("liquid", "article", "toy"): 20, ("liquid", "tuned", "toy"): 20,
          ("liquid", "tuned", "series"): 5, ("lstm", "tuned", "toy"): 20, ("ltc", "article", "toy"): 20,
          ("ltc", "tuned", "series", "wired"): 15, ("ltc", "tuned", "series", "mixed"): 5,
          ("cfc", "tuned", "series", "wired"): 5}


def lnn_cli(*arguments, code=0):
    """Runs the program, expects an exit code, and gives what it wrote: (standard output, standard error)."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, env=environment)
    assert done.returncode == code, f"exit code {done.returncode}, expected {code}: {done.stdout}{done.stderr}"
    return done.stdout, done.stderr


@dataclass
class Run:
    """A trained run and the module that is exported from it."""

    folder: Path
    model: str
    preset: str
    # What `--data` was.
    data: str
    # What the tests show it: 64 images or sequences, and their targets.
    inputs: torch.Tensor
    targets: torch.Tensor
    # The levels of what it predicts of each value; none for a single prediction.
    quantiles: list[float]
    _outputs: torch.Tensor | None = None

    @property
    def takes_images(self):
        return self.inputs.dim() == 4

    @property
    def takes_time(self):
        return self.model in TIMED_MODELS or (self.model in UNTIMED_MODELS and self.timing() is not None)

    def outputs(self):
        """What the program computes for the inputs, once."""
        if self._outputs is None:
            self._outputs = self.predict(self.inputs)
        return self._outputs

    @property
    def module_file(self):
        """The exported module, written when it is first asked for."""
        file = self.folder.with_suffix(".pt")
        if not file.exists():
            lnn_cli("export", self.folder, "--out", file)
        return file

    def module(self):
        return torch.jit.load(self.module_file)

    def predict(self, inputs, source=None, dt=None):
        """What the program itself predicts, with the run's own weights or those of another checkpoint. It refuses a sequence without
        time where training had it; the module counts one unit for each step."""
        timing = self.timing()
        if dt is None and timing is not None:
            dt = torch.full(inputs.shape[:2], timing["unit"], dtype=torch.float64)
        given, wanted, times = (self.folder / name for name in ("x.npy", "y.npy", "dt.npy"))
        np.save(given, inputs.numpy())
        arguments = ["--input", given, "--output", wanted, "--device", "cpu"]
        if dt is not None:
            np.save(times, dt.numpy())
            arguments += ["--dt", times]
        lnn_cli("predict", source or self.folder, *arguments)
        return torch.from_numpy(np.load(wanted))

    def loss(self, outputs, targets):
        """A loss with gradients for all outputs: the cross-entropy of classes, the squared error of values."""
        if self.takes_images:
            return torch.nn.functional.cross_entropy(outputs, targets)
        return torch.nn.functional.mse_loss(outputs, targets.expand_as(outputs))

    def timing(self):
        """The time between steps that it was trained with, if the data had one."""
        with safe_open(self.folder / "best.safetensors", "pt") as checkpoint:
            return json.loads(checkpoint.metadata()["lnn"])["input"].get("timing")

    def description(self):
        return json.loads(self.module().lnn_json)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder with an IDX set of images whose classes are easily told apart."""
    folder = tmp_path_factory.mktemp("data")
    script = ROOT / "scripts/generate_idx.py"
    subprocess.run([sys.executable, script, folder, "--train", "600", "--test", "300"], check=True)
    return folder


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    """A file with rows at irregular times."""
    return Series.written_to(tmp_path_factory.mktemp("series") / "series.csv")


@pytest.fixture(scope="session")
def series_with_gaps(tmp_path_factory):
    """The same with missing values."""
    return Series.written_to(tmp_path_factory.mktemp("gaps") / "series.csv", gaps=True)


@pytest.fixture(scope="session")
def test_set(data):
    """The test images [N, 1, 28, 28] in 0..1 and their labels."""
    images = np.fromfile(data / "t10k-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.fromfile(data / "t10k-labels-idx1-ubyte", np.uint8, offset=8)
    return torch.from_numpy(images).float() / 255, torch.from_numpy(labels).long()


@pytest.fixture(scope="session")
def runs(data, series, series_with_gaps, test_set, tmp_path_factory):
    """One short run of each model, preset and kind of data, with its module, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("runs")
    random = torch.Generator().manual_seed(0)
    shown = {
        "images": (f"idx:{data}", *(part[:64] for part in test_set)),
        # Four sequences are the whole of `toy`; others of their kind show more.
        "toy": ("toy", torch.randn(64, 6, 10, generator=random), torch.randn(64, 1, generator=random)),
        "series": (series.spec, series.inputs[:64], series.targets[:64]),
        "gaps": (series_with_gaps.spec, series_with_gaps.inputs[:64], series_with_gaps.targets[:64]),
    }

    class Runs(dict):
        def __missing__(self, key):
            model, preset, kind = (*key, "images")[:3]
            settings = SETTINGS[model, key[3]] if len(key) > 3 else []
            spec, inputs, targets = shown[kind]
            out = folder / "-".join(key)
            # What is solved in closed form has no epochs.
            epochs = [] if key in SEQUENCE_RUNS and model == "lnn" else ["--epochs", EPOCHS.get(key, 1)]
            lnn_cli("train", "--model", model, "--preset", preset, "--data", spec, *epochs,
                    "--out", out, "--device", "cpu", *(word for setting in settings for word in ("--set", setting)))
            self[key] = Run(out, model, preset, spec, inputs, targets, QUANTILES if key in QUANTILE_RUNS else [])
            return self[key]

    return Runs()


@pytest.fixture(params=RUNS, ids="-".join)
def run(runs, request):
    """Each run in turn."""
    return runs[request.param]


@pytest.fixture(params=IMAGE_RUNS, ids="-".join)
def image_run(runs, request):
    return runs[request.param]


@pytest.fixture(params=SEQUENCE_RUNS, ids="-".join)
def sequence_run(runs, request):
    return runs[request.param]


@pytest.fixture(params=RECURRENT_RUNS, ids="-".join)
def recurrent_run(runs, request):
    return runs[request.param]


some_runs = pytest.mark.parametrize("run", SOME_RUNS, ids="-".join, indirect=True)
some_recurrent_runs = pytest.mark.parametrize("recurrent_run", [run for run in SOME_RUNS if run in RECURRENT_RUNS], ids="-".join,
                                              indirect=True)


@pytest.fixture
def inputs(run):
    """What the run is shown."""
    return run.inputs


@pytest.fixture
def outputs(run):
    """What the program itself computes of it: logits or values."""
    return run.outputs()
