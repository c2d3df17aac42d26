"""Sightings of content by vehicle and time, to ask whether the same was seen before: for judges that compare tracks.

Kept in arrays in the order they came, with a table from content to the newest of it and a chain from there to older
ones: millions are remembered, and a new one costs a look into the table, whatever came before. What is the same by
chance (39 bits, millions of sightings) has to be told apart by asking for several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.compiled import compiled

HASH_SHIFT = 24
"""Low bits of a sign's value: seconds from the fix to the engine clock; what was seen stands above them."""

SIGHTING = np.dtype([("content", np.int64), ("at_ms", np.int64), ("clock_ms", np.int64), ("row", np.int32)], align=True)
_STORED = np.dtype([("content", np.int64), ("at_ms", np.int64), ("row", np.int32)])
_CONTENT_BITS = 39
_NUMBER_BITS = 24
_NUMBER_MASK = (1 << _NUMBER_BITS) - 1
MOST = _NUMBER_MASK
"""Sightings that a pool can hold."""
_EMPTY = -1
_LEAST_ROOM = 1024
_FILLED = 2
"""The table has at least this many slots for each sighting, so that a look ends soon."""
_MIXER = 0x5851F42D
"""An odd number of 31 bits (a guess): contents are hashes already, it only spreads them over the table."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One content, seen of the vehicle ``row`` with the fix time ``at_ms``; ``clock_ms`` 0 where it is long known."""

    row: int
    at_ms: int
    clock_ms: int


def sightings(signs: NDArray[np.void]) -> NDArray[np.void]:
    """Signs (dtype SIGN) as sightings (dtype SIGHTING)."""
    out = np.zeros(len(signs), SIGHTING)
    value = signs["value"]
    out["content"] = value >> HASH_SHIFT
    out["at_ms"] = signs["at_ms"]
    out["clock_ms"] = signs["at_ms"] + (value & ((1 << HASH_SHIFT) - 1)) * 1000
    out["row"] = signs["row"]
    return out


@compiled
def remember(
    contents: NDArray[np.int64],
    first: int,
    table: NDArray[np.int64],
    older: NDArray[np.int32],
    known: NDArray[np.bool_],
) -> None:
    """Enter contents, numbered from ``first`` on, into the table; mark those that were or come in it before or again.

    A slot holds a content and the number of its newest sighting; ``older`` leads from a sighting to the one before.
    """
    mask = len(table) - 1
    for i in range(len(contents)):
        content = contents[i]
        number = first + i
        place = ((content & 0xFFFFFFFF) * _MIXER >> 20) & mask
        while table[place] != _EMPTY and table[place] >> _NUMBER_BITS != content:
            place = (place + 1) & mask
        older[number] = _EMPTY
        if table[place] != _EMPTY:
            newest = table[place] & _NUMBER_MASK
            older[number] = newest
            known[i] = True
            if newest >= first:
                known[newest - first] = True
        table[place] = content << _NUMBER_BITS | number


class Pool:
    """What has been seen; ``add`` asks and remembers."""

    def __init__(self) -> None:
        self._n = 0
        self._seen = np.zeros(_LEAST_ROOM, _STORED)
        self._older = np.zeros(_LEAST_ROOM, np.int32)
        self._table = np.full(_FILLED * _LEAST_ROOM, _EMPTY, np.int64)

    def __len__(self) -> int:
        return self._n

    def add(self, new: NDArray[np.void], most: int) -> Iterator[tuple[Sighting, Sighting]]:
        """Remember sightings (dtype SIGHTING) and give each with those of the same content before it.

        Of the new ones those come first that were so by engine clock, fix time and vehicle. At most ``most`` of one
        content are compared, the earliest by fix time. Consume it before the next call.
        """
        known = self._push(new)
        if not known.any():
            return
        found = new[known]
        numbers = np.flatnonzero(known) + self._n - len(new)
        order = np.lexsort((found["row"], found["at_ms"], found["clock_ms"]))
        before: dict[int, list[Sighting]] = {}
        for number, (content, at_ms, clock_ms, row) in zip(numbers[order].tolist(), found[order].tolist(), strict=True):
            one = Sighting(row, at_ms, clock_ms)
            if content not in before:
                before[content] = self._of(number, self._n - len(new))
            others = before[content]
            for other in others[:most]:
                yield one, other
            others.append(one)
            others.sort(key=_by_time)

    def trim(self, before_ms: int, most: int) -> None:
        """Forget what has a fix time before ``before_ms``, and the oldest where more than ``most`` are left."""
        whole = self._seen[: self._n]
        whole = whole[whole["at_ms"] >= before_ms]
        if len(whole) > most:
            cut_ms = np.partition(whole["at_ms"], len(whole) - most)[len(whole) - most]
            whole = whole[whole["at_ms"] >= cut_ms]
        self._begin(whole)

    def snapshot(self) -> bytes:
        """What has been seen, by content, fix time and vehicle, whatever order it came in."""
        whole = self._seen[: self._n]
        return whole[np.lexsort((whole["row"], whole["at_ms"], whole["content"]))].tobytes()

    def restore(self, data: bytes) -> None:
        self._begin(np.frombuffer(data, _STORED))

    def _begin(self, seen: NDArray[np.void]) -> None:
        """Hold these and nothing else."""
        self._n = 0
        self._room(len(seen))
        self._table.fill(_EMPTY)
        self._store(seen)

    def _push(self, new: NDArray[np.void]) -> NDArray[np.bool_]:
        """Remember; returns which of them have company."""
        self._room(self._n + len(new))
        return self._store(new)

    def _store(self, new: NDArray[np.void]) -> NDArray[np.bool_]:
        begin, self._n = self._n, self._n + len(new)
        known = np.zeros(len(new), np.bool_)
        for name in _STORED.names or ():
            self._seen[name][begin : self._n] = new[name]
        remember(np.ascontiguousarray(new["content"]), begin, self._table, self._older, known)
        return known

    def _room(self, n: int) -> None:
        """Grow for ``n`` sightings in all; what is there stays."""
        room = len(self._seen)
        if n <= room:
            return
        while room < n:
            room *= 2
        seen = np.zeros(room, _STORED)
        seen[: self._n] = self._seen[: self._n]
        kept = self._n
        self._seen = seen
        self._older = np.zeros(room, np.int32)
        self._table = np.full(_FILLED * room, _EMPTY, np.int64)
        contents = np.ascontiguousarray(seen["content"][:kept])
        remember(contents, 0, self._table, self._older, np.zeros(kept, np.bool_))

    def _of(self, number: int, before: int) -> list[Sighting]:
        """What is known of a sighting's content with a number below ``before``, by fix time and vehicle."""
        found: list[Sighting] = []
        number = int(self._older[number])
        while number != _EMPTY:
            if number < before:
                _, at_ms, row = self._seen[number].tolist()
                found.append(Sighting(row, at_ms, 0))
            number = int(self._older[number])
        return sorted(found, key=_by_time)


def _by_time(one: Sighting) -> tuple[int, int]:
    return one.at_ms, one.row
