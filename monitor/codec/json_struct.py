"""The form of one JSON report, as msgspec reads and writes it."""

from __future__ import annotations

import math

import msgspec

from monitor.model.beijing import iso
from monitor.model.flaw import ReportFlag
from monitor.model.report import TERMINAL_PREFIX, UNKNOWN_ALTITUDE, ReportBatch

ABSENT = math.nan
"""Default of an absent number, so that a column converts without a look at each value. JSON itself has no NaN."""

Number = float | None
Truth = bool | float | None


class ReportStruct(msgspec.Struct, gc=False, omit_defaults=True):
    """Columns of the position report; numbers are read as float64, which holds every 32-bit word and ms exactly.

    An optional column may be absent (``ABSENT`` or an empty text) or null; both mean unknown.
    """

    fix_time: str | float
    lon: float
    lat: float
    vehicle_id: str | None = ""
    terminal_phone: str | None = ""
    speed_kmh: Number = ABSENT
    heading_deg: Number = ABSENT
    altitude_m: Number = ABSENT
    mileage_km: Number = ABSENT
    recorder_speed_kmh: Number = ABSENT
    status: Number = ABSENT
    alarm_flags: Number = ABSENT
    acc_on: Truth = ABSENT
    positioned: Truth = ABSENT
    backfill: Truth = ABSENT
    recv_time: str | float | None = ""
    driver_id: str | None = ""
    source: str | None = ""


FIELD_NAMES = ReportStruct.__struct_fields__


def structs_of(batch: ReportBatch, unix_ms: bool) -> list[ReportStruct]:
    """Reports of a batch with the columns they know."""
    reports: list[ReportStruct] = []
    for row in batch.rows:
        key = batch.keys[row["key"]]
        terminal = key.startswith(TERMINAL_PREFIX)
        flags = ReportFlag(int(row["flags"]))
        fix_ms, recv_ms = int(row["fix_ms"]), int(row["recv_ms"])
        report = ReportStruct(
            fix_time=float(fix_ms) if fix_ms == 0 else (fix_ms if unix_ms else iso(fix_ms)),
            lon=float(row["lon_deg"]),
            lat=float(row["lat_deg"]),
            positioned=ReportFlag.POSITIONED in flags,
        )
        if terminal:
            report.terminal_phone = key.removeprefix(TERMINAL_PREFIX)
        else:
            report.vehicle_id = key
        if row["speed_dkmh"] >= 0:
            report.speed_kmh = int(row["speed_dkmh"]) / 10
        if row["heading_deg"] >= 0:
            report.heading_deg = int(row["heading_deg"])
        if row["altitude_m"] != UNKNOWN_ALTITUDE:
            report.altitude_m = int(row["altitude_m"])
        if row["mileage_m"] >= 0:
            report.mileage_km = int(row["mileage_m"]) / 1000
        if row["recorder_speed_dkmh"] >= 0:
            report.recorder_speed_kmh = int(row["recorder_speed_dkmh"]) / 10
        if row["status"] >= 0:
            report.status = int(row["status"])
        if row["alarm_flags"] >= 0:
            report.alarm_flags = int(row["alarm_flags"])
        if ReportFlag.ACC_KNOWN in flags:
            report.acc_on = ReportFlag.ACC_ON in flags
        if ReportFlag.BACKFILL in flags:
            report.backfill = True
        if recv_ms:
            report.recv_time = recv_ms if unix_ms else iso(recv_ms)
        if row["driver"] >= 0:
            report.driver_id = batch.drivers[row["driver"]]
        if row["source"] >= 0:
            report.source = batch.sources[row["source"]]
        reports.append(report)
    return reports
