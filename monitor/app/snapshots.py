"""When a snapshot is written: after so many records or so much time, and at the end; off the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from monitor.app import snapshot_state
from monitor.app.core_settings import CoreSettings
from monitor.app.detection import Detection
from monitor.app.live_pipeline import LivePipeline
from monitor.app.metrics import Metrics
from monitor.app.state_folder import StateFolder
from monitor.errors import StoreError
from monitor.store.free_space import Reserve

log = logging.getLogger(__name__)

LOOK_S = 1.0


class Snapshots:
    """Watches how far the engine has come since the last snapshot. ``now_ms`` is the wall clock, for the metric."""

    def __init__(
        self,
        live: LivePipeline,
        detection: Detection,
        folder: StateFolder,
        metrics: Metrics,
        settings: CoreSettings,
        now_ms: Callable[[], int],
        known: Callable[[], snapshot_state.Known] = snapshot_state.Known,
        reserve: Reserve | None = None,
    ) -> None:
        self._live = live
        self._detection = detection
        self._folder = folder
        self._metrics = metrics
        self._settings = settings
        self._now_ms = now_ms
        self._known = known
        self._reserve = reserve
        self._bytes = 0
        self._offset = 0
        self._at_s = time.monotonic()
        self._failed = ""

    def begin(self, offset: int) -> None:
        """The last snapshot lies at ``offset``; 0 if there is none."""
        self._offset = offset
        self._at_s = time.monotonic()

    async def run(self) -> None:
        """Write when it is time, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            records = self._detection.committed_offset - self._offset
            old = time.monotonic() - self._at_s >= self._settings.snapshot_s
            many = records >= self._settings.snapshot_records and not self._failed
            if many or (records and old):
                await self.write()

    async def write(self) -> None:
        """Write one now, unless nothing has happened since the last. What fails is logged and tried again later."""
        begun_s = time.monotonic()
        lacking = self._reserve.lacking(self._bytes) if self._reserve is not None else ""
        if lacking:
            self._at_s = begun_s
            self._give_up(f"no snapshot is written: {lacking}")
            return
        known = self._known()  # before the offset: what it names is in the journal by then
        async with self._detection.at_rest:
            offset = self._detection.committed_offset
            if offset == self._offset:
                return
            state = await asyncio.to_thread(snapshot_state.save, self._live, offset, known)
        self._at_s = time.monotonic()
        try:
            path = await asyncio.to_thread(snapshot_state.write, self._folder.snapshots, state)
        except StoreError as error:
            self._give_up(str(error))
            return
        self._failed = ""
        self._offset = offset
        self._metrics.snapshot_time.set(self._now_ms() / 1000)
        self._metrics.snapshot_seconds.set(time.monotonic() - begun_s)
        self._bytes = path.stat().st_size
        self._metrics.snapshot_bytes.set(self._bytes)
        log.info("snapshot at record %d, %.2f s", offset, time.monotonic() - begun_s)

    def _give_up(self, reason: str) -> None:
        """Told once until one is written; a restart then reads more of the journal, and that is all."""
        self._metrics.write_failures.labels("snapshot").inc()
        if not self._failed:
            log.error("%s; again in %.0f s", reason, self._settings.snapshot_s)
        self._failed = reason
