"""Hazmat hours 危货禁行时段 (N3).

Where a local ban is in force, vehicles with dangerous goods keep off the expressways at night; the law frames it within
00:00-06:00. Off by default: switch it on where it holds, for all or by enterprise, with its hours and classes of road.

A run is moving (from 5 km/h, not carried) on a known section of such a road inside the hours. Onset is its first
report, the end is its last one, or the end of the hours where the vehicle is still on the road (``window_over``). An
alarm comes once the run has lasted more than 60 s and has two reports; the value is its length in minutes, stops
included, the grade is major. An unknown road bans nobody.

A stop shorter than a rest (1,200 s), silence of less than that, and moving elsewhere for up to 180 s (a toll gate, a
service area, a fix beside the road) do not end a run. Longer moving elsewhere does, at the last report on the road.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from monitor.engine.driving import is_moving, was_moving
from monitor.engine.edges import new_edge, section_mark
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS, ms_of_day
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.fleet import VehicleClass
from monitor.model.geo import from_e7, to_e7
from monitor.model.road import RoadClass

LATENESS_MS = 300_000
"""Live, silence closes a run this long after it could go on, for reports under way (D)."""
MINUTE_MS = 60_000.0

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_WINDOW_OVER = int(EndReason.WINDOW_OVER)
_MAJOR = int(Grade.MAJOR)


class HazmatHoursSettings(RuleSettings):
    """Settings of ``hazmat_hours``."""

    enabled: bool = Field(default=False, description="whether a local ban is in force (L: frame only)")
    classes: tuple[str, ...] = Field(
        default=(VehicleClass.HAZMAT.value,), description="vehicle classes that the ban names (L)"
    )
    road_classes: tuple[str, ...] = Field(
        default=(RoadClass.EXPRESSWAY.word,), description="classes of road that the ban names (L)"
    )
    begin_s: float = Field(default=0, ge=0, lt=86_400, description="start of the hours, after midnight: 00:00 (L)")
    end_s: float = Field(
        default=21_600, gt=0, le=86_400, description="end of the hours, after the same midnight: 06:00 (L)"
    )
    hold_s: float = Field(default=60, ge=0, description="a run of longer than this (D)")
    rest_s: float = Field(default=1_200, ge=60, description="a stop or silence of this length ends a run (D, as F1)")
    elsewhere_s: float = Field(default=180, ge=0, description="moving elsewhere for longer than this ends a run (D)")

    @field_validator("classes", "road_classes")
    @classmethod
    def _known(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        known = [word.value for word in VehicleClass] + [road.word for road in RoadClass if road]
        unknown = [name for name in named if name not in known]
        if unknown:
            raise ValueError(f"no such class: {', '.join(unknown)}; known are {', '.join(known)}")
        return named

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begin_s >= self.end_s:
            raise ValueError(f"the hours must begin before they end: begin_s {self.begin_s:g}, end_s {self.end_s:g}")
        return self


PARAMS = np.dtype(
    [
        ("begin_ms", np.int64),
        ("end_ms", np.int64),
        ("hold_ms", np.int64),
        ("rest_ms", np.int64),
        ("elsewhere_ms", np.int64),
        ("roads", np.int64),  # one bit per RoadClass
        ("enabled", np.int64),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("onset_ms", np.int64),  # first report of the run; 0 = no run
        ("last_ms", np.int64),  # last one
        ("distance_m", np.float64),  # from the first to the last
        ("beyond_m", np.float64),  # since the last
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("end_lon_e7", np.int32),
        ("end_lat_e7", np.int32),
        ("start_section", np.int32),  # as edges carry it
        ("end_section", np.int32),
        ("elsewhere_ms", np.int32),  # moved elsewhere since the last
        ("n", np.int32),
        ("driver", np.int32),
        ("published", np.int8),
        ("late", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, HazmatHoursSettings)
    return (
        round(settings.begin_s * 1000),
        round(settings.end_s * 1000),
        round(settings.hold_s * 1000),
        round(settings.rest_s * 1000),
        round(settings.elsewhere_s * 1000),
        sum(1 << road for road in RoadClass if road.word in settings.road_classes),
        int(settings.enabled and facts.vehicle_class in settings.classes),
    )


@compiled
def write_edge(state: np.void, x: np.void, out: np.void, code: int, edge: int, end_ms: int) -> np.void:
    """An edge with the run's figures, were it over at ``end_ms``."""
    e = new_edge(out, x, code, 0, edge, state["onset_ms"])
    e["driver"] = state["driver"]
    e["peak"] = (end_ms - state["onset_ms"]) / MINUTE_MS
    e["distance_m"] = state["distance_m"]
    e["start_lon"] = from_e7(state["start_lon_e7"])
    e["start_lat"] = from_e7(state["start_lat_e7"])
    e["end_lon"] = from_e7(state["end_lon_e7"])
    e["end_lat"] = from_e7(state["end_lat_e7"])
    e["start_section"] = state["start_section"]
    e["end_section"] = state["end_section"]
    e["n_reports"] = state["n"]
    e["grade"] = _MAJOR
    e["late"] = state["late"]
    return e


@compiled
def end_run(state: np.void, x: np.void, out: np.void, code: int, end_ms: int, reason: int) -> None:
    """The run is over."""
    if state["published"] == 1:
        e = write_edge(state, x, out, code, _CLEAR, end_ms)
        e["end_ms"] = end_ms
        e["end_reason"] = reason
    state["onset_ms"] = 0
    state["published"] = 0


@compiled
def begin_run(state: np.void, x: np.void) -> None:
    """The first report on the road."""
    state["onset_ms"] = x["fix_ms"]
    state["distance_m"] = 0.0
    state["beyond_m"] = 0.0
    state["start_lon_e7"] = to_e7(x["lon_deg"])
    state["start_lat_e7"] = to_e7(x["lat_deg"])
    state["start_section"] = section_mark(x)
    state["n"] = 0
    state["driver"] = x["driver"]
    state["published"] = 0
    state["late"] = 0


@compiled
def go_on(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """One more report on the road."""
    state["n"] += 1
    state["last_ms"] = x["fix_ms"]
    state["distance_m"] += state["beyond_m"]
    state["beyond_m"] = 0.0
    state["elsewhere_ms"] = 0
    state["end_lon_e7"] = to_e7(x["lon_deg"])
    state["end_lat_e7"] = to_e7(x["lat_deg"])
    state["end_section"] = section_mark(x)
    if x["late"] == 1:
        state["late"] = 1
    if state["published"] == 0 and x["fix_ms"] - state["onset_ms"] > params["hold_ms"]:
        state["published"] = 1
        write_edge(state, x, out, code, _ONSET, x["fix_ms"])


@compiled
def judge_end(state: np.void, params: np.void, x: np.void, out: np.void, code: int, banned: bool, moves: bool) -> None:
    """Whether the report shows that the run was over before it."""
    last_ms = state["last_ms"]
    since = x["fix_ms"] - last_ms
    window_end_ms = last_ms - ms_of_day(last_ms) + params["end_ms"]
    still_there = last_ms == x["previous_fix_ms"]
    if params["enabled"] == 0:
        end_run(state, x, out, code, last_ms, _OVER)
    elif since >= params["rest_ms"]:
        end_run(state, x, out, code, last_ms, _DATA_ENDED if still_there else _OVER)
    elif x["fix_ms"] >= window_end_ms:
        if still_there and moves:
            end_run(state, x, out, code, window_end_ms, _WINDOW_OVER)
        else:
            end_run(state, x, out, code, last_ms, _OVER)
    elif moves and not banned and was_moving(x):
        state["elsewhere_ms"] += x["dt_ms"]
        if state["elsewhere_ms"] > params["elsewhere_ms"]:
            end_run(state, x, out, code, last_ms, _OVER)


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: is it on such a road inside the hours?"""
    running = state["onset_ms"] != 0
    if not running and (params["enabled"] == 0 or params["roads"] >> x["road_class"] & 1 == 0):
        return
    in_day = ms_of_day(x["fix_ms"])
    moves = is_moving(x["motion_dkmh"], x["acc"])
    banned = params["roads"] >> x["road_class"] & 1 == 1 and params["begin_ms"] <= in_day < params["end_ms"]
    if running:
        state["beyond_m"] += x["distance_m"]
        judge_end(state, params, x, out, code, banned, moves)
    if banned and moves and params["enabled"] == 1:
        if state["onset_ms"] == 0:
            begin_run(state, x)
        go_on(state, params, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence closes a run at its last report; at the very end a run that stands or is elsewhere is over."""
    if state["onset_ms"] == 0:
        return NEVER_MS
    left = state["last_ms"] < core["fix_ms"]
    due = core["clock_ms"] + params["rest_ms"] + LATENESS_MS
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_run(state, x, out, code, state["last_ms"], _OVER if left else _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1:
        if left:
            end_run(state, x, out, code, state["last_ms"], _OVER)
            return NEVER_MS
        if state["published"] == 1:
            write_edge(state, x, out, code, _UPDATE, state["last_ms"])
    return int(due)


RULE = Rule(
    name="hazmat_hours",
    title_zh="危货禁行时段",
    title_en="Hazmat hours",
    unit="min",
    settings=HazmatHoursSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("onset_ms",),
    step=step,
    advance=advance,
    page=__doc__,
)
