"""Small fleets as the live state sees them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monitor.app.fleet_copy import FleetCopy, fleet_columns
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass

NOW_MS = 1_772_409_600_000
"""2026-03-02 08:00 +08:00."""
DAY = (NOW_MS + 28_800_000) // 86_400_000


def fleet(n: int, alarms: Mapping[str, tuple[str, ...]] | None = None) -> FleetCopy:
    """``n`` vehicles ``V0``, ``V1`` ... that drive east of each other, all in contact just now."""
    rows = fleet_columns(n)
    rows["contact_ms"] = NOW_MS
    rows["fix_ms"] = NOW_MS - 5_000
    rows["lon_deg"] = 100.0 + np.arange(n) / 100
    rows["lat_deg"] = 39.0
    rows["speed_dkmh"] = 600 + 10 * np.arange(n)
    rows["driver"] = -1
    rows["acc"] = 1
    return FleetCopy(NOW_MS, DAY, rows, [f"V{number}" for number in range(n)], (), _registry(n), dict(alarms or {}))


_REGISTRIES: dict[int, Registry] = {}


def _registry(n: int) -> Registry:
    """The same object for the same fleet, as the engine has it."""
    if n not in _REGISTRIES:
        _REGISTRIES[n] = Registry(
            tuple(
                Vehicle(
                    f"V{number}",
                    plate=f"甘G{number:05d}",
                    plate_color=PlateColor.YELLOW,
                    vehicle_class=VehicleClass.HAZMAT,
                    enterprise_id="E1",
                )
                for number in range(n)
            )
        )
    return _REGISTRIES[n]
