"""Sightings of content by vehicle and time, to ask whether the same was seen before: for judges that compare tracks.

Kept as a few sorted arrays of growing size: a batch is looked up in each by bisection, and arrays of like size are
joined. What is the same by chance (40 bits, millions of sightings) has to be told apart by asking for several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HASH_SHIFT = 24
"""Low bits of a sign's value: seconds from the fix to the engine clock; what was seen stands above them."""

SIGHTING = np.dtype([("content", np.int64), ("at_ms", np.int64), ("clock_ms", np.int64), ("row", np.int32)], align=True)
_STORED = np.dtype([("content", np.int64), ("at_ms", np.int64), ("row", np.int32)])
_GROWTH = 4
"""Arrays are joined while the one before is smaller than this many times the last (a guess)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One content, seen of the vehicle ``row`` with the fix time ``at_ms``; ``clock_ms`` 0 where it is long known."""

    row: int
    at_ms: int
    clock_ms: int


def sightings(signs: NDArray[np.void]) -> NDArray[np.void]:
    """Signs (dtype SIGN) as sightings (dtype SIGHTING), by engine clock, fix time and vehicle."""
    out = np.zeros(len(signs), SIGHTING)
    out["content"] = signs["value"] >> HASH_SHIFT
    out["at_ms"] = signs["at_ms"]
    out["clock_ms"] = signs["at_ms"] + (signs["value"] & ((1 << HASH_SHIFT) - 1)) * 1000
    out["row"] = signs["row"]
    return out[np.lexsort((out["row"], out["at_ms"], out["clock_ms"]))]


class Pool:
    """What has been seen; ``add`` asks and remembers."""

    def __init__(self) -> None:
        self._levels: list[NDArray[np.void]] = []  # dtype _STORED, each sorted by content

    def __len__(self) -> int:
        return sum(len(level) for level in self._levels)

    def add(self, new: NDArray[np.void], most: int) -> Iterator[tuple[Sighting, Sighting]]:
        """Remember sightings (dtype SIGHTING) and give each with those of the same content before it.

        At most ``most`` of one content are compared, the earliest by fix time. Consume it before the next call.
        """
        content = new["content"]
        ordered = np.sort(content)
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        known = np.zeros(len(new), np.bool_)
        for level in self._levels:
            place = np.searchsorted(level["content"], content)
            known |= level["content"][np.minimum(place, len(level) - 1)] == content
        if len(again):
            known |= np.isin(content, again)
        before = {key: self._of(key) for key in set(content[known].tolist())}
        self._push(new)
        for sighting in new[known].tolist():
            key, at_ms, clock_ms, row = sighting
            one = Sighting(row, at_ms, clock_ms)
            others = before[key]
            for other in others[:most]:
                yield one, other
            others.append(one)
            others.sort(key=lambda other: (other.at_ms, other.row))

    def trim(self, before_ms: int, most: int) -> None:
        """Forget what has a fix time before ``before_ms``, and the oldest where more than ``most`` are left."""
        whole = self._joined()
        whole = whole[whole["at_ms"] >= before_ms]
        if len(whole) > most:
            cut_ms = np.partition(whole["at_ms"], len(whole) - most)[len(whole) - most]
            whole = whole[whole["at_ms"] >= cut_ms]
        self._levels = [whole] if len(whole) else []

    def snapshot(self) -> bytes:
        return self._joined().tobytes()

    def restore(self, data: bytes) -> None:
        whole = np.frombuffer(data, _STORED).copy()
        self._levels = [whole] if len(whole) else []

    def _of(self, content: int) -> list[Sighting]:
        """What is known of a content, by fix time and vehicle."""
        found: list[Sighting] = []
        for level in self._levels:
            begin, end = np.searchsorted(level["content"], [content, content + 1])
            found += [Sighting(row, at_ms, 0) for _, at_ms, row in level[begin:end].tolist()]
        return sorted(found, key=lambda one: (one.at_ms, one.row))

    def _push(self, new: NDArray[np.void]) -> None:
        stored = np.zeros(len(new), _STORED)
        for name in ("content", "at_ms", "row"):
            stored[name] = new[name]
        self._levels.append(stored[np.argsort(stored["content"], kind="stable")])
        while len(self._levels) > 1 and len(self._levels[-2]) < _GROWTH * len(self._levels[-1]):
            last = np.concatenate([self._levels.pop(), self._levels.pop()])
            self._levels.append(last[np.argsort(last["content"], kind="stable")])

    def _joined(self) -> NDArray[np.void]:
        """Everything, by content, fix time and vehicle, whatever order it came in."""
        if not self._levels:
            return np.zeros(0, _STORED)
        whole = np.concatenate(self._levels)
        return whole[np.lexsort((whole["row"], whole["at_ms"], whole["content"]))]
