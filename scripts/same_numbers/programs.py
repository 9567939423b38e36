"""The two programs that are compared, the Python that reads their results, and the folder with the results of the baseline."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lnn"
# Results of other programs and other versions of the check are removed after this time without use.
KEPT_SECONDS = 24 * 3600


def current() -> Path:
    """The path of the current program. Unless LNN_CLI names one, libtorch is set up and the program is built first."""
    if "LNN_CLI" in os.environ:
        return named("LNN_CLI")
    return built(ROOT, dict(os.environ))


def baseline(commit: str) -> Path:
    """The path of the program of a commit. Unless LNN_BASELINE names one, it is built once in the cache folder."""
    if "LNN_BASELINE" in os.environ:
        return named("LNN_BASELINE")
    folder = CACHE / f"baseline-{commit}"
    program = folder / "target" / "release" / "lnn-cli"
    if not program.exists():
        print(f"check-numbers: building the baseline in {folder}, once; this takes some minutes", file=sys.stderr, flush=True)
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            add = ["git", "-C", str(ROOT), "worktree", "add", "--force", "--detach", str(folder), commit]
            if subprocess.run(add, stdout=sys.stderr, check=False).returncode != 0:
                sys.exit(f"check-numbers: expected the commit {commit} in {ROOT}; hint: git fetch --unshallow")
        # The baseline has a target folder of its own, whatever the checkout uses.
        environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
        built(folder, environment)
    return program


def named(variable: str) -> Path:
    program = Path(os.environ[variable]).resolve()
    if not os.access(program, os.X_OK):
        sys.exit(f"check-numbers: {variable}: expected a program, found none at {program}")
    return program


def built(checkout: Path, environment: dict[str, str]) -> Path:
    """Builds the program of a checkout with the script of that checkout."""
    command = [str(checkout / "scripts" / "lnn-cli"), "--version"]
    if subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=False).returncode != 0:
        sys.exit(f"check-numbers: {checkout} does not build; see the lines above")
    return checkout / environment.get("CARGO_TARGET_DIR", "target") / "release" / "lnn-cli"


def run_with_torch() -> None:
    """Starts this script again with the interpreter beside libtorch, unless that is the running one."""
    libtorch = Path(os.environ.get("LIBTORCH") or ROOT / ".libtorch").resolve()
    environment = libtorch.parents[3] if libtorch.parent.name == "site-packages" else None
    if environment and (environment / "bin" / "python").is_file():
        python = environment / "bin" / "python"
        running = Path(sys.prefix).resolve() == environment
    else:  # libtorch is the user's own
        python = shutil.which(os.environ.get("PYTHON") or sys.executable) or sys.executable
        running = sys.executable == python
    if not running:
        os.execv(python, [str(python), *sys.argv])
    try:
        import numpy  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        sys.exit(f"check-numbers: {python}: {error}; set PYTHON to a Python with numpy and torch")


def store(program: Path) -> Path:
    """The folder with the results of a baseline, one for each program, CPU and version of this check."""
    digest = hashlib.sha256(program.read_bytes())
    for file in [*sorted(Path(__file__).parent.glob("*.py")), ROOT / "scripts" / "generate_idx.py"]:
        digest.update(file.read_bytes())
    cpu = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    digest.update("\n".join(line for line in cpu if line.startswith(("model name", "flags"))).encode())
    folder = CACHE / f"numbers-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    for other in CACHE.glob("numbers-*"):
        if time.time() - other.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    return folder


@contextmanager
def alone(folder: Path, name: str = "data") -> Iterator[None]:
    """Keeps other runs of this check from writing the same part of a folder."""
    with open(folder / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
