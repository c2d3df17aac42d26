"""Long absence 不在线 (O1-O3).

No contact for more than 24 h. One alarm per absence; its grade is the tier reached: 1 day notice, 3 days general,
7 days major, 15 days serious. Kind ``parked`` when the last reports stood still, else ``lost``. Onset 24 h after the
last contact; it ends when contact returns, or when the vehicle retires.

Absence counts from the latest of last contact, ``in_service_from`` and the day after ``suspended_to``. A registered
stop (停运, 报停), a repair and a handed-in licence exempt, each stated as ``suspended_from`` to ``suspended_to``, both
inclusive: one that begins during an absence ends it, one that is registered afterwards takes the alarm back.

``calendar`` names holidays and slack seasons by class. Inside such a span the days of an absence stand still, and no
tier is reached; the online rate counts them as ever. The value is in days as they count here.

A parked absence is pushed from 7 days on, when a person has to look into it; a lost one from the first. It runs on
receive time; after a pause of ours it holds back for 30 minutes.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.calendar import CALENDAR_FIELDS, Calendar, calendar_values, counted_between, due_after
from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import distance_m, from_e7, to_e7

PARKED, LOST = 0, 1
TIERS = 4
STILL_DKMH = 50
"""Below 5 km/h a vehicle stands (F6)."""
DAY_MS = 86_400_000.0

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_WITHDRAW = int(EdgeType.WITHDRAW)
_RETURNED = int(EndReason.CONTACT_RETURNED)
_OVER = int(EndReason.CONDITION_OVER)
_RETIRED = int(EndReason.VEHICLE_RETIRED)


class OfflineSettings(RuleSettings):
    """Settings of ``offline``."""

    tiers_days: tuple[float, float, float, float] = Field(
        default=(1.0, 3.0, 7.0, 15.0), description="O1, O2: 1 and 3 days (V), 7 and 15 days (D)"
    )
    calendar: Calendar = Field(
        default=(),
        description="holidays and slack seasons in which absence does not count, each "
        '{from = "02-16", to = "02-23", classes = ["charter_coach"]}: inclusive, with a year or for every year (D)',
    )


PARAMS = np.dtype([("tiers_ms", np.int64, (TIERS,)), ("enabled", np.int64), *CALENDAR_FIELDS], align=True)

STATE = np.dtype(
    [
        ("contact_ms", np.int64),  # last contact; 0 = never
        ("onset_ms", np.int64),  # 0 = no alarm
        ("lon_e7", np.int32),  # last known place; (0, 0) = none
        ("lat_e7", np.int32),
        ("driver", np.int32),
        ("motion_dkmh", np.int32),  # of the last positioned report
        ("tier", np.int8),  # tiers reached
        ("kind", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, OfflineSettings)
    due = facts.vehicle_class != "trailer" and facts.registered
    return (
        tuple(round(days * DAY_MS) for days in settings.tiers_days),
        int(settings.enabled and due),
        *calendar_values(settings.calendar, facts.vehicle_class),
    )


@compiled
def write_edge(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    edge: int,
    at_ms: int,
) -> np.void:
    """An edge of the absence, with the days that count up to ``at_ms``."""
    e = new_edge(out, x, code, int(state["kind"]), edge, state["onset_ms"])
    e["driver"] = state["driver"]
    e["at_ms"] = at_ms
    e["peak"] = (params["tiers_ms"][0] + counted_between(params, state["onset_ms"], at_ms)) / DAY_MS
    e["limit"] = params["tiers_ms"][0] / DAY_MS
    if state["lon_e7"] != 0 or state["lat_e7"] != 0:
        e["start_lon"] = from_e7(state["lon_e7"])
        e["start_lat"] = from_e7(state["lat_e7"])
    e["grade"] = max(0, state["tier"] - 1)
    e["late"] = 0
    return e


@compiled
def clear(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    at_ms: int,
    reason: int,
) -> None:
    """The absence is over."""
    if state["onset_ms"] != 0:
        e = write_edge(state, params, x, out, code, _CLEAR, at_ms)
        e["end_ms"] = at_ms
        e["end_reason"] = reason
    state["onset_ms"] = 0
    state["tier"] = 0


@compiled
def withdraw(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """The registry has learned of a stop that the absence began in: it was none."""
    e = write_edge(state, params, x, out, code, _WITHDRAW, x["clock_ms"])
    e["end_ms"] = state["onset_ms"]
    e["end_reason"] = _OVER
    state["onset_ms"] = 0
    state["tier"] = 0


@folded
def contact(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """The vehicle was heard of."""
    now = x["clock_ms"]
    if state["onset_ms"] != 0:
        clear(state, params, x, out, code, now, _RETURNED)
    if x["positioned"] == 1 and x["stale"] == 0:
        motion = x["speed_dkmh"]
        if motion < 0 and state["contact_ms"] != 0 and now > state["contact_ms"]:
            away = distance_m(from_e7(state["lon_e7"]), from_e7(state["lat_e7"]), x["lon_deg"], x["lat_deg"])
            motion = np.int64(min(away * 36_000.0 / (now - state["contact_ms"]), 10_000.0))
        state["motion_dkmh"] = motion
        state["lon_e7"] = to_e7(x["lon_deg"])
        state["lat_e7"] = to_e7(x["lat_deg"])
    if x["stale"] == 0:
        state["driver"] = x["driver"]
    state["contact_ms"] = now


@compiled
def advance(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> int:
    """Time passes without contact: tiers are reached one by one, each edge carrying its own moment."""
    if params["enabled"] == 0 or state["contact_ms"] == 0:
        return NEVER_MS
    now = x["clock_ms"]
    while True:
        if state["tier"] == 0:
            base_ms = max(state["contact_ms"], x["due_from_ms"])
            onset_ms = due_after(params, base_ms, params["tiers_ms"][0])
            if x["suspended_from_ms"] <= onset_ms and x["suspended_to_ms"] > base_ms:
                onset_ms = due_after(params, x["suspended_to_ms"], params["tiers_ms"][0])
        else:
            onset_ms = state["onset_ms"]
            if x["suspended_from_ms"] <= onset_ms < x["suspended_to_ms"]:
                withdraw(state, params, x, out, code)
                continue
        stop_ms = x["retired_ms"]
        reason = _RETIRED
        if onset_ms < x["suspended_from_ms"] < stop_ms:
            stop_ms = x["suspended_from_ms"]
            reason = _OVER
        while state["tier"] < TIERS:
            due_ms = due_after(params, onset_ms, params["tiers_ms"][state["tier"]] - params["tiers_ms"][0])
            if due_ms >= stop_ms:
                break
            if now <= due_ms:
                if x["final"] == 1 and state["onset_ms"] != 0:
                    write_edge(state, params, x, out, code, _UPDATE, now)
                return int(due_ms)
            if now <= x["grace_until_ms"] and due_ms > x["paused_ms"]:
                return int(x["grace_until_ms"])
            if state["tier"] == 0:
                state["onset_ms"] = onset_ms
                state["kind"] = PARKED if state["motion_dkmh"] < STILL_DKMH else LOST
                state["tier"] = 1
                write_edge(state, params, x, out, code, _ONSET, due_ms)
            else:
                state["tier"] += 1
                write_edge(state, params, x, out, code, _UPDATE, due_ms)
        if state["onset_ms"] == 0:
            return NEVER_MS
        if now < stop_ms:
            if x["final"] == 1:
                write_edge(state, params, x, out, code, _UPDATE, now)
            return int(stop_ms) - 1
        clear(state, params, x, out, code, stop_ms, reason)
        if reason == _RETIRED:
            state["contact_ms"] = 0
            return NEVER_MS
        state["contact_ms"] = stop_ms  # absence is counted anew from the end of the registered stop


RULE = Rule(
    name="offline",
    title_zh="不在线",
    title_en="Offline",
    unit="days",
    kinds=("parked", "lost"),
    settings=OfflineSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("contact_ms", "onset_ms", "lon_e7", "lat_e7", "driver", "motion_dkmh"),
    contact=contact,
    advance=advance,
    page=__doc__,
)
