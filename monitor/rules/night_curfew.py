"""Night curfew 凌晨禁行 (N1).

Coaches (tour, charter, line) stop or relay between 02:00 and 05:00. The time of a run of moving inside this window is
counted; an alarm comes at the moment it is more than 5 minutes. Onset is the start of the run inside the window, the
end is the run's end or 05:00 (``window_over``), the value is the time moved in minutes, the grade is major.

Moving and standing are read as for driving time (F6): from a report at or above 5 km/h to the next one; being carried
(ACC off at up to 25 km/h) is standing; silence of up to 1,200 s with more than 1 km is moving, within 1 km standing.
Longer silence with more than 1 km, and a jump of the receiver across silence, are unknown and end the run at the last
report. A stop of up to 60 s (a toll gate, one stray report) is not counted and does not end the run, a longer one does.

The night is judged by its longest run: after an alarm has ended, another comes in the same night only when a later run
has grown longer than the one before.

Exempt are vehicles with ``curfew_exempt``, lines of ``line_km`` up to 200 km, and nights on whose date a relay
certificate (``relay_from`` to ``relay_to``, inclusive, an empty one is open) is in force.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from monitor.engine.driving import MOVING, STANDING, is_moving, kind_of_step
from monitor.engine.edges import MAX_STEP_MS, new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.engine.state import NO_DAY
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS, day_number, day_of, ms_of_day
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.geo import from_e7, to_e7

BRIDGED_MS = 1_200_000
"""Silence of at most this with more than 1 km moved is driving (F6, D)."""
SILENCE_MS = 1_500_000
"""Live, silence closes a run after this: the longest that can be bridged and 5 minutes for reports under way (D)."""
MINUTE_MS = 60_000.0

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_WINDOW_OVER = int(EndReason.WINDOW_OVER)
_MAJOR = int(Grade.MAJOR)


class NightCurfewSettings(RuleSettings):
    """Settings of ``night_curfew``."""

    classes: tuple[str, ...] = Field(
        default=(VehicleClass.TOUR_COACH.value, VehicleClass.CHARTER_COACH.value, VehicleClass.LINE_COACH.value),
        description="vehicle classes that stop or relay at night (L, norm art. 38)",
    )
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


PARAMS = np.dtype(
    [
        ("begin_ms", np.int64),
        ("end_ms", np.int64),
        ("limit_ms", np.int64),
        ("short_stop_ms", np.int64),
        ("relay_from_day", np.int64),  # Beijing day numbers, inclusive
        ("relay_to_day", np.int64),
        ("enabled", np.int64),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("from_ms", np.int64),  # start of the run inside the window; 0 = no run
        ("last_ms", np.int64),  # end of its last piece of moving
        ("distance_m", np.float64),
        ("moving_ms", np.int32),
        ("longest_ms", np.int32),  # of the alarms of this night that have ended
        ("night", np.int32),  # Beijing day number of the last run
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("end_lon_e7", np.int32),
        ("end_lat_e7", np.int32),
        ("n", np.int32),
        ("driver", np.int32),
        ("published", np.int8),
        ("late", np.int8),
    ],
    align=True,
)


def is_bound(settings: NightCurfewSettings, vehicle: Vehicle | None) -> bool:
    """Whether the curfew holds for a vehicle, relay certificates aside. A line of 0 km is one nobody has stated."""
    if vehicle is None or not settings.enabled or vehicle.vehicle_class.value not in settings.classes:
        return False
    short_line = vehicle.line_km is not None and 0 < vehicle.line_km <= settings.exempt_line_km
    return not (vehicle.curfew_exempt or short_line)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, NightCurfewSettings)
    vehicle = facts.vehicle
    bound = is_bound(settings, vehicle)
    relay_from_day, relay_to_day = NO_DAY, 0
    if bound and vehicle is not None and (vehicle.relay_from is not None or vehicle.relay_to is not None):
        relay_from_day = 0 if vehicle.relay_from is None else day_number(vehicle.relay_from)
        relay_to_day = NO_DAY if vehicle.relay_to is None else day_number(vehicle.relay_to)
    return (
        round(settings.begin_s * 1000),
        round(settings.end_s * 1000),
        round(settings.limit_s * 1000),
        round(settings.short_stop_s * 1000),
        relay_from_day,
        relay_to_day,
        int(bound),
    )


@compiled
def write_edge(state: np.void, params: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the run's figures."""
    e = new_edge(out, x, code, 0, edge, state["from_ms"])
    e["driver"] = state["driver"]
    e["peak"] = state["moving_ms"] / MINUTE_MS
    e["limit"] = params["limit_ms"] / MINUTE_MS
    e["distance_m"] = state["distance_m"]
    e["start_lon"] = from_e7(state["start_lon_e7"])
    e["start_lat"] = from_e7(state["start_lat_e7"])
    e["end_lon"] = from_e7(state["end_lon_e7"])
    e["end_lat"] = from_e7(state["end_lat_e7"])
    e["n_reports"] = state["n"]
    e["grade"] = _MAJOR
    e["late"] = state["late"]
    return e


@compiled
def end_run(state: np.void, params: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """The run ended with its last piece of moving."""
    if state["published"] == 1:
        e = write_edge(state, params, x, out, code, _CLEAR)
        e["end_ms"] = state["last_ms"]
        e["end_reason"] = reason
        state["longest_ms"] = state["moving_ms"]
    state["from_ms"] = 0
    state["published"] = 0


@compiled
def begin_run(state: np.void, x: np.void, from_ms: int) -> None:
    """Moving begins, or the window does; the place then lies on the straight line of the step."""
    night = day_of(from_ms)
    if night != state["night"]:
        state["night"] = night
        state["longest_ms"] = 0
    share = (from_ms - x["previous_fix_ms"]) / np.float64(x["dt_ms"])
    state["from_ms"] = from_ms
    state["moving_ms"] = 0
    state["distance_m"] = 0.0
    state["start_lon_e7"] = to_e7(x["previous_lon_deg"] + share * (x["lon_deg"] - x["previous_lon_deg"]))
    state["start_lat_e7"] = to_e7(x["previous_lat_deg"] + share * (x["lat_deg"] - x["previous_lat_deg"]))
    state["n"] = 1 if from_ms == x["previous_fix_ms"] else 0
    state["driver"] = x["driver"]
    state["published"] = 0
    state["late"] = 0


@compiled
def add_moving(state: np.void, params: np.void, x: np.void, out: np.void, code: int, from_ms: int, to_ms: int) -> None:
    """Add a piece of moving, and say so when that makes the run long enough."""
    dt_ms = np.float64(x["dt_ms"])
    share = (to_ms - x["previous_fix_ms"]) / dt_ms
    state["moving_ms"] += to_ms - from_ms
    state["distance_m"] += x["distance_m"] * ((to_ms - from_ms) / dt_ms)
    state["last_ms"] = to_ms
    state["end_lon_e7"] = to_e7(x["previous_lon_deg"] + share * (x["lon_deg"] - x["previous_lon_deg"]))
    state["end_lat_e7"] = to_e7(x["previous_lat_deg"] + share * (x["lat_deg"] - x["previous_lat_deg"]))
    if x["fix_ms"] == to_ms:
        state["n"] += 1
    if x["late"] == 1:
        state["late"] = 1
    if state["published"] == 0 and state["moving_ms"] > max(params["limit_ms"], np.int64(state["longest_ms"])):
        state["published"] = 1
        write_edge(state, params, x, out, code, _ONSET)


@compiled
def take(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """A step that touches the window, or one after a run."""
    fix_ms = x["fix_ms"]
    midnight_ms = fix_ms - ms_of_day(fix_ms)
    end_ms = midnight_ms + params["end_ms"]
    from_ms = max(x["previous_fix_ms"], midnight_ms + params["begin_ms"])
    to_ms = min(fix_ms, end_ms)
    day = day_of(fix_ms)
    bound = params["enabled"] == 1 and not (params["relay_from_day"] <= day <= params["relay_to_day"])
    kind = kind_of_step(BRIDGED_MS, x)
    moved = kind == MOVING and not (x["jump"] == 1 and x["dt_ms"] > MAX_STEP_MS)
    if state["from_ms"] != 0:
        resumed_ms = x["previous_fix_ms"] if moved else fix_ms
        if not bound or resumed_ms - state["last_ms"] > params["short_stop_ms"]:
            lost = bound and kind != STANDING and not moved and state["last_ms"] == x["previous_fix_ms"]
            end_run(state, params, x, out, code, _DATA_ENDED if lost else _OVER)
    if bound and moved and to_ms > from_ms:
        if state["from_ms"] == 0:
            begin_run(state, x, from_ms)
        add_moving(state, params, x, out, code, from_ms, to_ms)
    if state["from_ms"] != 0 and fix_ms >= end_ms:
        end_run(state, params, x, out, code, _WINDOW_OVER if state["last_ms"] == end_ms else _OVER)


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: did it move inside the window?"""
    if state["from_ms"] == 0:
        if params["enabled"] == 0 or x["first"] == 1:
            return
        in_day = ms_of_day(x["fix_ms"])
        if in_day <= params["begin_ms"] or in_day >= params["end_ms"] + BRIDGED_MS:
            return
    take(state, params, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence closes a run at its last piece of moving; at the very end a run that stands is over."""
    if state["from_ms"] == 0:
        return NEVER_MS
    stands = state["last_ms"] < core["fix_ms"] or not is_moving(core["speed_dkmh"], core["acc"])
    due = core["clock_ms"] + SILENCE_MS
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_run(state, params, x, out, code, _OVER if stands else _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1:
        if stands:
            end_run(state, params, x, out, code, _OVER)
            return NEVER_MS
        if state["published"] == 1:
            write_edge(state, params, x, out, code, _UPDATE)
    return int(due)


RULE = Rule(
    name="night_curfew",
    title_zh="凌晨禁行",
    title_en="Night curfew",
    unit="min",
    settings=NightCurfewSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    step=step,
    advance=advance,
    page=__doc__,
)
