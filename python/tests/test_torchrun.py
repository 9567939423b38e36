"""torchrun starts the ranks of a training, and after a failure starts them again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors import safe_open

from conftest import PROGRAM
from series import Series

TORCHRUN = Path(sys.executable).with_name("torchrun")


def start(data, out):
    command = [TORCHRUN, "--no-python", "--nproc-per-node", "2", "--max-restarts", "3", PROGRAM, "train", "--model", "liquid"]
    command += ["--data", data, "--out", out, "--epochs", "60", "--threads", "1", "--set", "model.units=8", "--set", "patience=null"]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ranks_of(launcher):
    """The processes that torchrun has started, by their rank."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    found = {}
    for child in children:
        variables = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        rank = [variable[5:] for variable in variables if variable.startswith(b"RANK=")]
        if rank:
            found[int(rank[0])] = int(child)
    return found


def tensors(run):
    with safe_open(run / "last.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def test_a_killed_rank_is_started_again_and_the_run_ends_as_if_nothing_had_happened(tmp_path):
    data = Series.written_to(tmp_path / "series.csv").spec
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    launcher = start(data, whole)
    _, messages = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, messages

    launcher = start(data, killed)
    lines = killed / "metrics.jsonl"
    while not (lines.exists() and lines.read_text().count("\n") >= 3):
        assert launcher.poll() is None, launcher.communicate()[1]
        time.sleep(0.01)
    os.kill(ranks_of(launcher)[1], signal.SIGKILL)
    _, messages = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, messages
    assert "rank 0: error: rank 0 of 2: " in messages and "resumed after epoch" in messages, messages

    assert [json.loads(line)["epoch"] for line in lines.read_text().splitlines()] == list(range(1, 61))
    expected, found = tensors(whole), tensors(killed)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
