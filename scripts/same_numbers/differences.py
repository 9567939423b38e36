"""Compares two outcomes bit for bit."""

import numpy as np

from .outcome import Outcome

# Keys whose values depend on the duration of a run.
TIMES = {"seconds", "samples_per_second", "eta_seconds"}
# Rows shown of each document and group of arrays; the others are counted.
SHOWN = 4

# The place of a difference, the baseline's value and the current value.
Row = tuple[str, str, str]


def differences(expected: Outcome, found: Outcome, remark: str = "") -> list[Row]:
    """The rows in which two outcomes differ; `remark` is added to each name."""
    rows = []
    for name in expected.documents | found.documents:
        values = expected.documents.get(name), found.documents.get(name)
        rows += cut(name + remark, of_values("", *values))
    for name in expected.arrays | found.arrays:
        rows += cut(name + remark, of_arrays(expected.arrays.get(name, {}), found.arrays.get(name, {})))
    return rows


def cut(name: str, rows: list[Row]) -> list[Row]:
    shown = [(f"{name}: {where}", *values) for where, *values in rows[:SHOWN]]
    more = len(rows) - SHOWN
    return [*shown, (f"{name}: {more} more", "", "")] if more > 0 else shown


def of_values(where: str, expected: object, found: object) -> list[Row]:
    """Compares JSON values. Keys that only the current program writes are ignored, because keys may be added."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = [key for key in expected if key not in TIMES]
        absent = [(f"{where}.{key}", short(expected[key]), "absent") for key in keys if key not in found]
        return absent + [
            row for key in keys if key in found for row in of_values(f"{where}.{key}", expected[key], found[key])
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found), 1)
        return [row for i, (old, new) in pairs for row in of_values(f"{where}[{i}]", old, new)]
    # NaN is not written in JSON, so equal values compare equal.
    return [] if expected == found else [(where, short(expected), short(found))]


def of_arrays(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> list[Row]:
    """Compares arrays by name: presence, dtype, shape, then the bytes."""
    rows = [(f"`{name}`", shape(array), "absent") for name, array in expected.items() if name not in found]
    rows += [(f"`{name}`", "absent", shape(array)) for name, array in found.items() if name not in expected]
    for name, old in expected.items():
        new = found.get(name)
        if new is None:
            continue
        if (old.dtype, old.shape) != (new.dtype, new.shape):
            rows.append((f"`{name}`", shape(old), shape(new)))
        elif old.tobytes() != new.tobytes():
            rows.append((f"`{name}`", *first_difference(old, new)))
    return rows


def first_difference(old: np.ndarray, new: np.ndarray) -> tuple[str, str]:
    """The first elements that differ, the number of elements that differ, and the largest difference."""
    bits = f"u{old.dtype.itemsize}"
    old, new = np.atleast_1d(np.ascontiguousarray(old)), np.atleast_1d(np.ascontiguousarray(new))
    places = np.argwhere(old.view(bits) != new.view(bits))
    place = tuple(int(i) for i in places[0])
    distance = np.abs(old.astype(np.float64) - new.astype(np.float64)).max()
    return f"{old[place]!s} at {list(place)}", f"{new[place]!s}; {len(places)} of {old.size} differ, at most by {distance:.2g}"


def shape(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"


def short(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
