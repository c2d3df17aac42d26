"""Time passing without reports, as TICK records: by our own clock where receive times are ours, else by theirs.

A tick is written when something is due, else as a heartbeat, so that a pause of ours shows in the journal. Time in
which the journal takes no records (a full disk) is such a pause. After a pause the first tick is marked *resumed*, and
absence and track rules hold back (readings, Clocks).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from monitor.app.core_settings import CoreSettings
from monitor.app.reception import Reception
from monitor.errors import OperationError
from monitor.model.journal import JournalRecord, RecordType

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often the clock is looked at."""


def tick(now_ms: int, last_clock_ms: int, pause_s: float) -> JournalRecord:
    """The tick of a moment, *resumed* where the last sign of life is at least ``pause_s`` back."""
    resumed = last_clock_ms > 0 and now_ms - last_clock_ms >= pause_s * 1000
    return JournalRecord(0, RecordType.TICK, now_ms, resumed=resumed, paused_ms=last_clock_ms if resumed else 0)


class Ticker:
    """``next_due_ms`` gives the engine's next deadline (epoch ms); ``now_ms`` is the wall clock. While the clock is
    ``refused`` no time passes by it."""

    def __init__(
        self,
        reception: Reception,
        next_due_ms: Callable[[], int],
        now_ms: Callable[[], int],
        settings: CoreSettings,
        refused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._reception = reception
        self._next_due_ms = next_due_ms
        self._now_ms = now_ms
        self._settings = settings
        self._refused = refused
        self._told = False
        self._last_tick_ms = 0
        self._last_look_ms = 0

    async def run(self) -> None:
        """Tick until cancelled."""
        self._last_look_ms = self._now_ms()
        while True:
            before = self._last_look_ms, self._last_tick_ms
            record = self.wanted(self._now_ms())
            written = await self._write(record) if record is not None else not self._reception.failure
            if not written:
                # While the journal takes nothing we are away, and the tick that ends it says for how long.
                self._last_look_ms, self._last_tick_ms = before
            await asyncio.sleep(LOOK_S)

    async def _write(self, record: JournalRecord) -> bool:
        try:
            await self._reception.submit(record)
        except OperationError as error:
            if not self._told:
                log.warning("no ticks until the journal takes them: %s", error)
            self._told = True
            return False
        if record.resumed:
            log.warning("resumed after a pause of %.0f s", (record.clock_ms - record.paused_ms) / 1000)
        self._told = False
        return True

    def wanted(self, now_ms: int) -> JournalRecord | None:
        """The tick to write at ``now_ms``, if any. A clock that went back gives none until it has caught up."""
        settings = self._settings
        record = tick(now_ms, self._last_look_ms, settings.pause_s)
        self._last_look_ms = max(now_ms, self._last_look_ms)
        if self._refused():
            return None
        since_s = (now_ms - self._last_tick_ms) / 1000
        due = since_s >= settings.tick_s and self._next_due_ms() <= now_ms
        if not (record.resumed or due or since_s >= settings.heartbeat_s):
            return None
        self._last_tick_ms = now_ms
        return record


class PayloadTicker:
    """Where receive times come with the reports, time passes with them, also for vehicles that are silent: a tick when
    something is due by the journal's clock (``last_clock_ms``). Without it an absence would wait for its vehicle."""

    def __init__(self, reception: Reception, next_due_ms: Callable[[], int], last_clock_ms: Callable[[], int]) -> None:
        self._reception = reception
        self._next_due_ms = next_due_ms
        self._last_clock_ms = last_clock_ms
        self._ticked_ms = 0

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            clock_ms = self._last_clock_ms()
            if self._ticked_ms < clock_ms and self._next_due_ms() < clock_ms:
                with contextlib.suppress(OperationError):  # the journal says itself that it takes nothing
                    await self._reception.submit(JournalRecord(0, RecordType.TICK, clock_ms))
                    self._ticked_ms = clock_ms
