"""From the sources into the journal: decode, judge, write, and only then acknowledge.

One task writes. While it writes, further intakes wait, and share the next record; when too many wait, sources are not
answered any more, and their brokers hold the rest (back-pressure, nothing is dropped).

When the disk refuses (full, below its reserve, read-only, failing) what was read is kept and tried again until it is
safe; nothing of it is acknowledged before. Records of our own are refused meanwhile, so that whoever asked is told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from monitor.app.core_settings import CoreSettings
from monitor.app.metrics import Metrics
from monitor.app.work import NOTHING, Reckoning, Work
from monitor.codec.jt808 import Reassembler
from monitor.engine.batch_columns import LATE_MS
from monitor.errors import OperationError, StoreError
from monitor.model.bad_bytes import BadBytes
from monitor.model.flaw import Flaw
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, concatenate
from monitor.quality import QualitySettings, judge
from monitor.sources.decode import decode_messages
from monitor.sources.intake import Codec, Decoded, Feed, FrameSpans, Intake
from monitor.store.frame_block import ReceivedFrames
from monitor.store.frame_ring import FrameRing
from monitor.store.journal import Journal
from monitor.store.quarantine import Quarantine

log = logging.getLogger(__name__)

_TIME = int(Flaw.TIME)
_RETRY_FIRST_S = 0.2
_RETRY_MOST_S = 3.0
"""Waits between attempts while the disk refuses (guesses): soon enough after somebody made room."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    """Something to journal: an intake, or a record of our own with what is to be committed with it."""

    done: asyncio.Future[None]
    since_s: float
    intake: Intake | None = None
    record: JournalRecord | None = None
    reckoning: Reckoning = NOTHING


@dataclass(frozen=True, slots=True)
class _Read:
    """What the intakes of one round came to."""

    batch: ReportBatch | None
    rejects: list[BadBytes]
    reasons: Counter[str]
    reports: Counter[str]
    messages: Counter[str]
    unknown_fields: frozenset[tuple[str, str]]
    frames: tuple[ReceivedFrames, ...] = ()


class Reception:
    """``deliver`` is what sources call; ``submit`` is for records of our own (ticks, registry, settings)."""

    def __init__(
        self,
        journal: Journal,
        quarantine: Quarantine,
        engine_queue: asyncio.Queue[Work],
        metrics: Metrics,
        now_ms: Callable[[], int],
        settings: CoreSettings,
        quality: QualitySettings,
        frames: FrameRing | None = None,
    ) -> None:
        self.failure = ""
        self._journal = journal
        self._quarantine = quarantine
        self._queue = engine_queue
        self._metrics = metrics
        self._now_ms = now_ms
        self._settings = settings
        self._quality = quality
        self._frames = frames
        self._inbox: asyncio.Queue[_Arrived] = asyncio.Queue(settings.intake_queue)
        self._reassemblers: dict[Feed, Reassembler] = {}
        self._told: set[tuple[str, str]] = set()
        self._busy = False
        self._holding = False
        metrics.queue_capacity.labels("intake").set(settings.intake_queue)
        metrics.queue_length.labels("intake").set_function(self._inbox.qsize)

    @property
    def idle(self) -> bool:
        """Whether everything handed over is in the journal and with the engine."""
        return self._inbox.empty() and not self._busy

    @property
    def journal_offset(self) -> int:
        """Last record in the journal."""
        return self._journal.last_offset

    async def deliver(self, intake: Intake, /) -> None:
        """Returns when the intake is safe and acknowledged, however long the disk takes for it."""
        await self._handed(_Arrived(self._future(), time.monotonic(), intake=intake))

    async def submit(self, record: JournalRecord, reckoning: Reckoning = NOTHING) -> None:
        """Journal a record of our own. Raises ``OperationError``, at once while intakes wait for the disk."""
        if self._holding:
            raise OperationError(self.failure)
        await self._handed(_Arrived(self._future(), time.monotonic(), record=record, reckoning=reckoning))

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            arrived = [await self._inbox.get()]
            self._busy = True
            messages = _messages(arrived[0])
            while not self._inbox.empty() and messages < self._settings.merge_messages:
                arrived.append(self._inbox.get_nowait())
                messages += _messages(arrived[-1])
            await self._write(arrived)
            self._busy = False

    async def _handed(self, arrived: _Arrived) -> None:
        await self._inbox.put(arrived)
        await arrived.done

    def _future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    async def _write(self, arrived: list[_Arrived]) -> None:
        read = await asyncio.to_thread(self._read, [item.intake for item in arrived if item.intake is not None])
        wait_s = _RETRY_FIRST_S
        rejects = read.rejects
        while True:
            try:
                if rejects:
                    await asyncio.to_thread(self._keep, rejects)
                    rejects = []
                work = await asyncio.to_thread(self._journalled, read, arrived)
                break
            except OperationError as error:
                self._failed(error)
                arrived = _refused(arrived, error)
                self._holding = bool(arrived)
                if not arrived:
                    return
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _RETRY_MOST_S)
        if self.failure:
            log.warning("the journal takes records again; what waited for it is acknowledged now")
            self.failure = ""
        self._holding = False
        for item in arrived:
            if item.intake is not None:
                item.intake.ack()
            if not item.done.done():
                item.done.set_result(None)
        self._count(read)
        for one in work:
            await self._queue.put(one)

    def _failed(self, error: OperationError) -> None:
        """Told once; every attempt is counted."""
        self._metrics.write_failures.labels("journal").inc()
        if not self.failure:
            log.error("%s; nothing is acknowledged until it works again", error)
        self.failure = str(error)

    def _keep(self, rejects: list[BadBytes]) -> None:
        """In a thread: bad bytes into the quarantine, on disk."""
        if lacking := self._journal.reserve.lacking(sum(len(one.data) for one in rejects)):
            raise StoreError(reason=f"quarantine {self._quarantine.folder}: {lacking}")
        self._quarantine.keep(rejects)

    def _journalled(self, read: _Read, arrived: list[_Arrived]) -> list[Work]:
        """In a thread: write and sync what is good."""
        clock_ms = self._journal.last_clock_ms
        records: list[tuple[JournalRecord, _Arrived]] = []
        if read.batch is not None and len(read.batch):
            first = next(item for item in arrived if item.intake is not None)
            records.append((_reports(read.batch, clock_ms), first))
            clock_ms = records[-1][0].clock_ms
        for item in arrived:
            found = (item.record,) if item.intake is None else item.intake.records
            for record in found:
                if record is not None:
                    records.append((_clocked(record, clock_ms), item))
                    clock_ms = records[-1][0].clock_ms
        last = self._journal.append([record for record, _ in records])
        self._keep_frames(read.frames)
        first_offset = last - len(records) + 1
        return [
            Work(replace(record, offset=first_offset + n), item.since_s, item.reckoning)
            for n, (record, item) in enumerate(records)
        ]

    def _read(self, intakes: list[Intake]) -> _Read:
        """In a thread, once for each intake: messages in parts are put together here."""
        read = _Read(None, [], Counter(), Counter(), Counter(), frozenset())
        batches: list[ReportBatch] = []
        frames: list[ReceivedFrames] = []
        unknown: set[tuple[str, str]] = set()
        for intake in intakes:
            feed = intake.feed
            decoded = intake.decoded or self._decoded(intake)
            read.rejects.extend(decoded.rejects)
            read.reasons.update(decoded.outcomes)
            read.reports[feed.source] += len(decoded.batch)
            read.messages[feed.source] += intake.n_messages
            unknown.update((feed.source, name) for name in decoded.unknown_fields)
            if len(decoded.batch):
                judge(decoded.batch.rows, self._now_ms(), settings=self._quality)
                batches.append(decoded.batch)
                if decoded.spans is not None:
                    frames.append(_received(feed.source, decoded.batch, decoded.spans))
        batch = concatenate(batches) if batches else None
        return replace(read, batch=batch, unknown_fields=frozenset(unknown), frames=tuple(frames))

    def _keep_frames(self, frames: tuple[ReceivedFrames, ...]) -> None:
        """What evidence shows of a report's bytes; nothing waits for it, and nothing fails with it."""
        if self._frames is not None:
            failed = sum(not self._frames.append(one) for one in frames)
            self._metrics.write_failures.labels("frames").inc(failed)

    def _decoded(self, intake: Intake) -> Decoded:
        feed = intake.feed
        reassembler = self._reassemblers.setdefault(feed, Reassembler()) if feed.codec is Codec.JT808 else None
        return decode_messages(feed, intake.messages, reassembler=reassembler)

    def _count(self, read: _Read) -> None:
        metrics = self._metrics
        for source, n in read.reports.items():
            metrics.received.labels(source).inc(n)
        for source, n in read.messages.items():
            metrics.messages.labels(source).inc(n)
        metrics.count_rejects(read.reasons)
        metrics.quarantine_dropped.set(self._quarantine.dropped)
        metrics.journal_offset.set(self._journal.last_offset)
        if read.unknown_fields:
            metrics.unknown_fields.inc()
            for source, name in sorted(read.unknown_fields - self._told)[: 100 - len(self._told)]:
                self._told.add((source, name))
                log.warning("source %s: field %r is none of the report's, left out", source, name)
        if read.batch is not None:
            rows = read.batch.rows[read.batch.rows["flaws"] & _TIME == 0]
            lag_ms = rows["recv_ms"] - rows["fix_ms"]
            metrics.lag.observe(np.maximum(lag_ms, 0) / 1000.0)
            metrics.late.inc(int((lag_ms > LATE_MS).sum()))


def _messages(arrived: _Arrived) -> int:
    return 0 if arrived.intake is None else arrived.intake.n_messages


def _refused(arrived: list[_Arrived], error: OperationError) -> list[_Arrived]:
    """Tell those who wait for a record of our own; the intakes that are left."""
    for item in arrived:
        if item.intake is None and not item.done.done():
            item.done.set_exception(error)
    return [item for item in arrived if item.intake is not None]


def _received(source: str, batch: ReportBatch, spans: FrameSpans) -> ReceivedFrames:
    rows = batch.rows
    return ReceivedFrames(
        source,
        spans.form,
        batch.keys,
        rows["key"],
        rows["fix_ms"],
        rows["recv_ms"],
        spans.buffer,
        spans.begin,
        spans.end,
    )


def _clocked(record: JournalRecord, clock_ms: int) -> JournalRecord:
    """A record of a source or of our own; the engine clock never goes back."""
    return record if record.clock_ms >= clock_ms else replace(record, clock_ms=clock_ms)


def _reports(batch: ReportBatch, clock_ms: int) -> JournalRecord:
    """The record of a batch; its clock is the running maximum of receive times that can be trusted."""
    timed = batch.rows["recv_ms"][batch.rows["flaws"] & _TIME == 0]
    latest_ms = int(timed.max()) if len(timed) else 0
    return JournalRecord(0, RecordType.REPORTS, max(clock_ms, latest_ms), batch)
