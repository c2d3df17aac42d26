"""Where the fields of a vehicle's row lie: what every report touches first, in as few cache lines as can be.

Vehicles come in no order, so a report of a large fleet finds its row in main memory, and what it costs is lines
fetched: of some 2,000 bytes a usual report touches 600. So the fields that rules name as ``hot`` lie side by side at
the front of the row, then the engine's own part, then the rest rule by rule. A rule's state is still one record: its
fields lie in two places of the row, and records of different rules interlace. Hence a state is never assigned whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from monitor.engine.rule import Rule
from monitor.engine.state import CORE, FIRST_COLD

_Field = tuple[str, np.dtype[np.generic]]


def row_dtype(rules: Sequence[Rule]) -> np.dtype[np.void]:
    """Dtype of one vehicle's row: ``core`` and one field per rule that keeps state."""
    states = {rule.name: rule.state for rule in rules if rule.state is not None}
    hot = {rule.name: frozenset(rule.hot) for rule in rules}
    offsets: dict[tuple[str, str], int] = {}
    end = _place(offsets, _fields(states, hot, True), 0)
    core_at = _aligned(end, CORE.alignment)
    end = _place(offsets, _fields(states, hot, False), core_at + CORE.itemsize)
    size = _aligned(end, CORE.alignment)
    parts = {"core": (CORE, core_at)}
    for name, state in states.items():
        parts[name] = (_spread(name, state, offsets, size), 0)
    return np.dtype(
        {
            "names": list(parts),
            "formats": [dtype for dtype, _ in parts.values()],
            "offsets": [offset for _, offset in parts.values()],
            "itemsize": size,
        },
        align=True,
    )


def hot_bytes(row: np.dtype[np.void]) -> int:
    """Bytes from the begin of a row that a usual report touches."""
    assert row.fields is not None
    core, at = row.fields["core"][:2]
    assert core.fields is not None
    return int(at + core.fields[FIRST_COLD][1])


def part_bytes(row: np.dtype[np.void], name: str) -> int:
    """Bytes that a part of the row takes, wherever they lie."""
    fields = row[name].fields
    assert fields is not None
    return sum(field[0].itemsize for field in fields.values())


def _fields(
    states: dict[str, np.dtype[np.void]], hot: dict[str, frozenset[str]], wanted: bool
) -> Iterator[tuple[str, _Field]]:
    for name, state in states.items():
        for field in state.names or ():
            if (field in hot[name]) is wanted:
                yield name, (field, state[field])


def _place(offsets: dict[tuple[str, str], int], fields: Iterator[tuple[str, _Field]], at: int) -> int:
    """Give fields their places from ``at`` on, those of large alignment first so that nothing is wasted between."""
    for rule, (field, dtype) in sorted(fields, key=lambda one: -one[1][1].alignment):
        at = _aligned(at, dtype.alignment)
        offsets[rule, field] = at
        at += dtype.itemsize
    return at


def _spread(rule: str, state: np.dtype[np.void], offsets: dict[tuple[str, str], int], size: int) -> np.dtype[np.void]:
    """A rule's state as a record as long as the row, its fields at their places in it."""
    names = list(state.names or ())
    formats = [state[name] for name in names]
    places = [offsets[rule, name] for name in names]
    return np.dtype({"names": names, "formats": formats, "offsets": places, "itemsize": size}, align=True)


def _aligned(at: int, alignment: int) -> int:
    return -(-at // alignment) * alignment
