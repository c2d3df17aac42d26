"""Vehicle-day counters: what the indicators are made of, one row per vehicle and Beijing day."""

from __future__ import annotations

import numpy as np

VEHICLE_DAY = np.dtype(
    [
        ("row", np.int32),  # fleet row
        ("day", np.int32),  # Beijing day number
        ("reports_total", np.int32),
        ("reports_qualified", np.int32),
        ("bad_time", np.int32),
        ("bad_longitude", np.int32),
        ("bad_latitude", np.int32),
        ("bad_speed", np.int32),
        ("bad_altitude", np.int32),
        ("bad_direction", np.int32),
        ("no_fix", np.int32),
        ("bad_status", np.int32),
        ("not_registered", np.int32),
        ("drift_points", np.int32),
        ("drift_vehicle", np.int8),
        ("mileage_m", np.float64),
        ("mileage_complete_m", np.float64),
    ],
    align=True,
)
"""``drift_vehicle`` is 0/1 by Q7. Mileage is the sum of straight-line steps between good fixes (T1, factor 1.0)."""

COUNTERS: tuple[str, ...] = tuple(name for name in (VEHICLE_DAY.names or ()) if name not in ("row", "day"))
