"""The last reports of every vehicle, so that an alarm can show what it was found in.

A pool beside the state rows, which rules never read: a ring of ``TRAIL_LENGTH`` small rows per vehicle. The reports of
the newest pass stay in its own arrays until the next one, so that a long batch of one vehicle does not push out what
its first alarm was found in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.engine.prefetch import prefetch_row
from monitor.engine.receive import Outcome
from monitor.model.compiled import compiled
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.geo import to_e7
from monitor.model.report import UNKNOWN, ReportRows

TRAIL_LENGTH = 24
"""Reports kept per vehicle (a guess: four minutes at 10 s, twelve at 30 s)."""

TRAIL = np.dtype(
    [
        ("fix_ms", np.int64),
        ("lon_e7", np.int32),
        ("lat_e7", np.int32),
        ("delay", np.int32),  # received so long after the fix, ms; whole seconds where ``marks`` has IN_SECONDS
        ("mileage_m", np.int32),  # odometer; -1 unknown
        ("marks", np.int32),  # flaws, flags, outcome and heading as below
        ("speed_dkmh", np.int16),  # as stated; -1 unknown
        ("recorder_dkmh", np.int16),  # as stated by the recorder; -1 unknown
    ],
    align=True,
)
"""One report of a trail: 32 bytes, two to a cache line. ``marks`` 0 is an empty place."""

FLAW_BITS = 9
FLAG_BITS = 6
OUTCOME_BITS = 4
HEADING_BITS = 9
FLAG_SHIFT = FLAW_BITS
OUTCOME_SHIFT = FLAG_SHIFT + FLAG_BITS
HEADING_SHIFT = OUTCOME_SHIFT + OUTCOME_BITS
TAKEN = 1 << (HEADING_SHIFT + HEADING_BITS)
IN_SECONDS = TAKEN << 1
"""The delay is longer than 24 days either way, which is a wrong clock."""
NO_HEADING = (1 << HEADING_BITS) - 1

_FLAWS = (1 << FLAW_BITS) - 1
_FLAGS = (1 << FLAG_BITS) - 1
_OUTCOMES = (1 << OUTCOME_BITS) - 1
_MOST_32 = 2**31 - 1
_MOST_16 = 2**15 - 1
_MOST_DEG = 214.0  # of what four bytes hold; a place out of range has its flaw
_NO_PLACE = int(Flaw.NO_FIX)
_TIME = int(Flaw.TIME)
_DUPLICATE = int(Outcome.DUPLICATE)
_LEAST_ROWS = 1024
AHEAD = 8
"""How many reports ahead a place in a ring is asked for (as in the pass)."""
_RING_BYTES = TRAIL_LENGTH * TRAIL.itemsize


@compiled
def write_seen(seen: np.void, report: np.void, outcome: int) -> None:
    """One report as a row of a trail."""
    seen["fix_ms"] = report["fix_ms"]
    if report["flaws"] & _NO_PLACE != 0:
        seen["lon_e7"] = 0
        seen["lat_e7"] = 0
    else:
        seen["lon_e7"] = to_e7(max(-_MOST_DEG, min(report["lon_deg"], _MOST_DEG)))
        seen["lat_e7"] = to_e7(max(-_MOST_DEG, min(report["lat_deg"], _MOST_DEG)))
    delay = report["recv_ms"] - report["fix_ms"]
    unit = 0
    if delay > _MOST_32 or delay < -_MOST_32:
        delay = max(-_MOST_32, min(delay // 1000, _MOST_32))
        unit = IN_SECONDS
    seen["delay"] = delay
    seen["mileage_m"] = min(report["mileage_m"], _MOST_32)
    seen["speed_dkmh"] = max(UNKNOWN, min(report["speed_dkmh"], _MOST_16))
    seen["recorder_dkmh"] = max(UNKNOWN, min(report["recorder_speed_dkmh"], _MOST_16))
    heading = report["heading_deg"]
    if heading < 0 or heading >= NO_HEADING:
        heading = NO_HEADING
    seen["marks"] = (
        TAKEN
        | unit
        | (heading << HEADING_SHIFT)
        | (int(outcome) << OUTCOME_SHIFT)
        | ((report["flags"] & _FLAGS) << FLAG_SHIFT)
        | (report["flaws"] & _FLAWS)
    )


@compiled
def write_rings(
    reports: NDArray[np.void],
    row_of: NDArray[np.int32],
    outcomes: NDArray[np.int8],
    rings: NDArray[np.void],
    heads: NDArray[np.uint8],
) -> None:
    """Add the reports of a pass to the rings of their vehicles; what was sent twice is there already."""
    n = len(reports)
    places = rings.reshape(-1)
    for i in range(n):
        if i + AHEAD < n:
            ahead = row_of[i + AHEAD]
            prefetch_row(places, ahead * TRAIL_LENGTH + heads[ahead])
        if outcomes[i] == _DUPLICATE:
            continue
        row = row_of[i]
        head = heads[row]
        write_seen(rings[row, head], reports[i], outcomes[i])
        heads[row] = head + 1 if head + 1 < TRAIL_LENGTH else 0


@compiled
def write_all(
    reports: NDArray[np.void], outcomes: NDArray[np.int8], order: NDArray[np.int64], seen: NDArray[np.void]
) -> int:
    """Some reports of a pass as rows of a trail, without those sent twice; returns how many."""
    n = 0
    for i in order:
        if outcomes[i] != _DUPLICATE:
            write_seen(seen[n], reports[i], outcomes[i])
            n += 1
    return n


class SeenReports(Protocol):
    """Where an alarm looks up the reports around a moment of a vehicle."""

    def take(self, reports: ReportRows, row_of: NDArray[np.int32], outcomes: NDArray[np.int8], n_rows: int) -> None:
        """The reports of one pass, with what became of them; ``n_rows`` vehicles are known."""

    def around(self, row: int, at_ms: int, known_ms: int) -> NDArray[np.void]:
        """The reports of a vehicle nearest to a moment (dtype TRAIL, by time), of those received by ``known_ms``."""


@dataclass(frozen=True, slots=True)
class TrailState:
    """Copies: ``rings`` (n, bytes of a ring) uint8, ``heads`` (n,) uint8."""

    rings: NDArray[np.uint8]
    heads: NDArray[np.uint8]


class Trail:
    """The live answer: rings, and the pass after them."""

    def __init__(self) -> None:
        self._rings: NDArray[np.void] = np.zeros((_LEAST_ROWS, TRAIL_LENGTH), TRAIL)
        self._heads: NDArray[np.uint8] = np.zeros(_LEAST_ROWS, np.uint8)
        self._pass: _Pass | None = None

    def take(self, reports: ReportRows, row_of: NDArray[np.int32], outcomes: NDArray[np.int8], n_rows: int) -> None:
        """The reports of one pass in the order received."""
        self._write()
        if n_rows > len(self._heads):
            self._grow(max(n_rows, 2 * len(self._heads)))
        self._pass = _Pass(reports, row_of, outcomes)

    def around(self, row: int, at_ms: int, known_ms: int) -> NDArray[np.void]:
        """As ``SeenReports``; those of a vehicle that were received in the millisecond of ``known_ms`` count."""
        parts = []
        if row < len(self._heads):
            ring = np.roll(self._rings[row], -int(self._heads[row]))
            parts.append(ring[ring["marks"] != 0])
        if self._pass is not None:
            parts.append(self._pass.of(row))
        seen = np.concatenate(parts) if parts else np.zeros(0, TRAIL)
        # What the ring would have held when the alarm was found: evidence does not depend on how batches are cut.
        return nearest(seen[received_ms(seen) <= known_ms][-TRAIL_LENGTH:], at_ms)

    def snapshot(self, n_rows: int) -> TrailState:
        """Copies of the first rows."""
        self._write()
        if n_rows > len(self._heads):
            self._grow(n_rows)
        rings = self._rings[:n_rows].copy()
        return TrailState(rings.view(np.uint8).reshape(n_rows, _RING_BYTES), self._heads[:n_rows].copy())

    def restore(self, state: TrailState) -> None:
        """Take over a snapshot; one of another layout leaves the trails empty."""
        self._pass = None
        n = len(state.heads)
        room = max(n, _LEAST_ROWS)
        self._rings = np.zeros((room, TRAIL_LENGTH), TRAIL)
        self._heads = np.zeros(room, np.uint8)
        if state.rings.shape == (n, _RING_BYTES):
            rings = np.ascontiguousarray(state.rings).reshape(-1).view(TRAIL)
            self._rings[:n] = rings.reshape(n, TRAIL_LENGTH)
            self._heads[:n] = state.heads

    def _write(self) -> None:
        if self._pass is not None:
            found, self._pass = self._pass, None
            write_rings(found.reports, found.row_of, found.outcomes, self._rings, self._heads)

    def _grow(self, rows: int) -> None:
        rings = np.zeros((rows, TRAIL_LENGTH), TRAIL)
        rings[: len(self._rings)] = self._rings
        heads = np.zeros(rows, np.uint8)
        heads[: len(self._heads)] = self._heads
        self._rings, self._heads = rings, heads


class WholeTracks:
    """The settled answer: every report of the run, so an alarm shows both sides of its begin and its end."""

    def __init__(self) -> None:
        self._passes: list[_Pass] = []

    def take(self, reports: ReportRows, row_of: NDArray[np.int32], outcomes: NDArray[np.int8], n_rows: int) -> None:
        """The reports of one pass."""
        self._passes.append(_Pass(reports, row_of, outcomes))

    def around(self, row: int, at_ms: int, known_ms: int) -> NDArray[np.void]:
        """As ``SeenReports``; at settlement everything is known."""
        parts = [one.of(row, at_ms) for one in self._passes]
        return nearest(np.concatenate(parts) if parts else np.zeros(0, TRAIL), at_ms)


class _Pass:
    """The reports of one pass, found by vehicle when they are asked for."""

    def __init__(self, reports: ReportRows, row_of: NDArray[np.int32], outcomes: NDArray[np.int8]) -> None:
        self.reports = reports
        self.row_of = row_of
        self.outcomes = outcomes
        self._order: NDArray[np.int64] | None = None
        self._sorted_rows: NDArray[np.int32] = row_of
        self._times: NDArray[np.int64] | None = None

    def of(self, row: int, at_ms: int | None = None) -> NDArray[np.void]:
        """Those of a vehicle in the order of the pass; about a moment, if one is given and they lie in fix order."""
        if self._order is None:
            self._order = np.argsort(self.row_of, kind="stable").astype(np.int64, copy=False)
            self._sorted_rows = self.row_of[self._order]
        begin, end = np.searchsorted(self._sorted_rows, [row, row + 1])
        order = self._order[begin:end]
        if at_ms is not None and len(order) > 4 * TRAIL_LENGTH:
            place = int(np.searchsorted(self._time_of()[order], at_ms))
            order = order[max(0, place - 2 * TRAIL_LENGTH) : place + 2 * TRAIL_LENGTH]
        seen = np.zeros(len(order), TRAIL)
        return seen[: write_all(self.reports, self.outcomes, order, seen)]

    def _time_of(self) -> NDArray[np.int64]:
        """When each report stands in time: its fix, or its receipt where the fix time cannot be used."""
        if self._times is None:
            untimed = self.reports["flaws"] & _TIME != 0
            self._times = np.where(untimed, self.reports["recv_ms"], self.reports["fix_ms"])
        return self._times


def nearest(seen: NDArray[np.void], at_ms: int) -> NDArray[np.void]:
    """At most ``TRAIL_LENGTH`` rows about a moment, by time: as many before as from it on, while there are both."""
    times = np.where(seen["marks"] & _TIME != 0, received_ms(seen), seen["fix_ms"])
    order = np.argsort(times, kind="stable")
    place = int(np.searchsorted(times[order], at_ms))
    after = min(TRAIL_LENGTH // 2, len(seen) - place)
    begin = max(0, place + after - TRAIL_LENGTH)
    return seen[order[begin : begin + TRAIL_LENGTH]]


def received_ms(seen: NDArray[np.void]) -> NDArray[np.int64]:
    """When each report of a trail was received; to the second where its clock is wrong by weeks."""
    unit = np.where(seen["marks"] & IN_SECONDS != 0, 1000, 1)
    received: NDArray[np.int64] = seen["fix_ms"] + seen["delay"].astype(np.int64) * unit
    return received


def flaws_of(marks: int) -> Flaw:
    """What is wrong with a report of a trail."""
    return Flaw(marks & _FLAWS)


def flags_of(marks: int) -> ReportFlag:
    """What a report of a trail states besides its numbers."""
    return ReportFlag((marks >> FLAG_SHIFT) & _FLAGS)


def outcome_of(marks: int) -> Outcome:
    """What became of a report of a trail."""
    return Outcome((marks >> OUTCOME_SHIFT) & _OUTCOMES)


def heading_of(marks: int) -> int:
    """Its heading in degrees; -1 unknown or out of range."""
    heading = (marks >> HEADING_SHIFT) & NO_HEADING
    return -1 if heading == NO_HEADING else heading
