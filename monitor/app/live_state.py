"""The latest state of every vehicle in Redis, and what is to be told again when Redis has forgotten.

One task per Redis sink. It looks at the engine every few seconds while that rests between two records, copies what it
needs and lets go; the writing happens afterwards, so a server that hangs holds up nobody but this task.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.exceptions import RedisError

from monitor.app.detection import Detection
from monitor.app.fleet_copy import FleetCopy, Known, copied
from monitor.app.live_pipeline import LivePipeline
from monitor.errors import OperationError
from monitor.model.backoff import Backoff
from monitor.sinks.redis import RedisSink
from monitor.sinks.redis_vehicles import RedisVehicles, VehicleState
from monitor.store.database import Database
from monitor.store.told_alarms import told_alarms

log = logging.getLogger(__name__)

_TRIM_S = 600.0
"""How often old entries leave the streams (a guess)."""
_STREAMS = ("alarms", "prewarnings", "supervision", "summaries", "digests")


class LiveState:
    """Of one sink. ``look`` copies what the engine knows now; ``now_ms`` is the wall clock, for the age of entries."""

    def __init__(
        self,
        sink: RedisSink,
        look: Callable[[], Coroutine[None, None, FleetCopy]],
        database: Database,
        now_ms: Callable[[], int],
    ) -> None:
        self.name = sink.settings.name
        self.written = 0
        self.rebuilt = 0
        self.last_success_ms = 0
        self._settings = sink.settings
        self._sink = sink
        self._look = look
        self._database = database
        self._now_ms = now_ms
        self._vehicles = RedisVehicles(sink.settings)
        self._known = Known()
        self._trim_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        settings = self._settings
        backoff = Backoff(settings.backoff_first_s, settings.backoff_most_s)
        trouble = ""
        try:
            while True:
                try:
                    await self.once()
                except (RedisError, OperationError, OSError) as error:
                    wait_s = settings.every_s + backoff.next_s()
                    if str(error) != trouble:
                        log.warning("sink %s: live state: %s: %s; it is tried on", self.name, settings.address, error)
                    trouble = str(error)
                else:
                    backoff.reset()
                    wait_s, trouble = settings.every_s, ""
                await asyncio.sleep(wait_s)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of the connection; a later ``once`` makes another."""
        await self._vehicles.close()

    async def once(self) -> None:
        """Tell again what is forgotten, then what is new. Raises ``RedisError``, ``OperationError``, ``OSError``."""
        streams_lost, vehicles_lost = await self._vehicles.forgotten(self._sink.marker)
        if streams_lost:
            told = await asyncio.to_thread(told_alarms, self._database, self.name)
            before = self._sink.counts.added
            await self._sink.repeat(told)
            added = self._sink.counts.added - before
            log.info("sink %s: streams looked through, %d messages were missing", self.name, added)
        if time.monotonic() >= self._trim_s:
            streams = [f"{self._settings.prefix}:{name}" for name in _STREAMS]
            await self._vehicles.trim(streams, self._now_ms() - self._settings.stream_ttl_s * 1000)
            self._trim_s = time.monotonic() + _TRIM_S
        if self._settings.vehicles:
            now = await self._look()
            if vehicles_lost:
                await self._rebuild(now)
            else:
                await self._update(now)
        self.last_success_ms = self._now_ms()

    async def _rebuild(self, now: FleetCopy) -> None:
        self._known.forget()
        rows, _ = self._known.news(now, self._settings.vehicle_ttl_s * 1000)
        await self._vehicles.begin_whole()
        for part in self._parts(rows):
            await self._vehicles.write(self._states(now, part), whole=True)
            self.written += len(part)
        await self._vehicles.end_whole()
        # Only now: cut off in between, everything is written once more.
        self._known.tell(now, rows)
        self.rebuilt += 1
        log.info("sink %s: the state of %d vehicles written anew", self.name, len(rows))

    async def _update(self, now: FleetCopy) -> None:
        rows, gone = self._known.news(now, self._settings.vehicle_ttl_s * 1000)
        for part in self._parts(gone):
            await self._vehicles.write((), [now.keys[row] for row in part.tolist()])
            self._known.drop(part)
        for part in self._parts(rows):
            await self._vehicles.write(self._states(now, part))
            self._known.tell(now, part)
            self.written += len(part)

    def _parts(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        size = self._settings.batch
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def _states(self, now: FleetCopy, rows: NDArray[np.int64]) -> list[VehicleState]:
        return [state_of(now, row, self._settings.vehicle_ttl_s) for row in rows.tolist()]


def state_of(now: FleetCopy, row: int, ttl_s: int) -> VehicleState:
    """One vehicle as other systems see it; ``ttl_s`` counts from its last contact."""
    columns, vehicle = now.rows[row], now.vehicle(row)
    speed_dkmh, driver, acc = int(columns["speed_dkmh"]), int(columns["driver"]), int(columns["acc"])
    contact_ms, fix_ms = int(columns["contact_ms"]), int(columns["fix_ms"])
    key = now.keys[row]
    return VehicleState(
        key=key,
        status=now.status(row),
        contact_ms=contact_ms,
        fix_ms=fix_ms,
        lon_deg=float(columns["lon_deg"]),
        lat_deg=float(columns["lat_deg"]),
        speed_kmh=speed_dkmh / 10 if speed_dkmh >= 0 and fix_ms else None,
        acc_on=None if acc < 0 else acc == 1,
        ttl_s=max(ttl_s - (now.clock_ms - contact_ms) // 1000, 1),
        plate="" if vehicle is None else vehicle.plate,
        plate_color="" if vehicle is None else vehicle.plate_color.value,
        vehicle_class="" if vehicle is None else vehicle.vehicle_class.value,
        enterprise_id="" if vehicle is None else vehicle.enterprise_id,
        driver_id=now.drivers[driver] if driver >= 0 else "",
        alarms=now.alarms.get(key, ()),
    )


class LiveStates:
    """Those of all Redis sinks; their metrics go into ``registry``."""

    def __init__(
        self,
        sinks: Sequence[RedisSink],
        live: LivePipeline,
        detection: Detection,
        database: Database,
        registry: CollectorRegistry,
        now_ms: Callable[[], int],
    ) -> None:
        self._live = live
        self._detection = detection
        self.states = [LiveState(sink, self._look, database, now_ms) for sink in sinks]
        self._shown: dict[str, tuple[int, int]] = {}
        labels = ("sink",)
        self._written = Counter("vdm_live_state_written", "Vehicle states written to Redis.", labels, registry=registry)
        self._rebuilt = Counter(
            "vdm_live_state_rebuilt", "Times that all vehicle states were written anew.", labels, registry=registry
        )
        self._success = Gauge(
            "vdm_live_state_last_success_timestamp_seconds",
            "When Redis last had the state of every vehicle.",
            labels,
            registry=registry,
        )
        self.show()

    def tasks(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """One per sink."""
        return [(f"live state {state.name}", state.run()) for state in self.states]

    def show(self) -> None:
        """Running totals into the metrics."""
        for state in self.states:
            written, rebuilt = self._shown.get(state.name, (0, 0))
            self._written.labels(state.name).inc(state.written - written)
            self._rebuilt.labels(state.name).inc(state.rebuilt - rebuilt)
            self._success.labels(state.name).set(state.last_success_ms / 1000)
            self._shown[state.name] = state.written, state.rebuilt

    async def _look(self) -> FleetCopy:
        async with self._detection.at_rest:
            return await asyncio.to_thread(copied, self._live.engine, self._live.pipeline.book.open_alarms)
