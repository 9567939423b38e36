"""The Python environment of the peers, created once in the cache folder, with the torch that scripts/setup installed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = ROOT / "scripts" / "peers" / "requirements.txt"


def python_of_peers() -> str:
    """The interpreter of the environment, which is created if it does not exist. A package that cannot be installed is reported here,
    and the rows that need it state that it is missing."""
    torch = Path(os.environ.get("LIBTORCH") or ROOT / ".libtorch").resolve()
    base = os.environ.get("PYTHON") or "python3"
    own = torch.parent.parent.parent.parent / "bin" / "python"
    packages = torch.parent if torch.parent.name == "site-packages" and own.exists() else None
    if packages:
        base = str(own)
    version = run([base, "-c", "import sys; print(*sys.version_info[:2], sep='.')"])
    key = hashlib.sha256(f"{REQUIREMENTS.read_text()}{version}{packages}".encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lnn"
    folder = cache / f"compare-{key}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"compare: installing the peers into {folder}, once", file=sys.stderr, flush=True)
        run([base, "-m", "venv", str(folder)])
        if packages:  # the torch of the program: another version would not be comparable, and would need 3 GB
            site = run([str(python), "-c", "import site; print(site.getsitepackages()[0])"])
            (Path(site) / "torch.pth").write_text(f"{packages}\n")
        if install(str(python), [] if packages else [ROOT / "scripts" / "requirements.txt"]):
            (folder / "complete").touch()
    return str(python)


def install(python: str, files: list[Path]) -> bool:
    """Installs the requirements one by one, so that a failure does not affect the others. Returns whether all are installed."""
    lines = [line for path in [*files, REQUIREMENTS] for line in path.read_text().splitlines()]
    complete = True
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-user", "--quiet", line]
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
            print(f"compare: {line.split(';')[0]} could not be installed; continuing without it", file=sys.stderr)
            complete = False
    return complete


def run(command: list[str]) -> str:
    """Returns what a command prints. If it fails, its own message states the reason."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=clean())
    if result.returncode != 0:
        sys.exit(f"compare: {' '.join(command)} ended with status {result.returncode}")
    return result.stdout.strip()


def clean() -> dict[str, str]:
    """The environment variables without those that would make Python load other packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
