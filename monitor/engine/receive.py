"""One report against what is known of its vehicle: contact, duplicate, order, drift, day counters.

Judged here because it depends on neighbours and the registry (Q2, Q4, Q6 and the order of Q5); format, range and fix
were judged before the journal.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from monitor.engine.edges import MAX_STEP_MS
from monitor.engine.state import PENDING_MAX
from monitor.model.beijing import DAY_MS, EARLIEST_MS, ms_of_day
from monitor.model.compiled import compiled
from monitor.model.flaw import POSITION_FLAWS, UNQUALIFIED_FLAWS, Flaw, ReportFlag
from monitor.model.geo import distance_m, from_e7, to_e7


class Outcome(IntEnum):
    """What became of a report; the label of ``vdm_reports_total``. Every report has exactly one."""

    ACCEPTED = 0
    UNTIMED = 1  # time stamp cannot be used (Q1)
    DUPLICATE = 2
    CONFLICT = 3  # duplicate with another payload (Q4)
    OUT_OF_ORDER = 4  # older than the newest: journal and archive only, until settlement
    NO_POSITION = 5  # contact, but no usable position (Q1, Q3)
    DRIFT = 6  # displaced (Q6), held back or dropped
    CONFIRMED = 7  # third consistent report at a new place


N_OUTCOMES = len(Outcome)

MOST_BEHIND_MS = 2**31 - 1
"""A time stamp is known again until 24 days behind the newest, as far as 32 bits go."""
MOST_ODOMETER_M = 2**31 - 2
"""An odometer beyond two million kilometres says nothing."""

DRIFT_KMH = 160.0
"""Implied speed that no key vehicle reaches (Q6, from the assessed range)."""
DRIFT_M = 200.0
"""Displacement below which a jump is noise (Q6)."""
MAX_DERIVED_DKMH = 10_000.0
"""A jump within a millisecond has no speed worth more digits (D)."""
NIGHT_FROM_MS = 22 * 3_600_000
NIGHT_TO_MS = 6 * 3_600_000
"""Night is 22:00-06:00 (rulebook §5.1)."""

RECEIPT_AHEAD_MS = 30 * DAY_MS
"""A stated receipt this far ahead of the engine clock is itself the wrong time (a guess: longer than any silence)."""

_EARLIEST_MS = int(EARLIEST_MS)
_BACKFILL = int(ReportFlag.BACKFILL)
_TIME = int(Flaw.TIME)
_POSITION = int(POSITION_FLAWS)
_UNQUALIFIED = int(UNQUALIFIED_FLAWS)
_SPEED = int(Flaw.SPEED)
_LONGITUDE = int(Flaw.LONGITUDE)
_LATITUDE = int(Flaw.LATITUDE)
_ALTITUDE = int(Flaw.ALTITUDE)
_DIRECTION = int(Flaw.DIRECTION)
_NO_FIX = int(Flaw.NO_FIX)
_STATUS = int(Flaw.STATUS)
_ACC_KNOWN = int(ReportFlag.ACC_KNOWN)
_ACC_ON = int(ReportFlag.ACC_ON)

_ACCEPTED = int(Outcome.ACCEPTED)
_DUPLICATE = int(Outcome.DUPLICATE)
_CONFLICT = int(Outcome.CONFLICT)
_OUT_OF_ORDER = int(Outcome.OUT_OF_ORDER)
_DRIFT = int(Outcome.DRIFT)
_CONFIRMED = int(Outcome.CONFIRMED)


@compiled
def is_jump(d: float, dt_ms: int) -> bool:
    """Q6: implied speed over 160 km/h and more than 200 m away."""
    return d > DRIFT_M and d * 3600.0 > DRIFT_KMH * dt_ms


@compiled
def acc_of(flags: int) -> int:
    """-1 unknown, 0 off, 1 on."""
    if flags & _ACC_KNOWN == 0:
        return -1
    return 1 if flags & _ACC_ON != 0 else 0


@compiled
def order_of(core: np.void, report: np.void) -> int:
    """ACCEPTED if newer than everything seen, else DUPLICATE, CONFLICT or OUT_OF_ORDER."""
    time_ms = report["fix_ms"]
    if core["time_ms"] == 0 or time_ms > core["time_ms"]:
        return _ACCEPTED
    if time_ms == core["time_ms"]:
        if time_ms == core["fix_ms"] and (report["lon_deg"] != core["lon_deg"] or report["lat_deg"] != core["lat_deg"]):
            return _CONFLICT
        return _DUPLICATE
    behind_ms = core["time_ms"] - time_ms
    if behind_ms == core["recent_1_ms"] or behind_ms == core["recent_2_ms"] or behind_ms == core["recent_3_ms"]:
        return _DUPLICATE
    return _OUT_OF_ORDER


@compiled
def note_time(core: np.void, time_ms: int) -> None:
    """Remember a new newest time stamp."""
    newer_ms = time_ms - core["time_ms"]
    core["recent_3_ms"] = behind(core["recent_2_ms"], newer_ms)
    core["recent_2_ms"] = behind(core["recent_1_ms"], newer_ms)
    core["recent_1_ms"] = newer_ms if core["time_ms"] > 0 and newer_ms <= MOST_BEHIND_MS else 0
    core["time_ms"] = time_ms


@compiled
def behind(recent_ms: int, newer_ms: int) -> int:
    """How far a time stamp lies behind one that is so much newer than the newest; 0 = none, or too far to be kept."""
    if recent_ms == 0 or newer_ms > MOST_BEHIND_MS - recent_ms:
        return 0
    return int(recent_ms + newer_ms)


@compiled
def count_report(core: np.void, flaws: int) -> None:
    """Add one report to the day counters, unqualified ones by field."""
    core["reports_total"] += 1
    if flaws & _UNQUALIFIED == 0 and core["registered"] == 1:
        core["reports_qualified"] += 1
        return
    if flaws & _TIME != 0:
        core["bad_time"] += 1
    if flaws & _LONGITUDE != 0:
        core["bad_longitude"] += 1
    if flaws & _LATITUDE != 0:
        core["bad_latitude"] += 1
    if flaws & _SPEED != 0:
        core["bad_speed"] += 1
    if flaws & _ALTITUDE != 0:
        core["bad_altitude"] += 1
    if flaws & _DIRECTION != 0:
        core["bad_direction"] += 1
    if flaws & _NO_FIX != 0:
        core["no_fix"] += 1
    if flaws & _STATUS != 0:
        core["bad_status"] += 1
    if core["registered"] != 1:
        core["not_registered"] += 1


@compiled
def measure_step(core: np.void, x: np.void) -> None:
    """Time and distance from the newest good fix to this one, once for everybody who asks."""
    if core["fix_ms"] == 0:
        x["dt_ms"] = 0
        x["distance_m"] = 0.0
    else:
        x["dt_ms"] = x["fix_ms"] - core["fix_ms"]
        x["distance_m"] = distance_m(core["lon_deg"], core["lat_deg"], x["lon_deg"], x["lat_deg"])


@compiled
def judge_place(core: np.void, x: np.void) -> int:
    """ACCEPTED, DRIFT (held back) or CONFIRMED (two are held back and this is the third consistent one).

    The step must be measured.
    """
    if not is_jump(x["distance_m"], x["dt_ms"]):
        core["n_pending"] = 0
        return _ACCEPTED
    return hold_back(core, x)


@compiled
def hold_back(core: np.void, x: np.void) -> int:
    """Keep a displaced report, unless two are held back already: DRIFT or CONFIRMED."""
    fix_ms = x["fix_ms"]
    lon = x["lon_deg"]
    lat = x["lat_deg"]
    n = core["n_pending"]
    if n > 0:
        last = core["pending"][n - 1]
        away = distance_m(from_e7(last["lon_e7"]), from_e7(last["lat_e7"]), lon, lat)
        if is_jump(away, fix_ms - last["fix_ms"]):
            n = 0
    if n == PENDING_MAX:
        return _CONFIRMED
    held = core["pending"][n]
    held["fix_ms"] = fix_ms
    held["clock_ms"] = x["clock_ms"]
    held["lon_e7"] = to_e7(lon)
    held["lat_e7"] = to_e7(lat)
    held["speed_dkmh"] = x["speed_dkmh"]
    held["driver"] = x["driver"]
    held["acc"] = x["acc"]
    held["late"] = x["late"]
    core["n_pending"] = n + 1
    core["drift_points"] += 1
    return _DRIFT


@compiled
def state_report(
    x: np.void,
    fix_ms: int,
    clock_ms: int,
    lon: float,
    lat: float,
    speed_dkmh: int,
    acc: int,
    driver: int,
    late: int,
) -> None:
    """What a report says, as the head of its step."""
    x["fix_ms"] = fix_ms
    x["clock_ms"] = clock_ms
    x["lon_deg"] = lon
    x["lat_deg"] = lat
    x["speed_dkmh"] = speed_dkmh
    x["acc"] = acc
    x["driver"] = driver
    x["late"] = late


@compiled
def state_receipt(x: np.void, report: np.void) -> None:
    """When a report was received, and how far its own time is from that."""
    x["recv_ms"] = report["recv_ms"]
    x["offset_ms"] = report["fix_ms"] - report["recv_ms"]
    x["backfill"] = report["flags"] & _BACKFILL


@compiled
def is_received(report: np.void, clock_ms: int) -> bool:
    """Whether the receipt of a report without a usable time can be believed; a payload may state nonsense there too."""
    recv_ms = report["recv_ms"]
    return bool(recv_ms >= _EARLIEST_MS and (clock_ms == 0 or recv_ms <= clock_ms + RECEIPT_AHEAD_MS))


@compiled
def state_wheels(x: np.void, mileage_m: int, recorder_dkmh: int, heading_deg: int) -> None:
    """What a report says of the wheels, and where they head; -1 unknown."""
    x["mileage_m"] = mileage_m
    x["recorder_dkmh"] = recorder_dkmh
    x["heading_deg"] = heading_deg


@compiled
def prepare_step(core: np.void, x: np.void) -> None:
    """Work out the rest of a measured step from the newest good fix."""
    x["previous_acc"] = core["acc"]
    x["previous_driver"] = core["driver"]
    in_day = ms_of_day(x["fix_ms"])
    x["night"] = 1 if (in_day >= NIGHT_FROM_MS or in_day < NIGHT_TO_MS) else 0
    motion = x["speed_dkmh"]
    if core["fix_ms"] == 0:
        x["first"] = 1
        x["previous_fix_ms"] = x["fix_ms"]
        x["previous_clock_ms"] = x["clock_ms"]
        x["previous_lon_deg"] = x["lon_deg"]
        x["previous_lat_deg"] = x["lat_deg"]
        x["previous_motion_dkmh"] = -1
    else:
        x["first"] = 0
        x["previous_fix_ms"] = core["fix_ms"]
        x["previous_clock_ms"] = core["clock_ms"]
        x["previous_lon_deg"] = core["lon_deg"]
        x["previous_lat_deg"] = core["lat_deg"]
        x["previous_motion_dkmh"] = core["speed_dkmh"]
        if motion < 0 and x["dt_ms"] > 0:
            motion = int(min(x["distance_m"] * 36_000.0 / x["dt_ms"], MAX_DERIVED_DKMH))
    x["motion_dkmh"] = motion


@compiled
def absorb_step(core: np.void, x: np.void) -> None:
    """Make the step's fix the newest good one and add its distance to the day's mileage.

    Straight-line steps count where the vehicle moved (5 km/h at either end) or went more than 100 m, so that the
    scatter of a parked receiver is no mileage. A step of more than 300 s and 2 km is incomplete (T1). The step of a
    jump is no distance driven.
    """
    dt_ms = x["dt_ms"]
    d = x["distance_m"]
    if x["first"] == 0 and x["jump"] == 0 and (d > 100.0 or x["motion_dkmh"] >= 50 or x["previous_motion_dkmh"] >= 50):
        core["mileage_m"] += d
        if not (dt_ms > 300_000 and d > 2000.0):
            core["mileage_complete_m"] += d
    if x["first"] == 0 and dt_ms <= MAX_STEP_MS:
        core["step_5_ds"] = core["step_4_ds"]
        core["step_4_ds"] = core["step_3_ds"]
        core["step_3_ds"] = core["step_2_ds"]
        core["step_2_ds"] = core["step_1_ds"]
        core["step_1_ds"] = max(1, dt_ms // 100)
    core["fix_ms"] = x["fix_ms"]
    core["clock_ms"] = x["clock_ms"]
    core["lon_deg"] = x["lon_deg"]
    core["lat_deg"] = x["lat_deg"]
    core["speed_dkmh"] = x["motion_dkmh"]
    core["shown_speed"] = 1 if x["speed_dkmh"] >= 0 else 0
    core["acc"] = x["acc"]
    if x["section"] >= 0:
        core["section"] = x["section"] + 1
    core["rival"] = x["rival"] + 1
    core["rival_nats"] = x["rival_nats"]
    if x["mileage_m"] >= 0:
        core["odometer_m"] = min(x["mileage_m"], MOST_ODOMETER_M) + 1
    if x["driver"] >= 0:
        core["driver"] = x["driver"]
