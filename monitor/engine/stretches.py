"""The newest stretches of driving, standing and unknown time of every vehicle: what a driving alarm's run is told from.

A ring of 64 stretches per fleet row, in columns that grow with the fleet. What the last batch brought is kept beside
the rings until the next one comes, so that an alarm found early in a long batch has the same run as one found alone:
the newest 64 stretches that begin before the moment asked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.engine.state import STRETCH

KEPT = 64
"""Stretches kept per vehicle (D): a day of a coach that stops every three quarters of an hour, twice over."""
_LEAST_ROWS = 1024
_NONE = np.zeros(0, STRETCH)
_HEAD = repr(STRETCH.descr).encode() + b"\n"


class StretchPool:
    """Stretches by fleet row. ``room`` is how many each vehicle keeps."""

    def __init__(self, room: int = KEPT) -> None:
        self._room = room
        self._clear()

    def take(self, stretches: NDArray[np.void]) -> None:
        """Stretches that are over (dtype STRETCH), those of one vehicle in time order.

        What joins up with the newest one, of equal kind and driver, makes it longer; what begins with it replaces it.
        """
        if not len(stretches):
            return
        self._fold()
        ordered = stretches[np.argsort(stretches["row"], kind="stable")]
        self._grow(int(ordered["row"][-1]) + 1)
        self._fresh = join_up(self._after_newest(ordered))

    def of(self, row: int, from_ms: int, to_ms: int, lasting: NDArray[np.void] | None = None) -> NDArray[np.void]:
        """A vehicle's stretches (dtype STRETCH) between two moments, oldest first, cut to them.

        ``lasting`` is the one that is not over (``stretch_clock.lasting_stretch``).
        """
        fresh = self._fresh
        begin, end = np.searchsorted(fresh["row"], (row, row + 1))
        found = join_up(np.concatenate([self._ring(row), fresh[begin:end], _NONE if lasting is None else lasting]))
        found = found[found["from_ms"] < to_ms][-self._room :]
        return cut_to(found[found["to_ms"] > from_ms], from_ms, to_ms)

    def snapshot(self) -> bytes:
        """Every stretch kept, as bytes; ``restore`` takes them."""
        self._fold()
        kept = [self._ring(int(row)) for row in np.flatnonzero(self._n)]
        return _HEAD + (np.concatenate(kept) if kept else _NONE).tobytes()

    def restore(self, data: bytes) -> None:
        """Take over a snapshot. What another version laid out otherwise is let go: runs are then told from now on."""
        self._clear()
        if data.startswith(_HEAD):
            self.take(np.frombuffer(data[len(_HEAD) :], STRETCH))

    def _clear(self) -> None:
        self._rings = np.zeros((0, self._room), STRETCH)
        self._n = np.zeros(0, np.int64)  # stretches in a ring
        self._next = np.zeros(0, np.int64)  # place of the next one
        self._fresh = _NONE  # of the last batch, joined up, by row and time

    def _grow(self, n_rows: int) -> None:
        known = len(self._n)
        if n_rows <= known:
            return
        more = max(_LEAST_ROWS, n_rows, 2 * known) - known
        self._rings = np.concatenate([self._rings, np.zeros((more, self._room), STRETCH)])
        self._n = np.concatenate([self._n, np.zeros(more, np.int64)])
        self._next = np.concatenate([self._next, np.zeros(more, np.int64)])

    def _ring(self, row: int) -> NDArray[np.void]:
        """What a ring holds, oldest first."""
        if row >= len(self._n):
            return _NONE
        places = (self._next[row] - self._n[row] + np.arange(self._n[row])) % self._room
        held: NDArray[np.void] = self._rings[row, places]
        return held

    def _after_newest(self, ordered: NDArray[np.void]) -> NDArray[np.void]:
        """The stretches with the newest of each vehicle's ring, taken out of it, before them."""
        rows = np.unique(ordered["row"])
        rows = rows[self._n[rows] > 0]
        self._n[rows] -= 1
        self._next[rows] = (self._next[rows] - 1) % self._room
        both = np.concatenate([self._rings[rows, self._next[rows]], ordered])
        return both[np.argsort(both["row"], kind="stable")]

    def _fold(self) -> None:
        """Put the last batch into the rings."""
        rows, firsts, counts = np.unique(self._fresh["row"], return_index=True, return_counts=True)
        rank = np.arange(len(self._fresh)) - np.repeat(firsts, counts)
        places = (np.repeat(self._next[rows], counts) + rank) % self._room
        kept = np.repeat(counts, counts) - rank <= self._room
        self._rings[self._fresh["row"][kept], places[kept]] = self._fresh[kept]
        self._next[rows] = (self._next[rows] + counts) % self._room
        self._n[rows] = np.minimum(self._n[rows] + counts, self._room)
        self._fresh = _NONE


def join_up(stretches: NDArray[np.void]) -> NDArray[np.void]:
    """Stretches by row and time; neighbours without a gap, of equal kind and driver, as one. The last of several that
    begin together counts."""
    if len(stretches) < 2:
        return stretches
    again = (stretches["row"][1:] == stretches["row"][:-1]) & (stretches["from_ms"][1:] == stretches["from_ms"][:-1])
    found = stretches[np.append(~again, True)]
    later, before = found[1:], found[:-1]
    joins = (later["row"] == before["row"]) & (later["from_ms"] <= before["to_ms"])
    joins &= (later["kind"] == before["kind"]) & (later["driver"] == before["driver"])
    firsts = np.flatnonzero(np.append(True, ~joins))
    whole: NDArray[np.void] = found[firsts]
    whole["to_ms"] = np.maximum.reduceat(found["to_ms"], firsts)
    whole["distance_m"] = np.add.reduceat(found["distance_m"], firsts)
    return whole


def cut_to(stretches: NDArray[np.void], from_ms: int, to_ms: int) -> NDArray[np.void]:
    """Stretches cut to a span that each of them touches; the way in proportion to the time."""
    cut: NDArray[np.void] = stretches.copy()
    cut["from_ms"] = np.maximum(stretches["from_ms"], from_ms)
    cut["to_ms"] = np.minimum(stretches["to_ms"], to_ms)
    cut["distance_m"] *= (cut["to_ms"] - cut["from_ms"]) / (stretches["to_ms"] - stretches["from_ms"])
    return cut
