"""The latest state of each vehicle in Redis: one hash per vehicle, and one index of their positions.

Both are a copy that can be made again at any time; they are written in batches, only for vehicles that changed, and
leave by themselves when nobody writes them any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio.client import Pipeline

from monitor.model.beijing import iso
from monitor.sinks.redis_connection import RedisConnection
from monitor.sinks.redis_marker import Marker
from monitor.sinks.redis_settings import RedisSinkSettings

_MOST_LAT_DEG = 85.05112878
"""Redis keeps positions as EPSG:3857 does: none beyond this latitude."""


@dataclass(frozen=True, slots=True)
class VehicleState:
    """One vehicle as it stands. ``fix_ms`` 0: it never had a position. ``ttl_s``: how long this is worth keeping.

    ``alarms`` are those that last, each as rule and grade.
    """

    key: str
    status: str
    contact_ms: int
    fix_ms: int
    lon_deg: float
    lat_deg: float
    speed_kmh: float | None
    acc_on: bool | None
    ttl_s: int
    plate: str = ""
    plate_color: str = ""
    vehicle_class: str = ""
    enterprise_id: str = ""
    driver_id: str = ""
    alarms: tuple[str, ...] = ()

    @property
    def on_map(self) -> bool:
        """Whether it has a position that the index takes."""
        return self.fix_ms > 0 and abs(self.lat_deg) <= _MOST_LAT_DEG and abs(self.lon_deg) <= 180

    def fields(self) -> dict[str, str]:
        """Fields of the hash; all of them every time, empty where unknown."""
        placed = self.fix_ms > 0
        return {
            "vehicle_id": self.key,
            "status": self.status,
            "contact": iso(self.contact_ms),
            "fix_time": iso(self.fix_ms) if placed else "",
            "lon": f"{self.lon_deg:.7f}" if placed else "",
            "lat": f"{self.lat_deg:.7f}" if placed else "",
            "speed_kmh": "" if self.speed_kmh is None else f"{self.speed_kmh:.1f}",
            "acc_on": "" if self.acc_on is None else str(int(self.acc_on)),
            "plate": self.plate,
            "plate_color": self.plate_color,
            "vehicle_class": self.vehicle_class,
            "enterprise_id": self.enterprise_id,
            "driver_id": self.driver_id,
            "alarms": " ".join(self.alarms),
            "alarms_n": str(len(self.alarms)),
        }


class RedisVehicles:
    """Methods raise ``RedisError`` and ``OSError``; repeating what failed does no harm.

    A whole copy is written beside the index in use and takes its place at the end, so that nothing of an earlier life
    is left in it.
    """

    def __init__(self, settings: RedisSinkSettings) -> None:
        self._settings = settings
        self._marker = Marker()
        self._connection = RedisConnection(settings, f"vdm-monitor-state-{settings.name}")

    async def forgotten(self, streams: Marker) -> tuple[bool, bool]:
        """Whether the server has forgotten what is in the streams, and the vehicles."""
        settings = self._settings
        async with self._connection.use() as client:
            stream_value, vehicle_value = await client.mget(settings.stream_marker, settings.vehicle_marker)
        return not streams.knows(stream_value), not self._marker.knows(vehicle_value)

    async def begin_whole(self) -> None:
        """A whole copy follows."""
        async with self._connection.use() as client:
            await client.delete(self._new_geo)

    async def write(self, states: Sequence[VehicleState], gone: Sequence[str] = (), *, whole: bool = False) -> None:
        """One batch; ``gone`` leave the index. ``whole``: part of a whole copy."""
        settings = self._settings
        geo = self._new_geo if whole else settings.geo
        value = "" if whole else self._marker.next()
        async with self._connection.use() as client:
            together: Pipeline = client.pipeline(transaction=False)
            for state in states:
                key = settings.vehicle(state.key)
                together.hset(key, items=[part for field in state.fields().items() for part in field])
                together.expire(key, state.ttl_s)
            placed = [part for state in states if state.on_map for part in (state.lon_deg, state.lat_deg, state.key)]
            if placed:
                together.geoadd(geo, placed)
                together.expire(geo, settings.vehicle_ttl_s)
            if gone:
                together.zrem(geo, *gone)
            if value:
                together.set(settings.vehicle_marker, value)
            await together.execute()
        if value:
            self._marker.written(value)

    async def end_whole(self) -> None:
        """The copy is whole."""
        settings = self._settings
        value = self._marker.next()
        async with self._connection.use() as client:
            together: Pipeline = client.pipeline(transaction=True)
            if await client.exists(self._new_geo):
                together.rename(self._new_geo, settings.geo)
            else:
                together.delete(settings.geo)
            together.set(settings.vehicle_marker, value)
            await together.execute()
        self._marker.written(value)

    async def trim(self, streams: Sequence[str], before_ms: int) -> None:
        """Entries of ``streams`` from before a moment leave."""
        async with self._connection.use() as client:
            for stream in streams:
                await client.xtrim(stream, minid=max(before_ms, 0), approximate=False)

    async def close(self) -> None:
        await self._connection.close()

    @property
    def _new_geo(self) -> str:
        return f"{self._settings.geo}:new"
