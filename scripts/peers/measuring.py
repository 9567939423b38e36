"""How a peer is timed: like the workloads of `lnn-cli bench`, but in turns.

A peer is a program that prepares one workload, repeats it for some seconds and prints a JSON line. With `--by-turns` it prints a line
when it is ready and takes a measurement for each line that it reads from standard input. Peers that need long to start or to compile
can then take turns, so that other load on the machine favours none of them.
"""

import argparse
import json
import statistics
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Callable

# Shorter repetitions are timed in groups, because reading the clock takes time as well.
SHORTEST = 2e-4


def parser(description: str, shape: str) -> argparse.ArgumentParser:
    """A parser of the arguments that all peers share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--shape", type=extents, default=extents(shape), help=f"default: {shape}")
    made.add_argument("--seconds", type=float, default=2.0)
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--by-turns", action="store_true", help="take a measurement for each line of standard input")
    made.add_argument("--device", default="cpu", help="cpu, or cuda where the library supports it")
    return made


def extents(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def settle() -> None:
    """Waits for asynchronous work to finish. A peer with such work replaces this function."""


def seconds_of(repeat: Callable[[], object], count: int = 1) -> float:
    started = time.perf_counter()
    for _ in range(count):
        repeat()
    settle()
    return (time.perf_counter() - started) / count


def measure(repeat: Callable[[], object], seconds: float) -> dict:
    """Repeats for a fifth of `seconds` to warm up, then measures for `seconds`."""
    warm: list[float] = []
    started = time.perf_counter()
    while not warm or time.perf_counter() - started < seconds / 5:
        warm.append(seconds_of(repeat))
    count = max(1, round(SHORTEST / statistics.median(warm)))
    times: list[float] = []
    started = time.perf_counter()
    while not times or time.perf_counter() - started < seconds:
        times.append(seconds_of(repeat, count))
    return {"median_s": statistics.median(times), "min_s": min(times), "repetitions": len(times) * count}


def faster(forms: dict[str, Callable[[], object]]) -> tuple[str, Callable[[], object]]:
    """The fastest of several implementations of the same workload, chosen by a short trial."""
    if len(forms) == 1:
        return next(iter(forms.items()))
    name = min(forms, key=lambda name: measure(forms[name], 0.3)["min_s"])
    return name, forms[name]


def memory_mb(name: str) -> float | None:
    """`RssAnon`, `RssFile` or `VmHWM` of this process, where the system tells."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":")), None)


def forget_peak() -> None:
    """The peak of memory is looked for anew. Where that is refused it is that of the whole process."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def versions(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            pass
    return found


def serve(
    arguments: argparse.Namespace,
    prepare: Callable[..., tuple[str, Callable[[], object]]],
    packages: list[str],
    small: tuple[int, ...] | None = None,
    timed: Callable[[Callable[[], object], float], dict] = measure,
) -> None:
    """Prepares a workload of a shape, which `prepare` returns as `(form, function of one repetition)`, and measures it once, or once per
    turn. A `small` shape runs first, so that what a library loads once does not count as memory of the workload."""
    if small is not None:
        prepare(*small)[1]()
    before = memory_mb("RssAnon")
    form, repeat = prepare(*arguments.shape)
    repeat()
    forget_peak()
    if arguments.by_turns:
        print(json.dumps({"form": form, "versions": versions(*packages)}), flush=True)
    for _ in sys.stdin if arguments.by_turns else [None]:
        row = timed(repeat, arguments.seconds) | {"form": form, "peak_memory_mb": memory_mb("VmHWM")}
        files = memory_mb("RssFile")
        if before is not None and row["peak_memory_mb"] is not None and files is not None:
            # Pages of files belong to the libraries and do not count.
            row["added_memory_mb"] = max(0.0, row["peak_memory_mb"] - files - before)
        print(json.dumps(row), flush=True)
