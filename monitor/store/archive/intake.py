"""What was taken and is not yet durable: reports and records in journal order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.beijing import DAY_MS, EARLIEST_MS, OFFSET_MS
from monitor.model.flaw import Flaw
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import REPORT, ReportBatch, ReportRows
from monitor.store.archive.columns import degrees_form
from monitor.store.archive.content import Fingerprints
from monitor.store.archive.order import key_ranks, sort_order
from monitor.store.archive.part import ALL_BUCKETS, SHARED_ROWS, PartWriter
from monitor.store.archive.settings_shelf import EVENT_TYPES, SETTINGS_TYPES

LATEST_MS: Final = 4_102_416_000_000
"""2100-01-01T00:00:00+08:00. A later time is no day to keep reports under (a guess)."""
NO_DAY: Final = 0
"""Reports whose times of fix and of receipt are both unusable stand under this day number, 1 January 1970."""


def days_of(rows: ReportRows) -> NDArray[np.int64]:
    """The Beijing day that each report belongs to: that of its fix, or of its receipt where the fix is unusable."""
    fix_ms, recv_ms = rows["fix_ms"], rows["recv_ms"]
    of_fix = _usable(fix_ms) & (rows["flaws"] & int(Flaw.TIME) == 0)
    at_ms = np.where(of_fix, fix_ms, np.where(_usable(recv_ms), recv_ms, np.int64(-OFFSET_MS)))
    return (at_ms + OFFSET_MS) // DAY_MS


def _usable(at_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (at_ms >= EARLIEST_MS) & (at_ms < LATEST_MS)


class _Interned(dict[str, int]):
    """Texts numbered as they come."""

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        return number

    def numbers(self, texts: tuple[str, ...]) -> NDArray[np.int32]:
        """The number of each text; the last, index -1, says that there is none."""
        return np.append(np.fromiter(map(self.__getitem__, texts), np.int32, len(texts)), np.int32(-1))


class Intake:
    """Everything since the last flush; ``offset`` is the last record's."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.rows = 0
        self.settings: list[JournalRecord] = []
        self.events: list[JournalRecord] = []
        self._pieces: list[ReportRows] = []
        self._keys = _Interned()
        self._drivers = _Interned()
        self._sources = _Interned()

    def take(self, batch: ReportBatch, offset: int) -> None:
        if len(batch):
            rows = np.empty(len(batch), REPORT)
            _words(rows)[:] = _words(np.ascontiguousarray(batch.rows))
            rows["key"] = self._keys.numbers(batch.keys)[rows["key"]]
            rows["driver"] = self._drivers.numbers(batch.drivers)[rows["driver"]]
            rows["source"] = self._sources.numbers(batch.sources)[rows["source"]]
            self._pieces.append(rows)
            self.rows += len(rows)
        self.offset = offset

    def take_record(self, record: JournalRecord) -> None:
        if record.type in SETTINGS_TYPES:
            self.settings.append(record)
        elif record.type in EVENT_TYPES and (record.type is not RecordType.TICK or record.resumed):
            self.events.append(record)
        self.offset = record.offset

    def batch(self) -> ReportBatch:
        """The reports in journal order."""
        rows = np.empty(self.rows, REPORT)
        # Whole words are copied four times as fast as rows of fields.
        words = _words(rows)
        begin = 0
        for piece in self._pieces:
            words[begin : begin + len(piece)] = _words(piece)
            begin += len(piece)
        return ReportBatch(tuple(self._keys), rows, tuple(self._drivers), tuple(self._sources))


def _words(rows: ReportRows) -> NDArray[np.int64]:
    return rows.view(np.int64).reshape(len(rows), -1)


@dataclass(frozen=True, slots=True)
class DayRows:
    """Rows ``begin`` to before ``end`` of a sorted intake belong to ``day``."""

    day: int
    begin: int
    end: int
    fingerprint: int


class SortedIntake:
    """The reports of an intake by day, bucket, vehicle key and fix time; equals as they came."""

    def __init__(self, taken: ReportBatch, buckets: int) -> None:
        days = days_of(taken.rows)
        ranks, of_key = key_ranks(taken.keys, buckets)
        distinct, number = np.unique(days, return_inverse=True)
        order = sort_order(number * max(1, len(ranks)) + ranks[taken.rows["key"]], taken.rows["fix_ms"])
        self.batch = taken
        if order is not None:
            self.batch = ReportBatch(taken.keys, np.take(taken.rows, order), taken.drivers, taken.sources)
            days = days[order]
        self._of_key = of_key
        self._buckets = buckets
        self.form = degrees_form(self.batch.rows)
        fingerprints = Fingerprints(self.batch)
        edges = [*np.searchsorted(days, distinct).tolist(), len(days)]
        self.days = tuple(
            DayRows(day, begin, end, fingerprints.of(begin, end))
            for day, begin, end in zip(distinct.tolist(), edges[:-1], edges[1:], strict=True)
        )

    def write(self, writer: PartWriter) -> None:
        """Write everything. Raises ``OSError``."""
        for day in self.days:
            for bucket, begin, end in self._groups(day):
                rows = self.batch.rows[begin:end]
                batch = ReportBatch(self.batch.keys, rows, self.batch.drivers, self.batch.sources)
                writer.add(day.day, bucket, batch)

    def _groups(self, day: DayRows) -> Iterator[tuple[int, int, int]]:
        if day.end - day.begin <= SHARED_ROWS:
            yield ALL_BUCKETS, day.begin, day.end
            return
        of_row = self._of_key[self.batch.rows["key"][day.begin : day.end]]
        edges = (day.begin + np.searchsorted(of_row, np.arange(self._buckets + 1))).tolist()
        for bucket, (begin, end) in enumerate(itertools.pairwise(edges)):
            if end > begin:
                yield bucket, begin, end
