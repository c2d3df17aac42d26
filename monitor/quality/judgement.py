"""Q1 field range and Q3 not positioned, on whole batches."""

from __future__ import annotations

from monitor.model.beijing import DAY_MS, EARLIEST_MS
from monitor.model.compiled import compiled
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import UNKNOWN_ALTITUDE, ReportRows
from monitor.quality.settings import QualitySettings

DEFAULTS = QualitySettings()

_EARLIEST_MS = int(EARLIEST_MS)
_UNKNOWN_ALTITUDE = int(UNKNOWN_ALTITUDE)
_POSITIONED = int(ReportFlag.POSITIONED)
_TIME = int(Flaw.TIME)
_LONGITUDE = int(Flaw.LONGITUDE)
_LATITUDE = int(Flaw.LATITUDE)
_SPEED = int(Flaw.SPEED)
_ALTITUDE = int(Flaw.ALTITUDE)
_DIRECTION = int(Flaw.DIRECTION)
_NO_FIX = int(Flaw.NO_FIX)


def judge(
    rows: ReportRows, now_ms: int | None, skew_ms: int | None = None, settings: QualitySettings = DEFAULTS
) -> None:
    """Set the flaw bits of Q1 and Q3 in place; bits already set stay.

    A fix time must not lie more than the skew after the receipt or ``oldest_days`` before it, nor after ``now_ms``, nor
    before 2000-01-01 Beijing time; a receipt that a payload states must not lie after ``now_ms`` either, for it would
    move the engine's clock. ``now_ms`` is None where the payload's clock is the only one (files, simulation at N times
    real time). Unknown speed, heading and altitude are no flaws. (0, 0) is no fix and not also two coordinates out of
    range: one cause, one reason.
    """
    _judge(
        rows,
        -1 if now_ms is None else now_ms,
        round(settings.skew_s * 1_000) if skew_ms is None else skew_ms,
        round(settings.oldest_days * DAY_MS),
        settings.lon_min_deg,
        settings.lon_max_deg,
        settings.lat_min_deg,
        settings.lat_max_deg,
        round(settings.speed_max_kmh * 10),
        settings.altitude_min_m,
        settings.altitude_max_m,
        settings.heading_max_deg,
    )


@compiled
def _judge(
    rows: ReportRows,
    now_ms: int,
    skew_ms: int,
    oldest_ms: int,
    lon_min_deg: float,
    lon_max_deg: float,
    lat_min_deg: float,
    lat_max_deg: float,
    speed_max_dkmh: int,
    altitude_min_m: int,
    altitude_max_m: int,
    heading_max_deg: int,
) -> None:
    for i in range(len(rows)):
        row = rows[i]
        flaws = int(row["flaws"])
        fix_ms = int(row["fix_ms"])
        recv_ms = int(row["recv_ms"])
        if fix_ms < _EARLIEST_MS:
            flaws |= _TIME
        if recv_ms > 0 and (fix_ms > recv_ms + skew_ms or fix_ms < recv_ms - oldest_ms):
            flaws |= _TIME
        if now_ms >= 0 and (fix_ms > now_ms + skew_ms or recv_ms > now_ms + skew_ms):
            flaws |= _TIME
        if recv_ms != 0 and recv_ms < _EARLIEST_MS:
            flaws |= _TIME
        lon_deg = float(row["lon_deg"])
        lat_deg = float(row["lat_deg"])
        if (int(row["flags"]) & _POSITIONED) == 0:
            flaws |= _NO_FIX
        if lon_deg == 0.0 and lat_deg == 0.0:
            flaws |= _NO_FIX
        else:
            # Written so that NaN is out of range.
            if not (lon_min_deg <= lon_deg <= lon_max_deg):
                flaws |= _LONGITUDE
            if not (lat_min_deg <= lat_deg <= lat_max_deg):
                flaws |= _LATITUDE
        speed_dkmh = int(row["speed_dkmh"])
        if speed_dkmh > speed_max_dkmh or speed_dkmh < -1:
            flaws |= _SPEED
        altitude_m = int(row["altitude_m"])
        if altitude_m != _UNKNOWN_ALTITUDE and (altitude_m < altitude_min_m or altitude_m > altitude_max_m):
            flaws |= _ALTITUDE
        heading_deg = int(row["heading_deg"])
        if heading_deg > heading_max_deg or heading_deg < -1:
            flaws |= _DIRECTION
        row["flaws"] = flaws
