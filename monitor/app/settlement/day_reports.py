"""A day's reports from the archive, piece by piece, in the order in which settlement takes them.

A piece holds all reports of its vehicles. Vehicles are found in the archive's buckets by the key that a report came
with; one that is known by keys of several buckets (terminal, plate) is read on its own, after the buckets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.app.settled import in_fix_order
from monitor.engine.fleet_state import FleetState
from monitor.engine.receive import N_OUTCOMES
from monitor.model.flaw import Flaw
from monitor.model.journal import RecordType
from monitor.model.report import ReportBatch

_TIME = int(Flaw.TIME)


class InForce(Protocol):
    """Settings in force from ``clock_ms`` on."""

    @property
    def type(self) -> RecordType: ...
    @property
    def clock_ms(self) -> int: ...
    @property
    def payload(self) -> bytes: ...


class DayArchive(Protocol):
    """What settlement asks of the archive."""

    @property
    def buckets(self) -> int: ...
    def days(self) -> tuple[int, ...]: ...
    def version(self, day: int, /) -> str: ...
    def read(self, day: int, /, bucket: int | None = None, keys: Collection[str] | None = None) -> ReportBatch: ...
    def settings_between(self, from_ms: int, to_ms: int, /) -> Sequence[InForce]: ...


@dataclass(frozen=True, slots=True)
class InOrder:
    """Reports by vehicle and fix time, each (vehicle, fix time) once; their fleet rows; the counts of those left out by
    outcome; and the places where another vehicle begins."""

    batch: ReportBatch
    fleet_row: NDArray[np.int32]
    dropped: NDArray[np.int64]
    firsts: NDArray[np.intp]


class ScatteredError(Exception):
    """Vehicles came with keys of several buckets; ``keys`` are to be read on their own."""

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__(f"{len(keys)} keys of vehicles that came by several")
        self.keys = keys


def pieces(archive: DayArchive, day: int, fleet: FleetState, apart: Collection[str] = ()) -> Iterator[ReportBatch]:
    """The day's reports, the next piece read while one is worked on. ``fleet`` tells which keys are one vehicle.

    ``apart`` are keys that are read on their own. Raises ``ScatteredError`` where more of them should have been.
    """
    bucket_of: dict[int, int] = {}
    keys_of: dict[int, set[str]] = {}
    missed: set[int] = set()
    for bucket, whole in enumerate(_read_ahead(archive, day)):
        batch = _without(whole, apart)
        del whole
        indices = batch.rows["key"]
        begun = np.append(True, indices[1:] != indices[:-1])[: len(indices)]
        keys = [batch.keys[index] for index in dict.fromkeys(indices[begun].tolist())]
        for key, row in zip(keys, fleet.rows_of(keys).tolist(), strict=True):
            if bucket_of.setdefault(row, bucket) != bucket:
                missed.add(row)
            keys_of.setdefault(row, set()).add(key)
        if len(batch) and not missed:
            yield batch
        del batch
    if missed:
        raise ScatteredError(frozenset().union(*(keys_of[row] for row in missed)))
    if apart:
        yield archive.read(day, keys=apart)


def _read_ahead(archive: DayArchive, day: int) -> Iterator[ReportBatch]:
    with ThreadPoolExecutor(1, thread_name_prefix="archive") as reader:
        coming = reader.submit(archive.read, day, 0)
        for bucket in range(archive.buckets):
            batch = coming.result()
            if bucket + 1 < archive.buckets:
                coming = reader.submit(archive.read, day, bucket + 1)
            else:
                del coming
            yield batch
            del batch


def in_order(batch: ReportBatch, fleet: FleetState, clock_ms: int) -> InOrder:
    """A piece as settlement takes it; ``clock_ms`` stands for a receipt that is not known."""
    rows = batch.rows
    fleet_row = fleet.rows_of(batch.keys)[rows["key"]]
    untimed = rows["flaws"] & _TIME != 0
    firsts = np.append(0, np.flatnonzero(fleet_row[1:] != fleet_row[:-1]) + 1)
    rises = rows["fix_ms"][1:] > rows["fix_ms"][:-1]
    rises[firsts[1:] - 1] = True
    together = len(np.unique(fleet_row[firsts])) == len(firsts)
    if together and rises.all() and not untimed.any() and bool(np.all(rows["recv_ms"] > 0)):
        return InOrder(batch, fleet_row, np.zeros(N_OUTCOMES, np.int64), firsts)
    timed = ~untimed
    received = np.where(rows["recv_ms"] > 0, rows["recv_ms"], np.where(timed, rows["fix_ms"], clock_ms))
    ordered, fleet_row, dropped = in_fix_order(batch, fleet_row, timed, received)
    firsts = np.append(0, np.flatnonzero(fleet_row[1:] != fleet_row[:-1]) + 1)
    return InOrder(ordered, fleet_row, dropped, firsts)


def between(batch: ReportBatch, from_ms: int, to_ms: int) -> ReportBatch:
    """Reports dated (without a usable time: received) in ``[from_ms, to_ms)``; 0 and below leave that end open."""
    rows = batch.rows
    at_ms = np.where(rows["flaws"] & _TIME == 0, rows["fix_ms"], rows["recv_ms"])
    chosen = np.ones(len(rows), np.bool_)
    if from_ms > 0:
        chosen &= at_ms >= from_ms
    if to_ms > 0:
        chosen &= at_ms < to_ms
    return batch if chosen.all() else replace(batch, rows=rows[chosen])


def _without(batch: ReportBatch, apart: Collection[str]) -> ReportBatch:
    if not apart or not set(apart).intersection(batch.keys):
        return batch
    stays = np.array([key not in apart for key in batch.keys], np.bool_)
    return replace(batch, rows=batch.rows[stays[batch.rows["key"]]])
