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
certificate (``relay_from`` to ``relay_to``, inclusive, an empty one is open) is in force; whether drivers changed over
in such a night is judged by ``relay_missing``.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.driving import kind_of_step
from monitor.engine.edges import new_edge
from monitor.engine.night_run import (
    BRIDGED_MS,
    RUN_FIELDS,
    SILENCE_MS,
    WINDOW_FIELDS,
    NightWindowSettings,
    add_moving,
    begin_run,
    break_reason,
    has_certificate,
    has_moved,
    is_within_reach,
    midnight_before,
    stands_now,
    state_figures,
    window_reason,
)
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS, day_of
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.fleet import VehicleClass

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_MAJOR = int(Grade.MAJOR)


class NightCurfewSettings(NightWindowSettings):
    """Settings of ``night_curfew``."""

    classes: tuple[str, ...] = Field(
        default=(VehicleClass.TOUR_COACH.value, VehicleClass.CHARTER_COACH.value, VehicleClass.LINE_COACH.value),
        description="vehicle classes that stop or relay at night (L, norm art. 38)",
    )


PARAMS = np.dtype([*WINDOW_FIELDS, ("enabled", np.int64)], align=True)

STATE = np.dtype(
    [
        *RUN_FIELDS,
        ("longest_ms", np.int32),  # of the alarms of this night that have ended
        ("night", np.int32),  # Beijing day number of the last run
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, NightCurfewSettings)
    bound = settings.binds(facts.vehicle)
    return (*settings.window(facts.vehicle, bound=bound), int(bound))


@compiled
def write_edge(state: np.void, params: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the run's figures."""
    e = new_edge(out, x, code, 0, edge, state["from_ms"])
    state_figures(e, state, params)
    e["grade"] = _MAJOR
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
def take(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """A step that touches the window, or one after a run."""
    fix_ms = x["fix_ms"]
    midnight_ms = midnight_before(fix_ms)
    end_ms = midnight_ms + params["end_ms"]
    from_ms = max(x["previous_fix_ms"], midnight_ms + params["begin_ms"])
    to_ms = min(fix_ms, end_ms)
    bound = params["enabled"] == 1 and not has_certificate(params, day_of(fix_ms))
    kind = kind_of_step(BRIDGED_MS, x)
    moved = has_moved(kind, x)
    if state["from_ms"] != 0:
        reason = break_reason(state, params, x, bound, kind, moved)
        if reason != 0:
            end_run(state, params, x, out, code, reason)
    if bound and moved and to_ms > from_ms:
        if state["from_ms"] == 0:
            night = day_of(from_ms)
            if night != state["night"]:
                state["night"] = night
                state["longest_ms"] = 0
            begin_run(state, x, from_ms)
        add_moving(state, x, from_ms, to_ms)
        if state["published"] == 0 and state["moving_ms"] > max(params["limit_ms"], np.int64(state["longest_ms"])):
            state["published"] = 1
            write_edge(state, params, x, out, code, _ONSET)
    if state["from_ms"] != 0 and fix_ms >= end_ms:
        end_run(state, params, x, out, code, window_reason(state, end_ms))


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: did it move inside the window?"""
    if state["from_ms"] == 0:
        if params["enabled"] == 0 or x["first"] == 1:
            return
        if not is_within_reach(params, x["fix_ms"]):
            return
    take(state, params, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence closes a run at its last piece of moving; at the very end a run that stands is over."""
    if state["from_ms"] == 0:
        return NEVER_MS
    stands = stands_now(state, core)
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
    hot=("from_ms",),
    step=step,
    advance=advance,
    page=__doc__,
)
