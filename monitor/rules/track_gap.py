"""Track gap 轨迹中断 (T1).

Between two good fixes more than 300 s apart the vehicle moved more than 2 km in a straight line. Notice; general from
20 km. From the last fix before to the first after. Standing gaps are none.

A gap that begins and ends at the same known dead zone (a fence of kind ``dead_zone``, a tunnel) is counted and kept,
and pushed to nobody; ``push_dead_zones`` pushes it. Its kilometres are incomplete mileage all the same.

No straight line is longer than the road: a gap of more than twice what the odometer grew by, and of its last kilometre,
is a place that lies (a coordinate printed wrong) and is none. An odometer that stands still, or none, says nothing.

Live it is published 10 minutes after contact returns, so that backfill can fill it first: older reports that fall into
it leave the larger of the two parts.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.dead_zone import DEAD_ZONE_FIELDS, DeadZoneSettings
from monitor.engine.edges import in_grace, new_edge, section_mark
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import distance_m, from_e7, to_e7

_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_RETURNED = int(EndReason.CONTACT_RETURNED)
_NOTICE = int(Grade.NOTICE)
_GENERAL = int(Grade.GENERAL)

ODOMETER_STEP_M = 1000.0
"""Odometers may be whole kilometres (measured: trucks of 2018)."""
ODOMETER_SHARE = 2.0
"""An odometer may show too little by half of the way (a guess: worn tyres and wrong pulse counts are far below)."""


class TrackGapSettings(DeadZoneSettings):
    """Settings of ``track_gap``."""

    gap_s: float = Field(default=300, gt=0, description="T1: longer than this (D)")
    distance_m: float = Field(default=2000, ge=0, description="T1: further than this (D)")
    general_m: float = Field(default=20_000, gt=0, description="grade general from this (D)")
    publish_after_s: float = Field(default=600, ge=0, le=600, description="wait for backfill, live (D)")


PARAMS = np.dtype(
    [
        ("gap_ms", np.int64),
        ("distance_m", np.float64),
        ("general_m", np.float64),
        ("publish_ms", np.int64),
        ("enabled", np.int64),
        *DEAD_ZONE_FIELDS,
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("odometer_m", np.int64),  # as last stated, and one more; 0 = never
        ("from_ms", np.int64),  # 0 = no gap waits
        ("to_ms", np.int64),
        ("due_ms", np.int64),
        ("from_lon_e7", np.int32),
        ("from_lat_e7", np.int32),
        ("to_lon_e7", np.int32),
        ("to_lat_e7", np.int32),
        ("driver", np.int32),
        ("source", np.int32),  # through which the vehicle was heard of before it
        ("to_section", np.int32),  # as edges carry it
        ("late", np.int8),
        ("filled", np.int8),  # backfill has left less of it
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, TrackGapSettings)
    return (
        round(settings.gap_s * 1000),
        settings.distance_m,
        settings.general_m,
        round(settings.publish_after_s * 1000),
        int(settings.enabled),
        *settings.dead_zone_values(),
    )


@folded
def is_beyond_the_road(distance: float, driven_m: int) -> bool:
    """Whether a straight line is longer than what an odometer that moves has counted."""
    return driven_m > 0 and distance > ODOMETER_SHARE * (driven_m + ODOMETER_STEP_M)


@compiled
def publish(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """Write the waiting gap, if it is still one."""
    d = distance_m(
        from_e7(state["from_lon_e7"]),
        from_e7(state["from_lat_e7"]),
        from_e7(state["to_lon_e7"]),
        from_e7(state["to_lat_e7"]),
    )
    still = state["to_ms"] - state["from_ms"] > params["gap_ms"] and d > params["distance_m"]
    if state["filled"] == 0 or still:
        for edge in (_ONSET, _CLEAR):
            e = new_edge(out, x, code, 0, edge, state["from_ms"])
            e["driver"] = state["driver"]
            e["platform"] = state["source"] - 1
            e["at_ms"] = min(int(x["clock_ms"]), int(state["due_ms"]))
            e["peak"] = d / 1000.0
            e["limit"] = params["distance_m"] / 1000.0
            e["distance_m"] = d
            e["grade"] = _GENERAL if d >= params["general_m"] else _NOTICE
            e["start_lon"] = from_e7(state["from_lon_e7"])
            e["start_lat"] = from_e7(state["from_lat_e7"])
            e["end_lon"] = from_e7(state["to_lon_e7"])
            e["end_lat"] = from_e7(state["to_lat_e7"])
            e["end_section"] = state["to_section"]
            e["n_reports"] = 2
            e["late"] = state["late"]
            if edge == _CLEAR:
                e["end_ms"] = state["to_ms"]
                e["end_reason"] = _RETURNED
    state["from_ms"] = 0


@folded
def step(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """One accepted report: a gap before it waits for backfill, live; settled it is final."""
    if state["from_ms"] != 0 and x["clock_ms"] > state["due_ms"]:
        publish(state, params, x, out, code)
    before = state["odometer_m"]
    if x["mileage_m"] >= 0:
        state["odometer_m"] = x["mileage_m"] + 1
    if x["dt_ms"] <= params["gap_ms"] or x["distance_m"] <= params["distance_m"]:
        return
    if params["enabled"] == 0 or x["jump"] == 1 or in_grace(x):
        return
    if before > 0 and x["mileage_m"] >= 0 and is_beyond_the_road(x["distance_m"], x["mileage_m"] + 1 - before):
        return
    if state["from_ms"] != 0:
        publish(state, params, x, out, code)
    state["from_ms"] = x["previous_fix_ms"]
    state["to_ms"] = x["fix_ms"]
    state["due_ms"] = x["clock_ms"] + params["publish_ms"]
    state["from_lon_e7"] = to_e7(x["previous_lon_deg"])
    state["from_lat_e7"] = to_e7(x["previous_lat_deg"])
    state["to_lon_e7"] = to_e7(x["lon_deg"])
    state["to_lat_e7"] = to_e7(x["lat_deg"])
    state["to_section"] = section_mark(x)
    state["driver"] = x["previous_driver"]
    state["source"] = x["source"]
    state["late"] = x["late"]
    state["filled"] = 0
    if x["settled"] == 1:
        publish(state, params, x, out, code)


@compiled
def late(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """A report from inside the waiting gap leaves the larger of the two parts."""
    if state["from_ms"] == 0 or x["clock_ms"] > state["due_ms"]:
        return
    if not state["from_ms"] < x["fix_ms"] < state["to_ms"]:
        return
    state["filled"] = 1
    if x["fix_ms"] - state["from_ms"] < state["to_ms"] - x["fix_ms"]:
        state["from_ms"] = x["fix_ms"]
        state["from_lon_e7"] = to_e7(x["lon_deg"])
        state["from_lat_e7"] = to_e7(x["lat_deg"])
    else:
        state["to_ms"] = x["fix_ms"]
        state["to_lon_e7"] = to_e7(x["lon_deg"])
        state["to_lat_e7"] = to_e7(x["lat_deg"])
        state["to_section"] = section_mark(x)


@compiled
def advance(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> int:
    """Backfill had its time."""
    if state["from_ms"] == 0:
        return NEVER_MS
    if x["clock_ms"] > state["due_ms"]:
        publish(state, params, x, out, code)
        return NEVER_MS
    return int(state["due_ms"])


RULE = Rule(
    name="track_gap",
    title_zh="轨迹中断",
    title_en="Track gap",
    unit="km",
    settings=TrackGapSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("odometer_m", "from_ms"),
    step=step,
    late=late,
    advance=advance,
    page=__doc__,
)
