"""Pinned speed 速度恒零: the terminal states one speed, mostly 0, while its vehicle drives.

The stated speed stays the same while the place moves as a vehicle does. It is judged in windows of 60 to 180 s, which
are too long for the scatter of a parked receiver: a window is a *sign* if the straight line from its beginning to its
end comes to at least 30 km/h (a ferry or tow carries at up to 25), and to at least 20 km/h more than is stated (what
readings S6 takes for agreement). Less than stated is no sign: a way is never shorter than its straight line. Major;
onset is the beginning of the first sign, end the end of the last one. ``distance_m`` is the way of the signs.

The alarm comes when signs of at least 10 minutes and 10 reports are together, and the newest place is at least 3 km
from the first. Another stated speed ends it (``condition_over``); so does a day without a fix (``data_ended``).
Standing neither ends it nor adds to it, and a vehicle that only stands never begins one.

What is no sign: a step to a place proved by three consistent reports after a jump, silence of more than 180 s, a report
with ACC off (ferry, tow), a place on a grid of 0.001 degrees or whole minutes. A missing speed neither ends nor adds
anything: a terminal that never states a speed has none to be pinned.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import MAX_STEP_MS, MIN_STEP_MS, new_edge, silence_due_ms
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import distance_m, from_e7, is_coarse, to_e7

MOST = 2**31 - 1
"""What four bytes hold; no odometer and no proof needs more."""

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_MAJOR = int(Grade.MAJOR)


class PinnedSpeedSettings(RuleSettings):
    """Settings of ``pinned_speed``."""

    least_kmh: float = Field(
        default=30, gt=0, description="movement is at least this: a ferry or tow carries at up to 25 km/h (D)"
    )
    beyond_kmh: float = Field(default=20, ge=0, description="and at least this much more than stated (D, as S6)")
    least_s: float = Field(default=600, ge=0, description="signs of at least this long together (D)")
    least_reports: int = Field(default=10, ge=2, description="and at least this many reports with that speed (D)")
    least_m: float = Field(default=3_000, ge=0, description="and at least this far from the first place (D)")
    silence_s: float = Field(
        default=86_400, gt=0, description="longer than this without a fix ends an alarm at its last sign (D, as O1)"
    )


PARAMS = np.dtype(
    [
        ("least_kmh", np.float64),
        ("beyond_kmh", np.float64),
        ("least_ms", np.int64),
        ("least_m", np.float64),
        ("silence_ms", np.int64),
        ("least_reports", np.int64),
        ("enabled", np.int64),
    ],
    align=True,
)
STATE = np.dtype(
    [
        ("window_ms", np.int64),  # begin of the window; 0 = none
        ("first_ms", np.int64),  # begin of the first sign; 0 = none yet
        ("last_ms", np.int64),  # end of the last one
        ("way_m", np.float64),  # way of the signs
        ("window_lon_e7", np.int32),
        ("window_lat_e7", np.int32),
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("end_lon_e7", np.int32),
        ("end_lat_e7", np.int32),
        ("signs_ms", np.int32),  # length of the signs
        ("n", np.int32),  # reports since the first sign began
        ("n_signs", np.int32),  # of them, to the end of the last sign
        ("speed_dkmh", np.int16),
        ("open", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, PinnedSpeedSettings)
    return (
        settings.least_kmh,
        settings.beyond_kmh,
        round(settings.least_s * 1000),
        settings.least_m,
        round(settings.silence_s * 1000),
        settings.least_reports,
        int(settings.enabled),
    )


@compiled
def write_edge(state: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """The episode as known."""
    e: np.void = new_edge(out, x, code, 0, edge, state["first_ms"])
    e["grade"] = _MAJOR
    e["distance_m"] = state["way_m"]
    e["n_reports"] = state["n_signs"]
    e["start_lon"] = from_e7(state["start_lon_e7"])
    e["start_lat"] = from_e7(state["start_lat_e7"])
    return e


@compiled
def end(state: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """Nothing is known of the next speed yet."""
    if state["open"] == 1:
        e = write_edge(state, x, out, code, _CLEAR)
        e["end_ms"] = state["last_ms"]
        e["end_reason"] = reason
        e["end_lon"] = from_e7(state["end_lon_e7"])
        e["end_lat"] = from_e7(state["end_lat_e7"])
    state["window_ms"] = 0
    state["first_ms"] = 0
    state["last_ms"] = 0
    state["signs_ms"] = 0
    state["way_m"] = 0.0
    state["n"] = 0
    state["n_signs"] = 0
    state["open"] = 0


@compiled
def open_window(state: np.void, fix_ms: int, lon: float, lat: float) -> None:
    """A window begins with a report."""
    state["window_ms"] = fix_ms
    state["window_lon_e7"] = to_e7(lon)
    state["window_lat_e7"] = to_e7(lat)
    if state["first_ms"] == 0:
        state["n"] = 1


@compiled
def take_repeat(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """A report that repeats the speed."""
    state["n"] += 1
    if x["acc"] == 0 or x["jump"] == 1 or is_coarse(x["lon_deg"], x["lat_deg"]):
        state["window_ms"] = 0
        return
    if state["window_ms"] == 0:
        open_window(state, x["fix_ms"], x["lon_deg"], x["lat_deg"])
        return
    length_ms = x["fix_ms"] - state["window_ms"]
    if length_ms < MIN_STEP_MS:
        return
    if length_ms <= MAX_STEP_MS:
        lon = from_e7(state["window_lon_e7"])
        lat = from_e7(state["window_lat_e7"])
        way_m = distance_m(lon, lat, x["lon_deg"], x["lat_deg"])
        least_kmh = max(params["least_kmh"], state["speed_dkmh"] / 10.0 + params["beyond_kmh"])
        if way_m * 3_600.0 >= least_kmh * length_ms:
            if state["first_ms"] == 0:
                state["first_ms"] = state["window_ms"]
                state["start_lon_e7"] = state["window_lon_e7"]
                state["start_lat_e7"] = state["window_lat_e7"]
            state["last_ms"] = x["fix_ms"]
            state["end_lon_e7"] = to_e7(x["lon_deg"])
            state["end_lat_e7"] = to_e7(x["lat_deg"])
            state["signs_ms"] = min(state["signs_ms"] + length_ms, MOST)
            state["way_m"] += way_m
            state["n_signs"] = state["n"]
            if state["open"] == 0 and is_proved(state, params, x):
                state["open"] = 1
                write_edge(state, x, out, code, _ONSET)
    open_window(state, x["fix_ms"], x["lon_deg"], x["lat_deg"])


@compiled
def is_proved(state: np.void, params: np.void, x: np.void) -> bool:
    """Whether the signs suffice for an alarm."""
    if state["signs_ms"] < params["least_ms"] or state["n_signs"] < params["least_reports"]:
        return False
    lon = from_e7(state["start_lon_e7"])
    lat = from_e7(state["start_lat_e7"])
    return bool(distance_m(lon, lat, x["lon_deg"], x["lat_deg"]) >= params["least_m"])


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report."""
    if state["first_ms"] != 0 and x["clock_ms"] > silence_due_ms(x, x["previous_clock_ms"], params["silence_ms"]):
        end(state, x, out, code, _DATA_ENDED)
    speed = x["speed_dkmh"]
    if speed < 0:
        return
    if state["window_ms"] == 0 and state["first_ms"] == 0:
        if speed != x["previous_motion_dkmh"] or core["shown_speed"] == 0 or x["acc"] == 0 or params["enabled"] == 0:
            return
        state["speed_dkmh"] = speed
        state["n"] = 0
        if x["jump"] == 0 and x["previous_acc"] != 0 and not is_coarse(x["previous_lon_deg"], x["previous_lat_deg"]):
            open_window(state, x["previous_fix_ms"], x["previous_lon_deg"], x["previous_lat_deg"])
    elif speed != state["speed_dkmh"]:
        end(state, x, out, code, _OVER)
        return
    elif params["enabled"] == 0:
        end(state, x, out, code, _DATA_ENDED)
        return
    take_repeat(state, params, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence ends what lasts; at the very end its figures are brought up to date."""
    if state["first_ms"] == 0:
        return NEVER_MS
    due = silence_due_ms(x, core["clock_ms"], params["silence_ms"])
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end(state, x, out, code, _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1 and state["open"] == 1:
        write_edge(state, x, out, code, _UPDATE)
    return due


RULE = Rule(
    name="pinned_speed",
    title_zh="速度恒零",
    title_en="Pinned speed",
    unit="–",
    settings=PinnedSpeedSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("window_ms", "first_ms", "n", "speed_dkmh", "window_lon_e7", "window_lat_e7"),
    step=step,
    advance=advance,
    page=__doc__,
)
