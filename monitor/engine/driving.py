"""When a vehicle is driving, standing or out of sight: what the driving clocks and the sums of driving both go by.

Driving is from 5 km/h (F6). A stop begins with the first report below it, or the last before silence, and ends with a
move, unless that is short and near (queueing). Being carried (ACC off at up to 25 km/h: ferry, tow) is standing; ACC
off above that for more than 2 minutes is unknown time. Silence within 1 km is standing; up to a rest's length with more
than 1 km it is driving; longer it is unknown, and beyond 4 h nobody guesses (readings, Driving clocks).
"""

from __future__ import annotations

import numpy as np

from monitor.engine.edges import MAX_STEP_MS
from monitor.model.compiled import compiled, folded
from monitor.model.geo import distance_m, from_e7, to_e7

MOVING_DKMH = 50
"""F6: driving from 5 km/h (D)."""
CARRIED_DKMH = 250
"""ACC off at up to 25 km/h is being carried (D)."""
CARRIED_MS = 120_000
"""ACC off above that for longer than this is unknown time (D)."""
STILL_M = 1000.0
"""Silence within this is standing (F6, D)."""
LONG_SILENCE_MS = 14_400_000
"""Silence of more than 4 h ends certain and suspected runs (D)."""
ACC_UNKNOWN = -1
"""``acc_fast_ms`` once driving with ACC off has become unknown time."""

STANDING, MOVING, UNKNOWN, SILENT = 0, 1, 2, 3
"""What a step was: see ``kind_of_step``."""
SAME, LEARNED, BEFORE, AFTER = 0, 1, 2, 3
"""Who drives, by the card of a report: see ``change_of_driver``."""

DRIVING = np.dtype(
    [
        ("rest_ms", np.int64),  # start of the current stop; 0 = driving
        ("move_ms", np.int64),  # start of a move that may not end the stop; 0 = none
        ("acc_fast_ms", np.int64),  # start of driving with ACC off above 25 km/h; 0 = none, or ACC_UNKNOWN
        ("stop_lon_e7", np.int32),
        ("stop_lat_e7", np.int32),
        ("driver", np.int32),  # 1 + index; 0 = unknown
        ("rested", np.int8),  # the current stop is long enough to be a rest
        ("unnamed", np.int8),  # a stop has passed since the driver was last named
    ],
    align=True,
)
"""What is known of one vehicle's driving; each rule that asks keeps its own."""


@compiled
def is_moving(motion_dkmh: int, acc: int) -> bool:
    """F6: at or above 5 km/h, and not carried."""
    return motion_dkmh >= MOVING_DKMH and not (acc == 0 and motion_dkmh <= CARRIED_DKMH)


@compiled
def was_moving(x: np.void) -> bool:
    """Whether the report before was moving; where it had no speed, whether this one is."""
    if x["previous_motion_dkmh"] < 0:
        return is_moving(x["motion_dkmh"], x["acc"])
    return is_moving(x["previous_motion_dkmh"], x["previous_acc"])


@compiled
def stop_here(driving: np.void, at_ms: int, lon: float, lat: float) -> None:
    """Begin a stop, if there is none."""
    if driving["rest_ms"] == 0:
        driving["rest_ms"] = at_ms
        driving["stop_lon_e7"] = to_e7(lon)
        driving["stop_lat_e7"] = to_e7(lat)
        driving["rested"] = 0


@compiled
def leave_stop(driving: np.void) -> None:
    """There is no stop any more."""
    driving["rest_ms"] = 0
    driving["move_ms"] = 0
    driving["rested"] = 0


@folded
def begin(driving: np.void, x: np.void) -> None:
    """The first report."""
    driving["driver"] = x["driver"] + 1
    driving["unnamed"] = 0
    if not is_moving(x["motion_dkmh"], x["acc"]):
        stop_here(driving, x["fix_ms"], x["lon_deg"], x["lat_deg"])


@folded
def change_of_driver(driving: np.void, x: np.void) -> int:
    """What the report's card says of who drives, to be asked once per step and before it is added to anything.

    ``SAME``; ``LEARNED``: a first card, whose driver is put down here; ``BEFORE``: another took over at a stop, and
    drives since the report before; ``AFTER``: another took over at a stop at which no card was named, and drives from
    this report on. The caller puts down who took over (``take_over``). Another card without a stop between is no change
    (readings: a card change counts only at a stop), nor is the same card out and in.
    """
    if x["driver"] < 0 and (driving["driver"] == 0 or driving["unnamed"] == 1):
        return SAME
    if x["driver"] + 1 == driving["driver"]:
        driving["unnamed"] = 0
        return SAME
    if driving["driver"] == 0:
        driving["driver"] = x["driver"] + 1
        return LEARNED
    stopped = not was_moving(x) or x["dt_ms"] > MAX_STEP_MS
    if x["driver"] < 0:
        driving["unnamed"] = 1 if stopped else 0
        return SAME
    if stopped:
        return BEFORE
    return AFTER if driving["unnamed"] == 1 else SAME


@compiled
def take_over(driving: np.void, x: np.void) -> None:
    """The report's driver drives."""
    driving["driver"] = x["driver"] + 1
    driving["unnamed"] = 0


@compiled
def last_seen_driving_ms(driving: np.void, fix_ms: int) -> int:
    """Start of the stop before silence, else the last report, whose time is given."""
    return int(driving["rest_ms"]) if driving["rest_ms"] != 0 else fix_ms


@folded
def kind_of_step(rest_ms: int, x: np.void) -> int:
    """STANDING, MOVING, UNKNOWN (silence longer than a rest), or SILENT (longer than 4 h), each with more than 1 km."""
    dt_ms = x["dt_ms"]
    d = x["distance_m"]
    carried = x["previous_acc"] == 0 and x["acc"] == 0 and d * 36_000.0 <= CARRIED_DKMH * np.float64(dt_ms)
    if dt_ms <= MAX_STEP_MS:
        if was_moving(x) or (d > STILL_M and not carried and x["jump"] == 0):
            return MOVING
        return STANDING
    if d <= STILL_M or carried:
        return STANDING
    if dt_ms <= rest_ms:
        return MOVING
    if dt_ms <= LONG_SILENCE_MS:
        return UNKNOWN
    return SILENT


@folded
def stand(driving: np.void, rest_ms: int, x: np.void) -> bool:
    """The step was standing: the stop goes on; whether it has just become a rest."""
    stop_here(driving, x["previous_fix_ms"], x["previous_lon_deg"], x["previous_lat_deg"])
    driving["move_ms"] = 0
    driving["acc_fast_ms"] = 0
    if driving["rested"] == 0 and x["fix_ms"] - driving["rest_ms"] >= rest_ms:
        driving["rested"] = 1
        return True
    return False


@folded
def driving_since_ms(driving: np.void, queue_ms: int, queue_m: float, x: np.void) -> int:
    """The step was a move: since when it is driving, or 0 while it is too short and near to end the stop."""
    from_ms = x["previous_fix_ms"]
    if driving["rest_ms"] == 0:
        return int(from_ms)
    if driving["move_ms"] == 0:
        driving["move_ms"] = from_ms
    begun_ms = driving["move_ms"]
    stop_lon = from_e7(driving["stop_lon_e7"])
    stop_lat = from_e7(driving["stop_lat_e7"])
    away = distance_m(stop_lon, stop_lat, x["lon_deg"], x["lat_deg"])
    if x["fix_ms"] - begun_ms < queue_ms and away <= queue_m:
        return 0
    leave_stop(driving)
    return int(begun_ms)


@folded
def contradicts_acc(x: np.void, carried_dkmh: int) -> bool:
    """Whether the step begins with ACC off at a speed that nothing is carried at; an unknown ACC says nothing."""
    return bool(x["previous_acc"] == 0 and x["previous_motion_dkmh"] > carried_dkmh)


@folded
def certain_until_ms(driving: np.void, from_ms: int, x: np.void) -> int:
    """Until when driving from ``from_ms`` to this report is certain.

    This report's time; or ``from_ms`` while ACC contradicts; or, when it has just done so for too long, the moment
    since when, which may lie before ``from_ms``.
    """
    if not contradicts_acc(x, CARRIED_DKMH):
        driving["acc_fast_ms"] = 0
        return int(x["fix_ms"])
    if driving["acc_fast_ms"] == ACC_UNKNOWN:
        return from_ms
    if driving["acc_fast_ms"] == 0:
        driving["acc_fast_ms"] = from_ms
    begun_ms = driving["acc_fast_ms"]
    if x["fix_ms"] - begun_ms > CARRIED_MS:
        driving["acc_fast_ms"] = ACC_UNKNOWN
        return int(begun_ms)
    return int(x["fix_ms"])


@compiled
def least_driving_ms(cap_kmh: float, x: np.void) -> int:
    """How much of a silence was driving at least: the way at the class cap."""
    return int(np.int64(x["distance_m"] * 3600.0 / cap_kmh))


@folded
def come_to_rest(driving: np.void, x: np.void) -> None:
    """After the step: a report that does not move begins a stop, or ends a move inside one."""
    if not is_moving(x["motion_dkmh"], x["acc"]):
        stop_here(driving, x["fix_ms"], x["lon_deg"], x["lat_deg"])
        driving["move_ms"] = 0
