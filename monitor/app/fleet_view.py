"""What the fleet does now, for the metrics: counts only."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from monitor.app.metrics import STATUSES
from monitor.engine.engine import Engine
from monitor.model.fleet import Registry, VehicleClass
from monitor.model.indicator import Indicator

SILENT_MS = 600_000
"""Without contact for this long a vehicle is silent; parked terminals report every 5 min at least (JT/T 794)."""
MOVING_DKMH = 50
"""5 km/h (rulebook: moving)."""

_RATIOS = {
    "online": ("vehicles_online", "vehicles_joined"),
    "completeness": ("mileage_complete_m", "mileage_m"),
    "conformity": ("reports_qualified", "reports_total"),
    "drift": ("vehicles_drift", "vehicles_online"),
}
_COUNTS: tuple[str, ...] = tuple(sorted({name for pair in _RATIOS.values() for name in pair}))


def status_counts(engine: Engine) -> dict[str, int]:
    """Vehicles by status, in the order of ``STATUSES``; each counts once."""
    core = engine.fleet.rows[: len(engine.fleet)]["core"]
    contact_ms = core["contact_ms"]
    stranger = core["registered"] != 1
    never = ~stranger & (contact_ms == 0)
    silent = ~stranger & ~never & (engine.clock_ms - contact_ms > SILENT_MS)
    here = ~stranger & ~never & ~silent
    moving = here & (core["speed_dkmh"] >= MOVING_DKMH)
    counts = (moving, here & ~moving, silent, never, stranger)
    return {name: int(np.count_nonzero(mask)) for name, mask in zip(STATUSES, counts, strict=True)}


def class_ratios(rows: Iterable[Indicator], registry: Registry) -> dict[str, dict[str, float]]:
    """Ratio name to vehicle class to its value, from the vehicles' rows of one day; no value where nothing counts."""
    sums: dict[tuple[VehicleClass, str], int] = {}
    for row in rows:
        vehicle = registry.vehicle(row.key)
        if vehicle is None:
            continue
        for name in _COUNTS:
            key = (vehicle.vehicle_class, name)
            sums[key] = sums.get(key, 0) + int(getattr(row, name))
    found: dict[str, dict[str, float]] = {name: {} for name in _RATIOS}
    for name, (part, whole) in _RATIOS.items():
        for vehicle_class in VehicleClass:
            total = sums.get((vehicle_class, whole), 0)
            if total:
                found[name][vehicle_class.value] = sums.get((vehicle_class, part), 0) / total
    return found
