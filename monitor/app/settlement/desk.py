"""Settlement in the core: every night by itself, and when somebody asks; corrections into the journal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from itertools import islice

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.app.archiver import Archiver
from monitor.app.config import MonitorConfig
from monitor.app.detection import Detection
from monitor.app.live_pipeline import LivePipeline
from monitor.app.pipeline import registry_payload
from monitor.app.reception import Reception
from monitor.app.registry_watch import registry_in_force
from monitor.app.settlement.composing import Part, only, record_of, with_tail
from monitor.app.settlement.process import Question, settle_beside
from monitor.app.settlement.settler import DayReport, day_before, summary
from monitor.app.state_folder import StateFolder
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.console.settlement_words import DaySettled, SettleDays, SettlementCommand, SettlementState
from monitor.errors import CommandError, OperationError
from monitor.model.alarm import Transition
from monitor.model.beijing import MINUTE_MS, date_of, day_number, ms_of_day
from monitor.model.journal import RecordType
from monitor.store.database import Database
from monitor.store.journal import Journal

log = logging.getLogger(__name__)

_LOOK_S = 20.0
_AFTER_START_S = 600.0
"""A daemon that was away at night makes up for it, but not while it starts (a guess)."""
_CATCH_UP_S = 600.0
_TRIES = 6
"""How often a vehicle that reported meanwhile is tried again; after that the next night does it."""
_WAIT_S = 0.01
_COMMITTED_S = 60.0
_TRANSITIONS = (
    *(Transition.CONFIRMED, Transition.REVISED, Transition.MERGED, Transition.WITHDRAWN, Transition.RAISED),
)


class SettlementDesk:
    """Wired by the core. ``trusted`` says whether the clock is believed; ``wake`` that there is something to push."""

    def __init__(
        self,
        config: MonitorConfig,
        folder: StateFolder,
        live: LivePipeline,
        journal: Journal,
        database: Database,
        archiver: Archiver,
        reception: Reception,
        detection: Detection,
        now_ms: Callable[[], int],
        trusted: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        self._config = config
        self._settings = config.settlement
        self._folder = folder
        self._live = live
        self._journal = journal
        self._database = database
        self._archiver = archiver
        self._reception = reception
        self._detection = detection
        self._now_ms = now_ms
        self._trusted = trusted
        self._wake = wake
        self._busy = asyncio.Lock()
        self._night = -1
        self._asked: asyncio.Queue[SettleDays] = asyncio.Queue(1)
        self._state = SettlementState(running=False)
        self.figures = _Figures()
        self.metrics: Collector = self.figures

    def tasks(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """What runs while the core does, by name."""
        return [("settlement", self._nights()), ("settlement asked for", self._on_request())]

    def handlers(self) -> Mapping[str, Handler]:
        """What the command channel may ask."""
        return {SettlementCommand.RUN: self._run_command, SettlementCommand.STATE: self._state_command}

    async def settle(self, first: int | None, last: int, *, with_current_registry: bool = False) -> None:
        """Settle days (``first`` None: what is stale) and keep how it went in the state."""
        async with self._busy:
            number = self._state.run + 1
            self._state = SettlementState(running=True, run=number)
            begun_s = time.monotonic()
            failure = ""
            found: tuple[DayReport, ...] = ()
            try:
                found = await self._settle(first, last, with_current_registry)
            except OperationError as error:
                failure = str(error)
                log.error("settlement: %s", error)
            days = tuple(
                DaySettled(date_of(one.day), one.reports, one.alarms, one.changes, one.seconds) for one in found
            )
            self._state = SettlementState(running=False, run=number, days=days, failure=failure)
            self.figures.note(found, time.monotonic() - begun_s, failed=bool(failure))
            if found:
                self._wake()
                changes = summary(found)
                log.info("settlement: %d days, %s", len(found), dict(changes) or "no changes")

    async def _settle(self, first: int | None, last: int, with_current_registry: bool) -> tuple[DayReport, ...]:
        await self._archiver.bring_up(_CATCH_UP_S)
        current: dict[RecordType, bytes] | None = None
        if with_current_registry:
            registry = await asyncio.to_thread(registry_in_force, self._database)
            current = {RecordType.REGISTRY: registry_payload(registry)}
        question = Question(
            database_url=self._config.database,
            archive=self._folder.archive,
            archive_settings=self._config.archive,
            folder=self._folder.settled,
            settings=self._settings,
            first=first,
            last=last,
            current=current,
            clock_ms=self._journal.last_clock_ms,
        )
        return await settle_beside(question, self._tell)

    async def _tell(self, parts: tuple[Part, ...]) -> None:
        """Bring parts into the journal, and again those whose vehicles reported while that was done."""
        for part in parts:
            left: Part | None = part
            for _ in range(_TRIES):
                assert left is not None
                left = await asyncio.to_thread(self._with_tail, left)
                await self._reception.submit(record_of(left, self._journal.last_clock_ms))
                await self._committed(self._reception.journal_offset)
                right = self._live.pipeline.last_put_right
                self.figures.put_right += right.replaced
                self.figures.differed += right.differed
                left = only(left, right.passed_over)
                if left is None:
                    break
            else:
                assert left is not None
                log.info("settlement: %d vehicles report too often to be put right now", len(left.stated.keys))

    def _with_tail(self, part: Part) -> Part:
        offset, last = part.offset, self._journal.last_offset
        if offset >= last:
            return part
        return with_tail(part, islice(self._journal.read(offset + 1), last - offset))

    async def _committed(self, offset: int) -> None:
        async with asyncio.timeout(_COMMITTED_S):
            while self._detection.committed_offset < offset:  # noqa: ASYNC110  it moves with every commit
                await asyncio.sleep(_WAIT_S)

    async def _nights(self) -> None:
        if not self._settings.enabled:
            return
        hour, minute = map(int, self._settings.at.split(":"))
        due_ms = (hour * 60 + minute) * MINUTE_MS
        await asyncio.sleep(_AFTER_START_S)
        while True:
            await asyncio.sleep(_LOOK_S)
            now_ms, clock_ms = self._now_ms(), self._journal.last_clock_ms
            tonight = day_before(now_ms)
            if tonight <= self._night or ms_of_day(now_ms) < due_ms or not clock_ms or not self._trusted():
                continue
            self._night = tonight
            await self.settle(None, min(tonight, day_before(clock_ms)))

    async def _on_request(self) -> None:
        while True:
            asked = await self._asked.get()
            await self.settle(
                day_number(asked.first), day_number(asked.last), with_current_registry=asked.with_current_registry
            )

    async def _run_command(self, asked: Command) -> Reply:
        wanted = asked.read(SettleDays)
        if not self._trusted():
            message = "The clock is not believed at present, so no day counts as over; see `monitor clock`."
            raise CommandError(status=409, reason="clock_refused", message=message)
        if day_number(wanted.last) > day_before(self._now_ms()) or wanted.first > wanted.last:
            message = "Only days that are over can be settled, and the first must not be after the last."
            raise CommandError(status=422, reason="wrong_parameter", message=message)
        if self._state.running or self._asked.full():
            raise CommandError(status=409, reason="busy", message="Settlement is under way; ask again when it is done.")
        self._state = SettlementState(running=True, run=self._state.run)
        self._asked.put_nowait(wanted)
        log.info("settlement of %s to %s asked for by %s", wanted.first, wanted.last, asked.by or "command")
        return reply(self._state)

    async def _state_command(self, asked: Command) -> Reply:
        return reply(self._state)


class _Figures(Collector):
    """Metrics of settlement, read when somebody asks."""

    def __init__(self) -> None:
        self.put_right = 0
        self.differed = 0
        self._last_day = 0
        self._seconds = 0.0
        self._failures = 0
        self._changes: Counter[str] = Counter()

    def note(self, found: tuple[DayReport, ...], seconds: float, *, failed: bool) -> None:
        self._failures += failed
        self._seconds = seconds
        for one in found:
            self._last_day = max(self._last_day, one.day)
            self._changes.update(one.changes)

    def collect(self) -> Iterator[Metric]:
        gauges = {
            "vdm_settled_day": ("Last Beijing day settled since the start, as days since 1970.", float(self._last_day)),
            "vdm_settlement_seconds": ("How long the last settlement took.", self._seconds),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(name, text, value)
        yield CounterMetricFamily("vdm_settlement_failures", "Settlements that failed.", self._failures)
        yield CounterMetricFamily("vdm_settlement_vehicles", "State rows rebuilt from settled ones.", self.put_right)
        yield CounterMetricFamily("vdm_settlement_vehicles_differed", "Of those, rows that changed.", self.differed)
        changes = CounterMetricFamily("vdm_settlement_changes", "Corrections of alarms.", labels=("transition",))
        for transition in _TRANSITIONS:
            changes.add_metric((transition.value,), self._changes[transition.value])
        yield changes
