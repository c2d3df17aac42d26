"""ACC contradicts movement ACC矛盾: the vehicle drives while its terminal says that ACC is off (wire cut or wrong).

A sign is a step from a report with ACC off and more than 25 km/h over which the place moves (5 km/h at least; a place
that stands is another fault). Signs in a row that reach over more than 2 minutes, with at least two such reports, raise
it: the condition that makes the time unknown to ``fatigue``, which asks neither for a second report nor for the place.
Carried at up to 25 km/h (ferry, tow) is no sign, however long, and neither is an unknown ACC. Over silence of more than
3 minutes a step is a sign only with ACC off at both ends and more than 1 km moved; of more than 20 minutes it is none.

Onset is the report of the first sign, end the one that the last sign reaches (``condition_over``; ``data_ended`` before
silence). Grade general; the value is the highest speed, the limit what being carried goes up to, both km/h.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.driving import CARRIED_DKMH, CARRIED_MS, MOVING, MOVING_DKMH, contradicts_acc, kind_of_step
from monitor.engine.edges import MAX_STEP_MS, new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7

SILENCE_MS = 1_200_000
"""Silence longer than a rest is unknown time, and no sign of anything (F6)."""

_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_GENERAL = int(Grade.GENERAL)


class AccContradictionSettings(RuleSettings):
    """Settings of ``acc_contradiction``."""

    carried_kmh: float = Field(
        default=CARRIED_DKMH / 10, ge=0, description="up to this a vehicle with ACC off is carried: ferry, tow (D)"
    )
    hold_s: float = Field(default=CARRIED_MS / 1000, ge=0, description="for longer than this (D)")
    signs: int = Field(default=2, ge=1, description="at least this many reports with ACC off above that speed (D)")


MOST_MS = 2**31 - 1
"""An alarm that lasts longer (24 days without a pause) is told to end there."""

PARAMS = np.dtype(
    [("carried_dkmh", np.int64), ("hold_ms", np.int64), ("signs", np.int64), ("enabled", np.int64)], align=True
)
STATE = np.dtype(
    [
        ("begun_ms", np.int64),  # report of the first sign; 0 = none
        ("distance_m", np.float64),
        ("lasted_ms", np.int32),  # from there to the report that the last sign reaches
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("end_lon_e7", np.int32),
        ("end_lat_e7", np.int32),
        ("n", np.int32),  # signs
        ("peak_dkmh", np.int32),
        ("open", np.int8),
        ("late", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, AccContradictionSettings)
    return (
        round(settings.carried_kmh * 10),
        round(settings.hold_s * 1000),
        settings.signs,
        int(settings.enabled),
    )


@compiled
def write_edge(state: np.void, params: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the figures so far."""
    e = new_edge(out, x, code, 0, edge, state["begun_ms"])
    e["peak"] = state["peak_dkmh"] / 10.0
    e["limit"] = params["carried_dkmh"] / 10.0
    e["grade"] = _GENERAL
    e["distance_m"] = state["distance_m"]
    e["n_reports"] = state["n"]
    e["start_lon"] = from_e7(state["start_lon_e7"])
    e["start_lat"] = from_e7(state["start_lat_e7"])
    e["late"] = state["late"]
    return e


@compiled
def end(state: np.void, params: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """No further sign: forget them, and clear what they raised."""
    if state["open"] == 1:
        e = write_edge(state, params, x, out, code, _CLEAR)
        e["end_ms"] = state["begun_ms"] + state["lasted_ms"]
        e["end_lon"] = from_e7(state["end_lon_e7"])
        e["end_lat"] = from_e7(state["end_lat_e7"])
        e["end_reason"] = reason
    state["open"] = 0
    state["begun_ms"] = 0


@compiled
def is_sign(params: np.void, x: np.void) -> bool:
    """Whether the step was driven with ACC off, as far as its two reports can tell."""
    if not contradicts_acc(x, params["carried_dkmh"]) or x["jump"] == 1 or kind_of_step(SILENCE_MS, x) != MOVING:
        return False
    if x["dt_ms"] > MAX_STEP_MS:
        return bool(x["acc"] == 0)
    return bool(x["distance_m"] * 36_000.0 >= MOVING_DKMH * np.float64(x["dt_ms"]))


@compiled
def take_sign(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """One more step with ACC off."""
    if state["begun_ms"] == 0:
        state["begun_ms"] = x["previous_fix_ms"]
        state["start_lon_e7"] = to_e7(x["previous_lon_deg"])
        state["start_lat_e7"] = to_e7(x["previous_lat_deg"])
        state["distance_m"] = 0.0
        state["n"] = 0
        state["peak_dkmh"] = 0
        state["late"] = 0
    state["n"] += 1
    state["lasted_ms"] = min(x["fix_ms"] - state["begun_ms"], MOST_MS)
    state["end_lon_e7"] = to_e7(x["lon_deg"])
    state["end_lat_e7"] = to_e7(x["lat_deg"])
    state["distance_m"] += x["distance_m"]
    state["peak_dkmh"] = max(np.int64(state["peak_dkmh"]), x["previous_motion_dkmh"])
    if x["late"] == 1:
        state["late"] = 1
    lasted_ms = state["lasted_ms"]
    if state["open"] == 0 and lasted_ms > params["hold_ms"] and state["n"] >= params["signs"]:
        state["open"] = 1
        write_edge(state, params, x, out, code, _ONSET)


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: most have ACC on and follow others that had."""
    if x["previous_acc"] != 0 and state["begun_ms"] == 0:
        return
    if x["first"] == 1:
        return
    if params["enabled"] == 1 and is_sign(params, x):
        take_sign(state, params, x, out, code)
        if x["acc"] != 0 or x["motion_dkmh"] <= params["carried_dkmh"]:
            end(state, params, x, out, code, _OVER)
    elif state["begun_ms"] != 0:
        known = params["enabled"] == 1 and x["dt_ms"] <= MAX_STEP_MS
        end(state, params, x, out, code, _OVER if known else _DATA_ENDED)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence ends what is open at its last sign."""
    if state["begun_ms"] == 0:
        return NEVER_MS
    due = core["clock_ms"] + SILENCE_MS
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end(state, params, x, out, code, _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    return int(due)


RULE = Rule(
    name="acc_contradiction",
    title_zh="ACC矛盾",
    title_en="ACC contradicts movement",
    unit="km/h",
    settings=AccContradictionSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("begun_ms",),
    step=step,
    advance=advance,
    page=__doc__,
)
