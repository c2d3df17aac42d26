"""Relay hand-over missing 未按规定接驳 (N2).

A line coach may be on the road between 02:00 and 05:00 with a relay certificate, if its drivers have changed over at a
relay point between 22:00 and 02:00; otherwise it parks. In a night on whose date the certificate is in force, a coach
that ``night_curfew`` would tell of (a run of more than 5 minutes inside 02:00-05:00) must have stood for at least 2
minutes in a fence of kind ``relay``. Onset is the start of the run inside the window, the end is the run's end or
05:00; the value is the time moved in minutes; general. One alarm per night.

Standing is below 5 km/h, from the report that shows it to the next that does not, and silence within 1 km; only what
lies between 22:00 and 02:00 counts, and two stops do not add up. Which point a certificate names is in no registry: any
relay point will do. Where no fence of this kind is in force there is nothing to compare with, and nothing is said.

Suspected only is what was out of sight: a silence of more than 180 s on the move that a hand-over could lie in, or no
report from before 22:00.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from monitor.engine.driving import STANDING, kind_of_step
from monitor.engine.edges import MAX_STEP_MS, new_edge
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
from monitor.model.alarm import Certainty, EndReason, Grade
from monitor.model.beijing import NEVER_MS, day_of, day_start_ms, ms_of_day
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.fence_kind import FenceKind
from monitor.model.fleet import VehicleClass

RELAY_KIND = FenceKind.RELAY.mask
DAY_MS = 86_400_000

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_GENERAL = int(Grade.GENERAL)
_CERTAIN = int(Certainty.CERTAIN)
_SUSPECTED = int(Certainty.SUSPECTED)


class RelayMissingSettings(NightWindowSettings):
    """Settings of ``relay_missing``."""

    classes: tuple[str, ...] = Field(
        default=(VehicleClass.LINE_COACH.value,), description="vehicle classes that relay at night (L, 2017 trial rule)"
    )
    hand_over_begin_s: float = Field(
        default=79_200, ge=43_200, lt=86_400, description="hand-over from this time of the evening before: 22:00 (L)"
    )
    hand_over_end_s: float = Field(
        default=7_200, ge=0, le=43_200, description="hand-over until this time after midnight: 02:00 (L)"
    )
    stop_s: float = Field(default=120, gt=0, description="a hand-over takes at least this (D)")

    @model_validator(mode="after")
    def _before_the_window(self) -> Self:
        if self.hand_over_end_s > self.begin_s:
            raise ValueError(
                f"the hand-over must be over when the window begins: hand_over_end_s {self.hand_over_end_s:g}, "
                f"begin_s {self.begin_s:g}"
            )
        return self


PARAMS = np.dtype(
    [
        *WINDOW_FIELDS,
        ("hand_over_begin_ms", np.int64),  # of the day before
        ("hand_over_end_ms", np.int64),
        ("stop_ms", np.int64),
        ("enabled", np.int64),
    ],
    align=True,
)

STATE = np.dtype(
    [
        *RUN_FIELDS,
        ("suspected", np.int8),  # the run's alarm is
        ("relayed", np.int8),  # it has stood at a point for long enough, or there was no point to stand at
        ("unseen", np.int8),  # it may have, out of sight
        ("stood_ms", np.int32),  # at a point, without having moved since
        ("night", np.int32),  # Beijing day number of the 02:00 that the three above are about
        ("told_night", np.int32),  # the last night with an alarm
        ("point_ms", np.int64),  # the last report in a relay point
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, RelayMissingSettings)
    vehicle = facts.vehicle
    certified = vehicle is not None and (vehicle.relay_from is not None or vehicle.relay_to is not None)
    bound = certified and settings.binds(vehicle)
    return (
        *settings.window(vehicle, bound=bound),
        round(settings.hand_over_begin_s * 1000),
        round(settings.hand_over_end_s * 1000),
        round(settings.stop_s * 1000),
        int(bound),
    )


@compiled
def write_edge(state: np.void, params: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the run's figures."""
    e = new_edge(out, x, code, 0, edge, state["from_ms"])
    state_figures(e, state, params)
    e["grade"] = _GENERAL
    e["certainty"] = _SUSPECTED if state["suspected"] == 1 else _CERTAIN
    return e


@compiled
def end_run(state: np.void, params: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """The run ended with its last piece of moving."""
    if state["published"] == 1:
        e = write_edge(state, params, x, out, code, _CLEAR)
        e["end_ms"] = state["last_ms"]
        e["end_reason"] = reason
    state["from_ms"] = 0
    state["published"] = 0


@compiled
def begin_night(state: np.void, night: int, seen: bool) -> None:
    """Nothing is known of a night yet; ``seen``: not since the hand-over could begin either."""
    state["night"] = night
    state["stood_ms"] = 0
    state["relayed"] = 0
    state["unseen"] = 0 if seen else 1


@compiled
def look_for_hand_over(state: np.void, params: np.void, x: np.void) -> None:
    """What a step that ends after the evening's hour has to say of the hand-over of the night that it lies in."""
    fix_ms = x["fix_ms"]
    in_day = ms_of_day(fix_ms)
    night = day_of(fix_ms) + (1 if in_day > params["hand_over_begin_ms"] else 0)
    midnight_ms = day_start_ms(night)
    begin_ms = midnight_ms - DAY_MS + params["hand_over_begin_ms"]
    from_ms = max(np.int64(x["previous_fix_ms"]), begin_ms)
    to_ms = min(np.int64(fix_ms), midnight_ms + params["hand_over_end_ms"])
    if from_ms >= to_ms:
        return
    if state["night"] != night:
        begin_night(state, night, x["previous_fix_ms"] <= begin_ms)
    if x["relay_points"] == 0:
        state["relayed"] = 1
        return
    if kind_of_step(BRIDGED_MS, x) == STANDING:
        if state["point_ms"] == x["previous_fix_ms"]:
            state["stood_ms"] += to_ms - from_ms
            if state["stood_ms"] >= params["stop_ms"]:
                state["relayed"] = 1
        return
    state["stood_ms"] = 0
    if x["dt_ms"] > MAX_STEP_MS and to_ms - from_ms >= params["stop_ms"]:
        state["unseen"] = 1


@compiled
def take(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """A step that touches the window, or one after a run."""
    fix_ms = x["fix_ms"]
    midnight_ms = midnight_before(fix_ms)
    end_ms = midnight_ms + params["end_ms"]
    from_ms = max(x["previous_fix_ms"], midnight_ms + params["begin_ms"])
    to_ms = min(fix_ms, end_ms)
    night = day_of(fix_ms)
    bound = params["enabled"] == 1 and has_certificate(params, night) and x["relay_points"] == 1
    kind = kind_of_step(BRIDGED_MS, x)
    moved = has_moved(kind, x)
    if state["from_ms"] != 0:
        reason = break_reason(state, params, x, bound, kind, moved)
        if reason != 0:
            end_run(state, params, x, out, code, reason)
    if bound and moved and to_ms > from_ms:
        if state["night"] != night:
            begin_night(state, night, False)
        if state["from_ms"] == 0 and (state["relayed"] == 1 or state["told_night"] == night):
            return
        if state["from_ms"] == 0:
            begin_run(state, x, from_ms)
        add_moving(state, x, from_ms, to_ms)
        if state["published"] == 0 and state["moving_ms"] > params["limit_ms"]:
            state["published"] = 1
            state["told_night"] = night
            state["suspected"] = state["unseen"]
            write_edge(state, params, x, out, code, _ONSET)
    if state["from_ms"] != 0 and fix_ms >= end_ms:
        end_run(state, params, x, out, code, window_reason(state, end_ms))


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: did it hand over, and is it on the road afterwards?"""
    if params["enabled"] == 0 and state["from_ms"] == 0:
        return
    if params["enabled"] == 1 and x["first"] == 0:
        look_for_hand_over(state, params, x)
    if state["from_ms"] != 0 or (x["first"] == 0 and is_within_reach(params, x["fix_ms"])):
        take(state, params, x, out, code)
    if x["fence_kinds"] & RELAY_KIND != 0:
        state["point_ms"] = x["fix_ms"]


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
    name="relay_missing",
    title_zh="未按规定接驳",
    title_en="Relay hand-over missing",
    unit="min",
    settings=RelayMissingSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("from_ms",),
    step=step,
    advance=advance,
    page=__doc__,
)
