"""Indicator rows: counts per vehicle, enterprise, platform and region, per day or month.

Only counts are kept; each rate is derived from two of them (``supervision.rates``) and never stored alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum


class Scope(StrEnum):
    VEHICLE = "vehicle"
    ENTERPRISE = "enterprise"
    PLATFORM = "platform"
    REGION = "region"


class Period(StrEnum):
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One row. ``date`` is the day, or the first day of the month. Mileage in whole metres."""

    scope: Scope
    key: str
    period: Period
    date: date
    provisional: bool = True
    vehicles_registered: int = 0
    vehicles_joined: int = 0
    vehicles_online: int = 0
    reports_total: int = 0
    reports_qualified: int = 0
    mileage_m: int = 0
    mileage_complete_m: int = 0
    drift_points: int = 0
    vehicles_drift: int = 0
    speeding_n: int = 0
    speeding_serious_n: int = 0
    fatigue_s: int = 0
    fatigue_n: int = 0
    night_curfew_n: int = 0
    offline_n: int = 0
    alarms_n: int = 0
    alarms_handled_n: int = 0
    inquiries_n: int = 0
    inquiries_answered_n: int = 0
    link_minutes: int = 0
    link_down_minutes: int = 0
    unqualified_plate: int = 0
    unqualified_time: int = 0
    unqualified_longitude: int = 0
    unqualified_latitude: int = 0
    unqualified_speed: int = 0
    unqualified_altitude: int = 0
    unqualified_direction: int = 0
    unqualified_no_fix: int = 0
    unqualified_status: int = 0

    def record(self) -> dict[str, str | int | bool]:
        """Column name to value, dates as ISO text, in the order of ``INDICATOR_COLUMNS``."""
        out: dict[str, str | int | bool] = {}
        for name in INDICATOR_COLUMNS:
            value = getattr(self, name)
            out[name] = value.isoformat() if isinstance(value, date) else value
        return out


INDICATOR_COLUMNS: tuple[str, ...] = tuple(item.name for item in fields(Indicator))
INDICATOR_COUNTS: tuple[str, ...] = INDICATOR_COLUMNS[INDICATOR_COLUMNS.index("vehicles_registered") :]
