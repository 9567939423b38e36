"""The Optuna example of docs/sweeps.md runs as it stands, with fewer trials."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import PROGRAM, ROOT

TEXT = (ROOT / "docs/sweeps.md").read_text()


def block(language, word):
    """The one block of the page in a language that contains a word."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
    found = [block for block in blocks if word in block]
    assert len(found) == 1, f"{len(found)} blocks with {word}"
    return found[0]


@pytest.fixture
def folder(tmp_path):
    """A folder with the data and the plans of the page."""
    random = np.random.default_rng(0)
    load = np.sin(np.arange(600) / 5) + 0.1 * random.standard_normal(600)
    rows = np.stack([load, random.standard_normal(600)], axis=1)
    np.savetxt(tmp_path / "power.csv", rows, delimiter=",", header="load,wind", comments="", fmt="%.4f")
    (tmp_path / "optuna-sweep.json").write_text(block("json", '"config": {"epochs": 9}'))
    (tmp_path / "power-sweep.json").write_text(block("json", "schedule.patience"))
    return tmp_path


def environment(folder):
    """One in which `lnn-cli` is the program under test."""
    (folder / "bin").mkdir()
    (folder / "bin/lnn-cli").symlink_to(Path(PROGRAM).resolve())
    return {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "OMP_WAIT_POLICY": "passive"}


def leaderboard(folder):
    with (folder / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def test_optuna_drives_a_sweep(folder):
    pytest.importorskip("optuna")
    example = block("python", "import json, optuna").replace("n_trials=20", "n_trials=3")
    assert "n_trials=3" in example
    example += "print(study.best_value, len(study.trials))\n"
    done = subprocess.run([sys.executable, "-c", example], cwd=folder, env=environment(folder), check=True, stdout=subprocess.PIPE, text=True)
    best, count = done.stdout.split()
    lines = leaderboard(folder / "sweeps/optuna")
    assert int(count) == len(lines) == 3
    assert all(line["status"] == "finished" and line["epochs"] == "9" for line in lines)
    assert float(best) == float(lines[0]["val_loss"]) == min(float(line["val_loss"]) for line in lines)
    assert not (folder / "sweeps/optuna/test.json").exists()


def test_the_plan_of_the_page_is_one(folder):
    command = [PROGRAM, "sweep", "next", "out", "--sweep", "power-sweep.json", "--json"]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    assert json.loads(done.stdout)["data"]["epochs"] == 1
    plan = json.loads((folder / "out/sweep.json").read_text())
    assert plan["base"]["epochs"] == 27 and list(plan["space"]) == list(json.loads(block("json", "schedule.patience"))["space"])
