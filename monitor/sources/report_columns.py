"""The canonical columns of a position report in a file: names, forms, units and default sentinels.

The names are those other programs rely on. ``factor`` of a unit leads to the resolution of ``REPORT``:
0.1 km/h, m, degrees.
"""

from __future__ import annotations

from enum import StrEnum


class ReportColumn(StrEnum):
    """Canonical column names."""

    VEHICLE_ID = "vehicle_id"
    TERMINAL_PHONE = "terminal_phone"
    FIX_TIME = "fix_time"
    RECV_TIME = "recv_time"
    LON = "lon"
    LAT = "lat"
    SPEED = "speed_kmh"
    HEADING = "heading_deg"
    ALTITUDE = "altitude_m"
    MILEAGE = "mileage_km"
    RECORDER_SPEED = "recorder_speed_kmh"
    STATUS = "status"
    ALARM_FLAGS = "alarm_flags"
    ACC_ON = "acc_on"
    POSITIONED = "positioned"
    DRIVER_ID = "driver_id"
    BACKFILL = "backfill"
    SOURCE = "source"


IDENTITY_COLUMNS = (ReportColumn.VEHICLE_ID, ReportColumn.TERMINAL_PHONE)
"""One of these is required."""
REQUIRED_COLUMNS = (ReportColumn.FIX_TIME, ReportColumn.LON, ReportColumn.LAT)
TIME_COLUMNS = (ReportColumn.FIX_TIME, ReportColumn.RECV_TIME)

_SPEED_UNITS = {"km/h": 10.0, "0.1km/h": 1.0, "m/s": 36.0, "knots": 18.52, "mph": 16.09344}
_DEGREE_UNITS = {"deg": 1.0, "1e-6deg": 1e-6}

UNITS: dict[ReportColumn, dict[str, float]] = {
    ReportColumn.LON: _DEGREE_UNITS,
    ReportColumn.LAT: _DEGREE_UNITS,
    ReportColumn.SPEED: _SPEED_UNITS,
    ReportColumn.RECORDER_SPEED: _SPEED_UNITS,
    ReportColumn.HEADING: {"deg": 1.0},
    ReportColumn.ALTITUDE: {"m": 1.0, "ft": 0.3048},
    ReportColumn.MILEAGE: {"km": 1000.0, "m": 1.0, "0.1km": 100.0},
    ReportColumn.STATUS: {},
    ReportColumn.ALARM_FLAGS: {},
}
"""Columns of numbers and the units a mapping may declare; the first is the canonical one."""

DEFAULT_UNKNOWN: dict[ReportColumn, tuple[float, ...]] = {
    ReportColumn.SPEED: (-1.0,),
    ReportColumn.RECORDER_SPEED: (-1.0,),
    ReportColumn.HEADING: (-1.0,),
    ReportColumn.ALTITUDE: (-32_768.0,),
    ReportColumn.MILEAGE: (-1.0,),
    ReportColumn.STATUS: (-1.0,),
    ReportColumn.ALARM_FLAGS: (-1.0,),
}
"""Numbers that mean "unknown" unless a mapping says otherwise, in the unit of the file."""

BLANK_TEXTS = ("", "null", "NULL", "Null", "none", "None", "nan", "NaN", "NAN", "NA", "N/A", "n/a", "\\N")
"""Texts that mean an empty cell, in every column."""
