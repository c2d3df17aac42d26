"""A copy of what the engine knows of each vehicle now, taken while it rests, and what of it is new to somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.app.fleet_view import MOVING_DKMH, SILENT_MS
from monitor.app.metrics import STATUSES
from monitor.engine.engine import Engine
from monitor.model.alarm import Alarm
from monitor.model.beijing import day_of
from monitor.model.fleet import Registry, Vehicle

_COLUMNS = np.dtype(
    [
        ("contact_ms", np.int64),
        ("fix_ms", np.int64),
        ("lon_deg", np.float64),
        ("lat_deg", np.float64),
        ("speed_dkmh", np.int32),
        ("driver", np.int32),
        ("acc", np.int8),
        ("status", np.int8),  # position in STATUSES
    ]
)
_MOVING, _STANDING, _SILENT, _NEVER, _UNREGISTERED = range(len(STATUSES))


@dataclass(frozen=True, slots=True)
class FleetCopy:
    """One row per fleet row. ``alarms`` holds, by vehicle, the alarms that last as ``rule/grade``, sorted.

    ``registry`` is None where every vehicle counts as registered; it is in force on ``day``.
    """

    clock_ms: int
    day: int
    rows: NDArray[np.void]
    keys: Sequence[str]
    drivers: Sequence[str]
    registry: Registry | None
    alarms: dict[str, tuple[str, ...]]

    def status(self, row: int) -> str:
        """One of ``STATUSES``."""
        return STATUSES[int(self.rows["status"][row])]

    def vehicle(self, row: int) -> Vehicle | None:
        """The registry row in force."""
        return None if self.registry is None else self.registry.vehicle(self.keys[row], self.day)


def fleet_columns(n: int) -> NDArray[np.void]:
    """Rows of a copy, all zero."""
    return np.zeros(n, _COLUMNS)


def copied(engine: Engine, open_alarms: Iterable[Alarm]) -> FleetCopy:
    """To be called while the engine rests; afterwards the copy belongs to the caller."""
    fleet = engine.fleet
    core = fleet.rows[: len(fleet)]["core"]
    rows = fleet_columns(len(fleet))
    for name in ("contact_ms", "fix_ms", "lon_deg", "lat_deg", "speed_dkmh", "driver", "acc"):
        rows[name] = core[name]
    status = np.where(rows["speed_dkmh"] >= MOVING_DKMH, _MOVING, _STANDING)
    status[engine.clock_ms - rows["contact_ms"] > SILENT_MS] = _SILENT
    status[rows["contact_ms"] == 0] = _NEVER
    status[core["registered"] != 1] = _UNREGISTERED
    rows["status"] = status
    by_vehicle: dict[str, list[str]] = {}
    for alarm in open_alarms:
        if alarm.vehicle_id:
            by_vehicle.setdefault(alarm.vehicle_id, []).append(f"{alarm.rule}/{alarm.grade.word}")
    return FleetCopy(
        engine.clock_ms,
        int(day_of(engine.clock_ms)),
        rows,
        tuple(fleet.keys),
        tuple(fleet.drivers),
        fleet.registry,
        {key: tuple(sorted(words)) for key, words in by_vehicle.items()},
    )


class Known:
    """What somebody was told of each vehicle, and which vehicles are news to them."""

    def __init__(self) -> None:
        self._rows = np.zeros(0, _COLUMNS)
        self._told = np.zeros(0, np.bool_)
        self._row_of: dict[str, int] = {}
        self._alarms: dict[str, tuple[str, ...]] = {}
        self._registry: Registry | None = None
        self._day = 0

    def forget(self) -> None:
        """They know nothing any more."""
        self._told[:] = False

    def news(self, now: FleetCopy, ttl_ms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to tell of, and rows told of before whose last contact is longer ago than ``ttl_ms``."""
        n = len(now.rows)
        for row in range(len(self._row_of), n):
            self._row_of[now.keys[row]] = row
        if n > len(self._rows):
            self._rows = np.concatenate((self._rows, np.zeros(n - len(self._rows), _COLUMNS)))
            self._told = np.concatenate((self._told, np.zeros(n - len(self._told), np.bool_)))
        changed = ~self._told | (self._rows != now.rows)
        if now.registry is not self._registry or now.day != self._day:
            changed[:] = True
            self._registry, self._day = now.registry, now.day
        for key in self._alarms.keys() | now.alarms.keys():
            found = self._row_of.get(key)
            if found is not None and self._alarms.get(key) != now.alarms.get(key):
                changed[found] = True
        contact_ms = now.rows["contact_ms"]
        alive = (contact_ms > 0) & (now.clock_ms - contact_ms < ttl_ms)
        return np.flatnonzero(changed & alive), np.flatnonzero(self._told & ~alive)

    def tell(self, now: FleetCopy, rows: NDArray[np.int64]) -> None:
        """They know these rows as they are in ``now``."""
        self._rows[rows] = now.rows[rows]
        self._told[rows] = True
        for row in rows.tolist():
            key = now.keys[row]
            if key in now.alarms:
                self._alarms[key] = now.alarms[key]
            else:
                self._alarms.pop(key, None)

    def drop(self, rows: NDArray[np.int64]) -> None:
        """They know nothing of these any more."""
        self._told[rows] = False
