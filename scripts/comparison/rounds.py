"""The rounds of one row. Each contestant takes one turn per round, so that other load on the machine affects all of them equally."""

import statistics
import sys

from comparison.contestants import Lost, Ours, PeerProcess, Setting
from comparison.rows import Row


def play(row: Row, setting: Setting, rounds: int) -> dict:
    """Returns the figures of a row for lnn-cli and each peer; a contestant that could not run has a `problem` instead."""
    ours = Ours(row, setting)
    peers = [PeerProcess(peer, row, setting) for peer in row.peers]
    turns: dict[object, list[dict]] = {contestant: [] for contestant in [ours, *peers]}
    problems: dict[object, str] = {}

    def attempt(contestant, action):
        try:
            return action()
        except Lost as reason:
            print(f"compare: {row.name}: {contestant.label}: {reason}", file=sys.stderr, flush=True)
            problems[contestant] = str(reason)
            contestant.stop()
            return None

    try:
        attempt(ours, ours.start)
        # Peers start one after the other and before the first turn, so that no start disturbs a turn.
        for peer in peers if ours not in problems else []:
            attempt(peer, peer.start)
        for number in range(rounds):
            there = [contestant for contestant in turns if contestant not in problems]
            if ours in problems:
                break
            shift = number % len(there)
            for contestant in there[shift:] + there[:shift]:
                figures = attempt(contestant, contestant.turn)
                if figures is not None:
                    turns[contestant].append(figures)
    finally:
        for peer in peers:
            if peer not in problems:
                peer.stop()
    return {
        "name": row.name,
        "title": row.title,
        "shape": row.shape,
        "command": "lnn-cli " + " ".join(row.ours),
        "ours": summary(turns[ours], problems.get(ours)),
        "peers": [
            {
                "label": peer.label,
                "program": " ".join([peer.peer.program, *peer.peer.arguments]),
                "form": peer.form,
                "versions": peer.versions,
                "at_least": peer.peer.at_least,
                "at_most": peer.peer.at_most,
                "ratio": ratio(turns[peer], turns[ours]),
                **summary(turns[peer], problems.get(peer)),
            }
            for peer in peers
        ],
    }


def summary(turns: list[dict], problem: str | None) -> dict:
    if problem or not turns:
        return {"problem": problem or "not started, because lnn-cli could not run"}
    return {
        "median_s": statistics.median(turn["median_s"] for turn in turns),
        "min_s": min(turn["min_s"] for turn in turns),
        # A peer's process keeps running, so only its first turn shows how much memory the workload adds.
        "added_memory_mb": turns[0].get("added_memory_mb"),
        "rounds_s": [turn["median_s"] for turn in turns],
    }


def ratio(peer: list[dict], ours: list[dict]) -> float | None:
    """The median over the rounds of the peer's time divided by ours."""
    ratios = [theirs["median_s"] / mine["median_s"] for theirs, mine in zip(peer, ours)]
    return statistics.median(ratios) if ratios else None
