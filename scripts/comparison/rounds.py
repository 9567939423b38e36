"""The rounds of one row: everybody takes a turn in each, so that a busy minute of the machine hits all alike."""

import statistics
import sys

from comparison.contestants import Lost, Ours, PeerProcess, Setting
from comparison.rows import Row


def play(row: Row, setting: Setting, rounds: int) -> dict:
    """The figures of a row, ours and each peer's; who could not take part has a `problem` instead."""
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
        # One after the other: whoever gets ready disturbs nobody's turn.
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
        return {"problem": problem or "did not start, because ours did not"}
    return {
        "median_s": statistics.median(turn["median_s"] for turn in turns),
        "min_s": min(turn["min_s"] for turn in turns),
        # The first turn is the only one of a process that starts anew.
        "added_memory_mb": turns[0].get("added_memory_mb"),
        "rounds_s": [turn["median_s"] for turn in turns],
    }


def ratio(peer: list[dict], ours: list[dict]) -> float | None:
    """How many times longer the peer took: the median of the rounds."""
    ratios = [theirs["median_s"] / mine["median_s"] for theirs, mine in zip(peer, ours)]
    return statistics.median(ratios) if ratios else None
