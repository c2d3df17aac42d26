"""Track gap 轨迹中断 (T1).

Between two good fixes more than 300 s apart the vehicle moved more than 2 km in a straight line. Notice; general from
20 km. From the last fix before to the first after. Standing gaps are none.

Live it is published 10 minutes after contact returns, so that backfill can fill it first: older reports that fall into
it leave the larger of the two parts.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import in_grace, new_edge
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


class TrackGapSettings(RuleSettings):
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
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("from_ms", np.int64),  # 0 = no gap waits
        ("to_ms", np.int64),
        ("due_ms", np.int64),
        ("from_lon_e7", np.int32),
        ("from_lat_e7", np.int32),
        ("to_lon_e7", np.int32),
        ("to_lat_e7", np.int32),
        ("driver", np.int32),
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
    )


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
            e["at_ms"] = min(int(x["clock_ms"]), int(state["due_ms"]))
            e["peak"] = d / 1000.0
            e["limit"] = params["distance_m"] / 1000.0
            e["distance_m"] = d
            e["grade"] = _GENERAL if d >= params["general_m"] else _NOTICE
            e["start_lon"] = from_e7(state["from_lon_e7"])
            e["start_lat"] = from_e7(state["from_lat_e7"])
            e["end_lon"] = from_e7(state["to_lon_e7"])
            e["end_lat"] = from_e7(state["to_lat_e7"])
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
    if x["dt_ms"] <= params["gap_ms"] or x["distance_m"] <= params["distance_m"]:
        return
    if params["enabled"] == 0 or x["jump"] == 1 or in_grace(x):
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
    state["driver"] = x["previous_driver"]
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
    step=step,
    late=late,
    advance=advance,
    page=__doc__,
)
