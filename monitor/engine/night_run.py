"""Runs of moving inside a window of the night, as the curfew of coaches reads them: for each rule that asks for one.

A rule puts ``RUN_FIELDS`` into its state and ``WINDOW_FIELDS`` into its parameters. A run goes over short stops, which
are not counted; it ends with a longer stop, with time out of sight, and at the window's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from monitor.engine.driving import MOVING, STANDING, is_moving
from monitor.engine.edges import MAX_STEP_MS, section_mark
from monitor.engine.rule import RuleSettings, Value
from monitor.engine.state import NO_DAY
from monitor.model.alarm import EndReason
from monitor.model.beijing import day_number, ms_of_day
from monitor.model.compiled import compiled
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.geo import from_e7, to_e7

BRIDGED_MS = 1_200_000
"""Silence of at most this with more than 1 km moved is driving (F6, D)."""
SILENCE_MS = 1_500_000
"""Live, silence closes a run after this: the longest that can be bridged and 5 minutes for reports under way (D)."""
MINUTE_MS = 60_000.0

_GOES_ON = 0
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_WINDOW_OVER = int(EndReason.WINDOW_OVER)

RUN_FIELDS = [
    ("from_ms", np.int64),  # start of the run inside the window; 0 = no run
    ("last_ms", np.int64),  # end of its last piece of moving
    ("distance_m", np.float64),
    ("moving_ms", np.int32),
    ("start_lon_e7", np.int32),
    ("start_lat_e7", np.int32),
    ("end_lon_e7", np.int32),
    ("end_lat_e7", np.int32),
    ("n", np.int32),
    ("driver", np.int32),
    ("start_section", np.int32),  # as edges carry it
    ("end_section", np.int32),
    ("late", np.int8),
    ("published", np.int8),
]

WINDOW_FIELDS = [
    ("begin_ms", np.int64),  # after midnight
    ("end_ms", np.int64),
    ("limit_ms", np.int64),
    ("short_stop_ms", np.int64),
    ("relay_from_day", np.int64),  # Beijing day numbers, inclusive
    ("relay_to_day", np.int64),
]


class NightWindowSettings(RuleSettings):
    """Settings of the window and of whom it binds; a rule gives ``classes`` its default."""

    classes: tuple[str, ...] = Field(default=(), description="vehicle classes that stop or relay at night (L, art. 38)")
    begin_s: float = Field(default=7_200, ge=0, lt=86_400, description="start of the window, after midnight: 02:00 (L)")
    end_s: float = Field(
        default=18_000, gt=0, le=82_800, description="end of the window, after the same midnight: 05:00 (L)"
    )
    limit_s: float = Field(default=300, ge=0, description="moving for longer than this (D); 0 = any duration (V)")
    short_stop_s: float = Field(
        default=60, ge=0, le=1200, description="a stop up to this does not end a run (D, as S1 merges); 0 = every stop"
    )
    exempt_line_km: float = Field(
        default=200, ge=0, description="lines up to this are exempt: relay measures art. 32 (L); 100 by the older norm"
    )

    @field_validator("classes")
    @classmethod
    def _known(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        known = [word.value for word in VehicleClass]
        unknown = [name for name in classes if name not in known]
        if unknown:
            raise ValueError(f"no such vehicle class: {', '.join(unknown)}; known are {', '.join(known)}")
        return classes

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begin_s >= self.end_s:
            raise ValueError(f"the window must begin before it ends: begin_s {self.begin_s:g}, end_s {self.end_s:g}")
        return self

    def binds(self, vehicle: Vehicle | None) -> bool:
        """Whether the window holds for a vehicle, relay certificates aside. A line of 0 km is one nobody has stated."""
        if vehicle is None or not self.enabled or vehicle.vehicle_class.value not in self.classes:
            return False
        short_line = vehicle.line_km is not None and 0 < vehicle.line_km <= self.exempt_line_km
        return not (vehicle.curfew_exempt or short_line)

    def window(self, vehicle: Vehicle | None, *, bound: bool) -> Sequence[Value]:
        """The values of ``WINDOW_FIELDS``; a vehicle that is not bound has no certificate either."""
        relay_from_day, relay_to_day = NO_DAY, 0
        if bound and vehicle is not None and (vehicle.relay_from is not None or vehicle.relay_to is not None):
            relay_from_day = 0 if vehicle.relay_from is None else day_number(vehicle.relay_from)
            relay_to_day = NO_DAY if vehicle.relay_to is None else day_number(vehicle.relay_to)
        return (
            round(self.begin_s * 1000),
            round(self.end_s * 1000),
            round(self.limit_s * 1000),
            round(self.short_stop_s * 1000),
            relay_from_day,
            relay_to_day,
        )


@compiled
def has_certificate(params: np.void, day: int) -> bool:
    """Whether a relay certificate is in force on a Beijing day number."""
    return bool(params["relay_from_day"] <= day <= params["relay_to_day"])


@compiled
def midnight_before(at_ms: int) -> int:
    """The midnight before a moment."""
    return int(at_ms - ms_of_day(at_ms))


@compiled
def is_within_reach(params: np.void, fix_ms: int) -> bool:
    """Whether a step that ends at ``fix_ms`` can touch the window."""
    in_day = ms_of_day(fix_ms)
    return bool(params["begin_ms"] < in_day < params["end_ms"] + BRIDGED_MS)


@compiled
def has_moved(kind: int, x: np.void) -> bool:
    """Whether the step counts as moving; a jump across silence does not."""
    return bool(kind == MOVING and not (x["jump"] == 1 and x["dt_ms"] > MAX_STEP_MS))


@compiled
def break_reason(state: np.void, params: np.void, x: np.void, bound: bool, kind: int, moved: bool) -> int:
    """Why the step ends the run that there is; 0 where it goes on."""
    resumed_ms = x["previous_fix_ms"] if moved else x["fix_ms"]
    if bound and resumed_ms - state["last_ms"] <= params["short_stop_ms"]:
        return _GOES_ON
    lost = bound and kind != STANDING and not moved and state["last_ms"] == x["previous_fix_ms"]
    return _DATA_ENDED if lost else _OVER


@compiled
def window_reason(state: np.void, end_ms: int) -> int:
    """How a run ends that the window's end has come for."""
    return _WINDOW_OVER if state["last_ms"] == end_ms else _OVER


@compiled
def begin_run(state: np.void, x: np.void, from_ms: int) -> None:
    """Moving begins, or the window does; the place then lies on the straight line of the step."""
    share = (from_ms - x["previous_fix_ms"]) / np.float64(x["dt_ms"])
    state["from_ms"] = from_ms
    state["moving_ms"] = 0
    state["distance_m"] = 0.0
    state["start_lon_e7"] = to_e7(x["previous_lon_deg"] + share * (x["lon_deg"] - x["previous_lon_deg"]))
    state["start_lat_e7"] = to_e7(x["previous_lat_deg"] + share * (x["lat_deg"] - x["previous_lat_deg"]))
    state["start_section"] = section_mark(x)
    state["n"] = 1 if from_ms == x["previous_fix_ms"] else 0
    state["driver"] = x["driver"]
    state["late"] = 0
    state["published"] = 0


@compiled
def add_moving(state: np.void, x: np.void, from_ms: int, to_ms: int) -> None:
    """Add a piece of moving."""
    dt_ms = np.float64(x["dt_ms"])
    share = (to_ms - x["previous_fix_ms"]) / dt_ms
    state["moving_ms"] += to_ms - from_ms
    state["distance_m"] += x["distance_m"] * ((to_ms - from_ms) / dt_ms)
    state["last_ms"] = to_ms
    state["end_lon_e7"] = to_e7(x["previous_lon_deg"] + share * (x["lon_deg"] - x["previous_lon_deg"]))
    state["end_lat_e7"] = to_e7(x["previous_lat_deg"] + share * (x["lat_deg"] - x["previous_lat_deg"]))
    state["end_section"] = section_mark(x)
    if x["fix_ms"] == to_ms:
        state["n"] += 1
    if x["late"] == 1:
        state["late"] = 1


@compiled
def state_figures(e: np.void, state: np.void, params: np.void) -> None:
    """The run's figures into an edge: value and limit are minutes of moving."""
    e["driver"] = state["driver"]
    e["peak"] = state["moving_ms"] / MINUTE_MS
    e["limit"] = params["limit_ms"] / MINUTE_MS
    e["distance_m"] = state["distance_m"]
    e["start_lon"] = from_e7(state["start_lon_e7"])
    e["start_lat"] = from_e7(state["start_lat_e7"])
    e["end_lon"] = from_e7(state["end_lon_e7"])
    e["end_lat"] = from_e7(state["end_lat_e7"])
    e["start_section"] = state["start_section"]
    e["end_section"] = state["end_section"]
    e["n_reports"] = state["n"]
    e["late"] = state["late"]


@compiled
def stands_now(state: np.void, core: np.void) -> bool:
    """Whether the newest report after a run does not move."""
    return bool(state["last_ms"] < core["fix_ms"] or not is_moving(core["speed_dkmh"], core["acc"]))
