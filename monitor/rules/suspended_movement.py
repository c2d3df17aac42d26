"""Movement out of service 停运车辆移动 (O3).

A vehicle that is reported as out of use (停运, 报停: ``suspended_from`` to ``suspended_to``), or is retired (the days
after ``retired_on``), drives all the same: more than 1 km and at least three moving reports. Onset is the first moving
report, end the last; the value is the way in km; general. Reports dated in service are no part of it.

A report moves when it shows at least 5 km/h, or lies more than 500 m from the one before. One alarm per run of
movement: a run goes on until 1,200 s have passed since its last moving report, the rest of the driving clocks. Within
500 m of where it stood a vehicle may be moved about its yard, and a parked receiver scatters: that is no movement,
however far it adds up. What happens in a silence of more than 1,200 s is told by ``offline_displacement``. Towing
counts: where to and why is for the enterprise to say.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS, day_start_ms
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import distance_m, from_e7, to_e7

MOVING_DKMH = 50
"""Moving is at least 5 km/h (F6)."""
PATIENCE_MS = 600_000
"""Live, what is under way when a run seems over has this long to come (D, as for gaps and days)."""

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_GENERAL = int(Grade.GENERAL)


class SuspendedMovementSettings(RuleSettings):
    """Settings of ``suspended_movement``."""

    least_m: float = Field(default=1000, ge=0, description="O3: further than this (D)")
    least_reports: int = Field(default=3, ge=1, description="O3: at least this many moving reports (D)")
    yard_m: float = Field(default=500, ge=0, description="within this of its stand it has not left (D, as queueing)")
    rest_s: float = Field(default=1200, gt=0, description="a run is over this long after its last move (L, as F1)")


MOST_MS = 2**31 - 1
"""A run without a rest is never this long (24 days)."""

PARAMS = np.dtype(
    [
        ("least_m", np.float64),
        ("yard_m", np.float64),
        ("rest_ms", np.int64),
        ("least_reports", np.int64),
        ("enabled", np.int64),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("onset_ms", np.int64),  # first moving report; 0 = no run
        ("last_clock_ms", np.int64),  # engine clock at the last moving report
        ("way_m", np.float64),
        ("lasted_ms", np.int32),  # from the onset to the last moving report
        ("start_lon_e7", np.int32),  # where it stood before
        ("start_lat_e7", np.int32),
        ("end_lon_e7", np.int32),
        ("end_lat_e7", np.int32),
        ("n", np.int32),  # moving reports
        ("driver", np.int32),
        ("away", np.int8),  # it has left its yard
        ("published", np.int8),
        ("stood", np.int8),  # a report that does not move came after the last one that does
        ("late", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, SuspendedMovementSettings)
    return (
        settings.least_m,
        settings.yard_m,
        round(settings.rest_s * 1000),
        settings.least_reports,
        int(settings.enabled),
    )


@compiled
def out_of_service(core: np.void, at_ms: int) -> bool:
    """Whether the registry says that the vehicle is not in use at a moment."""
    if at_ms >= day_start_ms(core["retired_day"]):
        return True
    return bool(day_start_ms(core["suspended_from_day"]) <= at_ms < day_start_ms(core["suspended_to_day"]))


@compiled
def write_edge(state: np.void, params: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the run's figures."""
    e = new_edge(out, x, code, 0, edge, state["onset_ms"])
    e["driver"] = state["driver"]
    e["peak"] = state["way_m"] / 1000.0
    e["limit"] = params["least_m"] / 1000.0
    e["distance_m"] = state["way_m"]
    e["start_lon"] = from_e7(state["start_lon_e7"])
    e["start_lat"] = from_e7(state["start_lat_e7"])
    e["end_lon"] = from_e7(state["end_lon_e7"])
    e["end_lat"] = from_e7(state["end_lat_e7"])
    e["n_reports"] = state["n"]
    e["grade"] = _GENERAL
    e["late"] = state["late"]
    return e


@compiled
def end_run(state: np.void, params: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """The run ended at its last moving report."""
    if state["published"] == 1:
        e = write_edge(state, params, x, out, code, _CLEAR)
        e["end_ms"] = state["onset_ms"] + state["lasted_ms"]
        e["end_reason"] = reason
    state["onset_ms"] = 0
    state["published"] = 0


@compiled
def begin_run(state: np.void, x: np.void, lon_deg: float, lat_deg: float) -> None:
    """The first moving report; until then the vehicle stood at the place given."""
    state["onset_ms"] = x["fix_ms"]
    state["way_m"] = 0.0
    state["start_lon_e7"] = to_e7(lon_deg)
    state["start_lat_e7"] = to_e7(lat_deg)
    state["n"] = 0
    state["driver"] = x["driver"]
    state["away"] = 0
    state["published"] = 0
    state["late"] = 0


@compiled
def take_report(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """A report of a vehicle that is, or was once, out of service."""
    fix_ms = x["fix_ms"]
    idle = params["enabled"] == 1 and out_of_service(core, fix_ms)
    if state["onset_ms"] != 0:
        if not idle:
            end_run(state, params, x, out, code, _OVER)
        elif fix_ms - state["onset_ms"] - state["lasted_ms"] > params["rest_ms"]:
            end_run(state, params, x, out, code, _OVER if state["stood"] == 1 else _DATA_ENDED)
    if not idle:
        return
    seen = (
        x["first"] == 0
        and x["jump"] == 0
        and x["dt_ms"] <= params["rest_ms"]
        and out_of_service(core, x["previous_fix_ms"])
    )
    d = x["distance_m"] if seen else 0.0
    shown_dkmh = x["motion_dkmh"] if seen else x["speed_dkmh"]
    moves = shown_dkmh >= MOVING_DKMH or d > params["yard_m"]
    if state["onset_ms"] == 0:
        if not moves:
            return
        if seen:
            begin_run(state, x, x["previous_lon_deg"], x["previous_lat_deg"])
        else:
            begin_run(state, x, x["lon_deg"], x["lat_deg"])
    elif x["jump"] == 1 and state["away"] == 0:
        state["start_lon_e7"] = to_e7(x["lon_deg"])
        state["start_lat_e7"] = to_e7(x["lat_deg"])
    if moves or x["previous_motion_dkmh"] >= MOVING_DKMH:
        state["way_m"] += d
    state["stood"] = 0 if moves else 1
    if moves:
        state["n"] += 1
        state["lasted_ms"] = min(fix_ms - state["onset_ms"], MOST_MS)
        state["last_clock_ms"] = x["clock_ms"]
        state["end_lon_e7"] = to_e7(x["lon_deg"])
        state["end_lat_e7"] = to_e7(x["lat_deg"])
        if x["late"] == 1:
            state["late"] = 1
    if state["published"] == 1:
        return
    if state["away"] == 0:
        start_lon, start_lat = from_e7(state["start_lon_e7"]), from_e7(state["start_lat_e7"])
        if distance_m(start_lon, start_lat, x["lon_deg"], x["lat_deg"]) <= params["yard_m"]:
            return
        state["away"] = 1
    if state["n"] >= params["least_reports"] and state["way_m"] > params["least_m"]:
        state["published"] = 1
        write_edge(state, params, x, out, code, _ONSET)


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report; a run that the registry has since called lawful is left to ``advance``."""
    fix_ms = x["fix_ms"]
    if fix_ms < day_start_ms(core["suspended_from_day"]) and fix_ms < day_start_ms(core["retired_day"]):
        return
    take_report(state, params, core, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Nothing has moved for long: the run is over, whether the vehicle stands or is silent."""
    if state["onset_ms"] == 0:
        return NEVER_MS
    due = state["last_clock_ms"] + params["rest_ms"] + PATIENCE_MS
    if due > x["paused_ms"]:
        due = max(due, x["grace_until_ms"])
    if x["clock_ms"] > due:
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_run(state, params, x, out, code, _OVER if state["stood"] == 1 else _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1 and state["published"] == 1:
        write_edge(state, params, x, out, code, _UPDATE)
    return int(due)


RULE = Rule(
    name="suspended_movement",
    title_zh="停运车辆移动",
    title_en="Moved out of service",
    unit="km",
    settings=SuspendedMovementSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    step=step,
    advance=advance,
    page=__doc__,
)
