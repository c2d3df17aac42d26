"""Distances, whole 1e-7 degrees and the Beijing clock, on Python numbers."""

from __future__ import annotations

import math
from datetime import date, timedelta

EARTH_RADIUS_M = 6_371_008.8
NEVER_MS = 2**62
_RAD = math.pi / 180.0
_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0


def to_e7(degrees: float) -> int:
    return math.floor(degrees * 1e7 + 0.5)


def from_e7(degrees_e7: int) -> float:
    return degrees_e7 * 1e-7


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance; the equirectangular form for steps of less than about 20 km."""
    dlat = lat2 - lat1
    dlon = lon2 - lon1
    if dlon > 180.0:
        dlon -= 360.0
    elif dlon < -180.0:
        dlon += 360.0
    if abs(dlat) < 0.2 and abs(dlon) < 0.2:
        x = dlon * math.cos((lat1 + lat2) * (0.5 * _RAD))
        return math.sqrt(x * x + dlat * dlat) * _M_PER_DEGREE
    sin_lat = math.sin(dlat * (0.5 * _RAD))
    sin_lon = math.sin(dlon * (0.5 * _RAD))
    h = sin_lat * sin_lat + math.cos(lat1 * _RAD) * math.cos(lat2 * _RAD) * sin_lon * sin_lon
    return 2.0 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def ms_of_day(at_ms: int) -> int:
    return (at_ms + 28_800_000) % 86_400_000


def day_of(at_ms: int) -> int:
    return (at_ms + 28_800_000) // 86_400_000


def day_start_ms(day: int) -> int:
    return day * 86_400_000 - 28_800_000


def month_start_day(day: int) -> int:
    """Day number of the first of the month of a day number."""
    return day + 1 - (date(1970, 1, 1) + timedelta(days=day)).day


def next_month_day(day: int) -> int:
    return month_start_day(month_start_day(day) + 31)
