"""Time passing without reports, as TICK records; only where a source's receive time is our own clock.

A tick is written when something is due, else as a heartbeat, so that a pause of ours shows in the journal. After a
pause the first tick is marked *resumed*, and absence and track rules hold back (readings, Clocks).
"""

from __future__ import annotations

import asyncio
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
    """``next_due_ms`` gives the engine's next deadline (epoch ms); ``now_ms`` is the wall clock."""

    def __init__(
        self,
        reception: Reception,
        next_due_ms: Callable[[], int],
        now_ms: Callable[[], int],
        settings: CoreSettings,
    ) -> None:
        self._reception = reception
        self._next_due_ms = next_due_ms
        self._now_ms = now_ms
        self._settings = settings
        self._last_tick_ms = 0
        self._last_look_ms = 0

    async def run(self) -> None:
        """Tick until cancelled."""
        self._last_look_ms = self._now_ms()
        while True:
            record = self.wanted(self._now_ms())
            if record is not None:
                if record.resumed:
                    log.warning("resumed after a pause of %.0f s", (record.clock_ms - record.paused_ms) / 1000)
                try:
                    await self._reception.submit(record)
                except OperationError as error:
                    log.warning("no tick: %s", error)
            await asyncio.sleep(LOOK_S)

    def wanted(self, now_ms: int) -> JournalRecord | None:
        """The tick to write at ``now_ms``, if any. A clock that went back gives none until it has caught up."""
        settings = self._settings
        record = tick(now_ms, self._last_look_ms, settings.pause_s)
        self._last_look_ms = max(now_ms, self._last_look_ms)
        since_s = (now_ms - self._last_tick_ms) / 1000
        due = since_s >= settings.tick_s and self._next_due_ms() <= now_ms
        if not (record.resumed or due or since_s >= settings.heartbeat_s):
            return None
        self._last_tick_ms = now_ms
        return record
