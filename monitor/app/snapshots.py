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
    ) -> None:
        self._live = live
        self._detection = detection
        self._folder = folder
        self._metrics = metrics
        self._settings = settings
        self._now_ms = now_ms
        self._offset = 0
        self._at_s = time.monotonic()

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
            if records >= self._settings.snapshot_records or (records and old):
                await self.write()

    async def write(self) -> None:
        """Write one now, unless nothing has happened since the last. What fails is logged and tried again later."""
        begun_s = time.monotonic()
        async with self._detection.at_rest:
            offset = self._detection.committed_offset
            if offset == self._offset:
                return
            state = await asyncio.to_thread(snapshot_state.save, self._live, offset)
        self._at_s = time.monotonic()
        try:
            path = await asyncio.to_thread(snapshot_state.write, self._folder.snapshots, state)
        except StoreError as error:
            self._metrics.write_failures.labels("snapshot").inc()
            log.error("%s", error)
            return
        self._offset = offset
        self._metrics.snapshot_time.set(self._now_ms() / 1000)
        self._metrics.snapshot_seconds.set(time.monotonic() - begun_s)
        self._metrics.snapshot_bytes.set(path.stat().st_size)
        log.info("snapshot at record %d, %.2f s", offset, time.monotonic() - begun_s)
