"""When indicators, summaries and the key-supervision list are worked out anew, and how they get into the store.

The result is committed with a tick at the engine's own clock, so that it has an offset like everything else. It may
take at most a tenth of the time, however large the fleet.
"""

from __future__ import annotations

import asyncio
import logging
import time

from monitor.app.core_settings import SupervisionSettings
from monitor.app.detection import Detection
from monitor.app.live_pipeline import LivePipeline
from monitor.app.metrics import Metrics
from monitor.app.reception import Reception
from monitor.app.reckoning import OpenDays
from monitor.app.reckoning_process import ReckoningProcess
from monitor.errors import OperationError
from monitor.model.journal import JournalRecord, RecordType

log = logging.getLogger(__name__)

LOOK_S = 0.5
_SHARE = 10
"""A reckoning that took t waits at least this many t for the next."""


class Reckoner:
    """``lang`` is the language of reasons on the key-supervision list."""

    def __init__(
        self,
        live: LivePipeline,
        detection: Detection,
        reception: Reception,
        database_url: str,
        metrics: Metrics,
        settings: SupervisionSettings,
        lang: str,
    ) -> None:
        self._live = live
        self._detection = detection
        self._reception = reception
        self._metrics = metrics
        self._settings = settings
        self._process = ReckoningProcess(database_url, settings.entry_rules(), lang)
        self._clock_ms = 0
        self._at_s = 0.0
        self._took_s = 0.0
        self._offset = -1

    async def run(self) -> None:
        """Reckon when it is time, until cancelled."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if self._due():
                    try:
                        await self._reckon()
                    except OperationError as error:
                        log.error("no summaries this time: %s", error)
        finally:
            await self._process.close()

    def _due(self) -> bool:
        settings = self._settings
        since_s = time.monotonic() - self._at_s
        if self._detection.committed_offset <= self._offset or not self._live.engine.clock_ms:
            return False
        if self._offset >= 0 and since_s < max(settings.least_s, _SHARE * self._took_s):
            return False
        passed_ms = self._live.engine.clock_ms - self._clock_ms
        return passed_ms >= settings.every_min * 60_000 or since_s >= settings.every_min * 60

    async def _reckon(self) -> None:
        begun_s = time.monotonic()
        async with self._detection.at_rest:
            engine = self._live.engine
            rows = await asyncio.to_thread(engine.open_days)
            open_days = OpenDays(engine.clock_ms, tuple(engine.fleet.keys), rows.copy(), engine.fleet.registry)
        found = await self._process.reckon(open_days)
        record = JournalRecord(0, RecordType.TICK, open_days.clock_ms)
        await self._reception.submit(record, found.reckoning)
        for object_type, n in found.listed.items():
            self._metrics.listed.labels(object_type).set(n)
        for name, by_class in found.ratios.items():
            for vehicle_class, value in by_class.items():
                self._metrics.ratios[name].labels(vehicle_class).set(value)
        self._clock_ms = open_days.clock_ms
        self._at_s = time.monotonic()
        self._took_s = self._at_s - begun_s
        self._offset = self._reception.journal_offset
        self._metrics.reckoning_seconds.set(self._took_s)
