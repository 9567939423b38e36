"""Runs a case with one program and reads its results."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from .cases import Case
from .data import Set

SEED = "3"
COMPUTE = ("--threads", "2", "--device", "cpu")
torch.set_num_threads(2)


@dataclass
class Outcome:
    """The results of a program for a case."""

    # JSON documents by name: the lines of metrics.jsonl and gradients.jsonl, test results.
    documents: dict[str, list] = field(default_factory=dict)
    # Arrays by group and name: the checkpoints, the predictions, the exported module.
    arrays: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

def produce(program: Path, case: Case, data: Set, folder: Path, baseline: Path) -> None:
    """Trains, then does what the case lists in `reads`, and writes all results into a folder, unless they are there already.

    Predictions use the checkpoint of the baseline, which also shows that old files load. For the same reason the run that the baseline
    paused is resumed as well, in `resumed`."""
    if (folder / "complete").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = folder / "run"
    results = {"test": lines(train(program, case, data, folder))[-1:]}
    if case.pause and folder != baseline:
        shutil.copytree(baseline / "paused", folder / "resumed")
        call(program, "train", "--resume", folder / "resumed", *COMPUTE)
    if "eval" in case.reads:
        results["eval"] = lines(call(program, "eval", run, "--noise", "0.1", "--json", *COMPUTE))
    if "predict" in case.reads:
        predict(program, baseline / "run", data, folder / "predicted.npy", None)
    if "single" in case.reads:  # a single sample has code of its own
        predict(program, baseline / "run", data, folder / "predicted-single.npy", 1)
    if "export" in case.reads:
        call(program, "export", run, "--out", folder / "model.pt")
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "complete").touch()


def train(program: Path, case: Case, data: Set, folder: Path) -> str:
    """Trains into `run` and keeps a copy of a paused run in `paused`. Returns the JSON lines of the last command."""
    run = folder / "run"
    words = [*case.words, "--data", data.spec, "--seed", SEED, "--out", run, "--json", *COMPUTE]
    if not case.pause:
        return call(program, "train", *words)
    call(program, "train", *words, "--pause-after", case.pause)
    shutil.copytree(run, folder / "paused")
    return call(program, "train", "--resume", run, "--json", *COMPUTE)


def predict(program: Path, source: Path, data: Set, output: Path, count: int | None) -> None:
    """Predicts the first `count` samples of a set, or all."""
    x, words = output.with_suffix(".x.npy"), []
    np.save(x, np.load(data.x)[:count])
    if data.dt:
        dt = output.with_suffix(".dt.npy")
        np.save(dt, np.load(data.dt)[:count])
        words = ["--dt", dt]
    call(program, "predict", source, "--input", x, *words, "--output", output, *COMPUTE)


def outcome(case: Case, data: Set, folder: Path) -> Outcome:
    """Reads what `produce` wrote."""
    results = of_run(folder / "run")
    results.documents |= json.loads((folder / "results.json").read_text())
    names = [("predict", "predicted.npy"), ("single", "predicted-single.npy")]
    results.arrays |= {name: {"output": np.load(folder / file)} for name, file in names if name in case.reads}
    if "export" in case.reads:
        results.arrays["export"] = exported(folder / "model.pt", data)
    return results


def of_run(run: Path) -> Outcome:
    """The lines and tensors in the folder of a run."""
    names = [name for name in ("metrics.jsonl", "gradients.jsonl") if (run / name).exists()]
    documents = {name: lines((run / name).read_text()) for name in names}
    return Outcome(documents, {name: tensors(run / name) for name in ("last.safetensors", "best.safetensors")})


def exported(file: Path, data: Set) -> dict[str, np.ndarray]:
    """The outputs of an exported module in evaluation, and its tensors."""
    module = torch.jit.load(file).eval()
    x = torch.from_numpy(np.load(data.x))
    found = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    with torch.no_grad():
        found["forward(x)"] = module(x).numpy()
        if x.dim() == 3:
            dt = torch.from_numpy(np.load(data.dt)) if data.dt else torch.ones(x.shape[:2])
            found["forward(x, dt)"] = module(x, dt).numpy()
            values, state = module.sequence(x, None, dt)
            found["sequence(x, None, dt)"] = values.numpy()
            values, state = module.step(x[:, 0], state, dt[:, 0])
            found["step(x, state, dt)"] = values.numpy()
    return found


def tensors(file: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file: eight bytes with the length of the header, a JSON header, the data. 16-bit floats are returned
    as their bits."""
    content = file.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    kinds = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?", "BF16": "<u2", "F16": "<f2"}
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            array = np.frombuffer(content[end + first : end + last], kinds[entry["dtype"]])
            found[name] = array.reshape(entry["shape"])
    return found


def lines(text: str) -> list:
    return [json.loads(line) for line in text.splitlines()]


def call(program: Path, *words: object) -> str:
    """Runs a program and returns its standard output; a failure ends the check with the messages of the program."""
    command = [str(program), *map(str, words)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"check-numbers: {' '.join(command)} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
