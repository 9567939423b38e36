"""The order of the crates."""

import re
from pathlib import Path

# A crate may depend on the crates of lower levels only.
LEVELS = [["lnn-sys"], ["lnn-core"], ["lnn-models", "lnn-data"], ["lnn-train"], ["lnn-cli"]]
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}


def order(folders: list[Path]) -> list[str]:
    """The problems in the dependencies of the crates, including those of tests and build scripts."""
    problems = []
    for folder in folders:
        if folder.name not in LEVEL:
            problems.append(f"crates/{folder.name}: unknown to the order of the crates, {shown()}")
            continue
        for name in dependencies(folder / "Cargo.toml"):
            if LEVEL.get(name, len(LEVELS)) >= LEVEL[folder.name]:
                problems.append(f"crates/{folder.name}/Cargo.toml: depends on {name}, against the order {shown()}")
    return problems


def dependencies(manifest: Path) -> set[str]:
    """The crates of the workspace in all tables of dependencies."""
    found, table = set(), ""
    for line in manifest.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            table = line.strip("[] ")
            name = re.search(r"dependencies\.\"?(lnn-[\w-]+)", table)
        else:
            name = re.match(r"\"?(lnn-[\w-]+)", line) if table.endswith("dependencies") else None
        if name:
            found.add(name[1])
    return found


def shown() -> str:
    return " < ".join(names[0] if len(names) == 1 else f"{{{', '.join(names)}}}" for names in LEVELS)
