"""Formats the figures as a Markdown table."""


def document(result: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(result["versions"].items()))
    return f"""# Comparison with other libraries

`{result["command"]}`, commit {result["commit"]}, {result["date"]}. {result["machine"]}; {result["threads"]} threads, {result["rounds"]}
rounds of {result["seconds"]:g} s with one turn per program; every program uses its own default for how threads wait. {versions}.

Times are medians. *Speed-up* is the median, over the rounds, of the peer's time divided by ours; *target* is the speed-up that we aim
at. The matrix products alone are a lower bound, so for them the column has our time divided by theirs. Peers without a target are
given for information. Memory is what a training step adds to the process: data, weights, moments and everything else that it keeps.

{table(result["rows"])}
"""


def table(rows: list[dict]) -> str:
    lines = [
        "| workload | shape | ours | peer | its time | speed-up | target | memory, ours | memory, peer |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ours = row["ours"]
        trains = "--pass train" in row["command"]
        first = [row["title"], row["shape"], time(ours), None]
        for peer in row["peers"] or [{}]:
            cells = [*first[:3], label(peer), time(peer), speed_up(peer), target(peer)]
            cells += [memory(ours), memory(peer)] if trains else ["", ""]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def label(peer: dict) -> str:
    form = peer.get("form")
    return f"{peer['label']} ({form})" if form else peer["label"]


def time(figures: dict) -> str:
    """A time with three digits, or the reason why there is none."""
    if "problem" in figures:
        return figures["problem"].replace("|", "/")
    seconds = figures["median_s"]
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            break
    value = seconds * factor
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def speed_up(peer: dict) -> str:
    ratio = peer["ratio"]
    if ratio is None:
        return ""
    return f"{1 / ratio:.2f} × the lower bound" if peer["at_most"] else f"{ratio:.2f} ×"


def target(peer: dict) -> str:
    """The target, with a remark if it is missed."""
    ratio, least, most = peer["ratio"], peer["at_least"], peer["at_most"]
    if least is None and most is None:
        return ""
    text = f"at least {least:g} ×" if least is not None else f"at most {most:g} ×"
    if ratio is None:
        return text
    reached = ratio >= least if least is not None else 1 / ratio <= most
    return text if reached else f"{text}, missed"


def memory(figures: dict) -> str:
    value = figures.get("added_memory_mb")
    return "" if value is None else f"{value:.0f} MB"
