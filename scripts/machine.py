"""The machine and the commit of a measurement, which scripts record with their figures."""

import os
import platform
import subprocess
from pathlib import Path


def machine() -> str:
    """The name of the processor and the number of its cores."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} cores"


def commit(binary: str) -> str:
    """The commit that the binary was built from, read from `lnn-cli 0.1.0 (abc)`."""
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return version.split("(")[1].split(")")[0]
