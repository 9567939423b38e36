"""The size of the code, as a Markdown table."""

from pathlib import Path
from statistics import median


def figures(folders: list[Path], circles: dict[str, tuple[int, int]]) -> str:
    """Files and lines of each crate in src, and in tests, benches and examples."""
    lines = [
        "| crate | files | lines | median file | largest file | files of tests, benches, examples | their lines "
        "| circles of files | circles of folders |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    everything: list[tuple[int, str]] = []
    all_others: list[int] = []
    for folder in folders:
        sizes = [(size(path), str(path.relative_to(folder / "src"))) for path in folder.glob("src/**/*.rs")]
        others = [size(path) for part in ("tests", "benches", "examples") for path in folder.glob(f"{part}/**/*.rs")]
        everything += [(count, f"{folder.name}: {name}") for count, name in sizes]
        all_others += others
        lines.append(row(f"`{folder.name}`", sizes, others, circles[folder.name]))
    totals = tuple(map(sum, zip(*circles.values())))
    return "\n".join([*lines, row("all", everything, all_others, totals)])


def size(path: Path) -> int:
    return len(path.read_text().splitlines())


def row(name: str, sizes: list[tuple[int, str]], others: list[int], circles: tuple[int, int]) -> str:
    largest = max(sizes)
    middle = median(count for count, _ in sizes)
    cells = [name, len(sizes), sum(count for count, _ in sizes), f"{middle:.0f}", f"{largest[0]} (`{largest[1]}`)"]
    return "| " + " | ".join(map(str, [*cells, len(others), sum(others), *circles])) + " |"
