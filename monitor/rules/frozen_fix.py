"""Frozen fix 定位冻结: the terminal repeats one place while its vehicle drives.

The fix stays the same to the 1e-6 degree while the odometer grows, or the recorder speed or the stated speed shows
movement. It is judged in windows of 60 to 180 s: a window is a *sign* if the way in it, by the odometer or by the
speeds, comes to at least 30 km/h, which is faster than anything that carries a vehicle or creeps under cover. Major;
onset is the beginning of the first sign (at the earliest the first report that repeats the fix), end the end of the
last one. ``distance_m`` is the way of the signs.

The alarm comes when signs of at least 10 minutes, 5 reports and 25 km are together: a receiver that repeats its last
fix in a tunnel, instead of saying that it has none, is not frozen, and the longest road tunnel of China has 22.13 km
(天山胜利隧道). Another fix ends it (``condition_over``); so does a day without any (``data_ended``). Standing with that
fix neither ends it nor adds to it, and a vehicle that only stands never begins one.

What is no movement: a speed that is itself repeated unchanged (a stale report repeats all of itself), an odometer that
jumps (over 160 km/h) or runs back, anything with ACC off (ferry, tow). Nothing is said of a place on a grid of 0.001
degrees or whole minutes: a terminal of that precision repeats it honestly. A terminal that states neither odometer nor
speed shows no movement.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import MAX_STEP_MS, MIN_STEP_MS, new_edge, silence_due_ms
from monitor.engine.receive import DRIFT_KMH
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import is_coarse, is_same_fix

MOST = 2**31 - 1
"""What four bytes hold; no odometer and no proof needs more."""

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_MAJOR = int(Grade.MAJOR)


class FrozenFixSettings(RuleSettings):
    """Settings of ``frozen_fix``."""

    least_kmh: float = Field(
        default=30, gt=0, description="movement is at least this: a ferry or tow carries at up to 25 km/h (D)"
    )
    least_s: float = Field(default=600, ge=0, description="signs of at least this long together (D)")
    least_reports: int = Field(default=5, ge=1, description="and at least this many reports with that fix (D)")
    least_m: float = Field(
        default=25_000, ge=0, description="and at least this way: more than the longest road tunnel, 22.13 km (D)"
    )
    silence_s: float = Field(
        default=86_400, gt=0, description="longer than this without a fix ends an alarm at its last sign (D, as O1)"
    )


PARAMS = np.dtype(
    [
        ("least_kmh", np.float64),
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
        ("spoken_m", np.float64),  # way of the window by the speeds
        ("odometer_m", np.int32),  # at its begin; -1 unknown
        ("signs_ms", np.int32),  # length of the signs
        ("n", np.int32),  # reports since the first sign began
        ("n_signs", np.int32),  # of them, to the end of the last sign
        ("speed_dkmh", np.int16),  # stated by the report before; -1 unknown
        ("recorder_dkmh", np.int16),
        ("open", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, FrozenFixSettings)
    return (
        settings.least_kmh,
        round(settings.least_s * 1000),
        settings.least_m,
        round(settings.silence_s * 1000),
        settings.least_reports,
        int(settings.enabled),
    )


@compiled
def write_edge(state: np.void, core: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """The episode as known; the place is that of the newest good fix before this step."""
    e: np.void = new_edge(out, x, code, 0, edge, state["first_ms"])
    e["grade"] = _MAJOR
    e["distance_m"] = state["way_m"]
    e["n_reports"] = state["n_signs"]
    e["start_lon"] = core["lon_deg"]
    e["start_lat"] = core["lat_deg"]
    return e


@compiled
def end(state: np.void, core: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """Nothing is known of the next fix yet."""
    if state["open"] == 1:
        e = write_edge(state, core, x, out, code, _CLEAR)
        e["end_ms"] = state["last_ms"]
        e["end_reason"] = reason
        e["end_lon"] = core["lon_deg"]
        e["end_lat"] = core["lat_deg"]
    state["window_ms"] = 0
    state["first_ms"] = 0
    state["last_ms"] = 0
    state["signs_ms"] = 0
    state["way_m"] = 0.0
    state["n"] = 0
    state["n_signs"] = 0
    state["open"] = 0


@compiled
def open_window(state: np.void, x: np.void) -> None:
    """A window begins with this report."""
    state["window_ms"] = x["fix_ms"]
    state["odometer_m"] = min(x["mileage_m"], MOST)
    state["spoken_m"] = 0.0
    note_speeds(state, x)
    if state["first_ms"] == 0:
        state["n"] = 1


@compiled
def note_speeds(state: np.void, x: np.void) -> None:
    """Keep the speeds of this report for the next; none of a terminal's is as large as the field."""
    state["speed_dkmh"] = min(x["speed_dkmh"], 32_767)
    state["recorder_dkmh"] = max(-1, min(x["recorder_dkmh"], 32_767))


@compiled
def spoken_dkmh(before: int, now: int) -> int:
    """Speed that a step has at least by what is stated at its ends; one that does not change is not believed."""
    if before < 0 or now < 0 or before == now:
        return 0
    return min(before, now)


@compiled
def way_of_window(state: np.void, x: np.void, length_ms: int) -> float:
    """Metres driven in the window by the odometer or by the speeds; what no key vehicle can drive is none."""
    most_m = DRIFT_KMH * length_ms / 3_600.0
    way_m = 0.0
    if state["odometer_m"] >= 0 and x["mileage_m"] >= 0:
        grown_m = float(x["mileage_m"] - state["odometer_m"])
        if 0.0 < grown_m <= most_m:
            way_m = grown_m
    if state["spoken_m"] <= most_m:
        way_m = max(way_m, state["spoken_m"])
    return way_m


@compiled
def take_repeat(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """A report that repeats the fix."""
    state["n"] += 1
    if x["acc"] == 0:
        state["window_ms"] = 0
        return
    if state["window_ms"] == 0:
        open_window(state, x)
        return
    spoken = max(
        spoken_dkmh(state["speed_dkmh"], x["speed_dkmh"]), spoken_dkmh(state["recorder_dkmh"], x["recorder_dkmh"])
    )
    state["spoken_m"] += spoken * x["dt_ms"] / 36_000.0
    note_speeds(state, x)
    length_ms = x["fix_ms"] - state["window_ms"]
    if length_ms < MIN_STEP_MS:
        return
    if length_ms <= MAX_STEP_MS:
        way_m = way_of_window(state, x, length_ms)
        if way_m * 3_600.0 >= params["least_kmh"] * length_ms:
            if state["first_ms"] == 0:
                state["first_ms"] = state["window_ms"]
            state["last_ms"] = x["fix_ms"]
            state["signs_ms"] = min(state["signs_ms"] + length_ms, MOST)
            state["way_m"] += way_m
            state["n_signs"] = state["n"]
            if state["open"] == 0 and is_proved(state, params):
                state["open"] = 1
                write_edge(state, core, x, out, code, _ONSET)
    open_window(state, x)


@compiled
def is_proved(state: np.void, params: np.void) -> bool:
    """Whether the signs suffice for an alarm."""
    return bool(
        state["signs_ms"] >= params["least_ms"]
        and state["way_m"] >= params["least_m"]
        and state["n_signs"] >= params["least_reports"]
    )


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report."""
    same = is_same_fix(x["lon_deg"], x["lat_deg"], x["previous_lon_deg"], x["previous_lat_deg"])
    if not same and state["window_ms"] == 0 and state["first_ms"] == 0:
        return
    if state["first_ms"] != 0 and x["clock_ms"] > silence_due_ms(x, x["previous_clock_ms"], params["silence_ms"]):
        end(state, core, x, out, code, _DATA_ENDED)
    if not same:
        end(state, core, x, out, code, _OVER)
    elif params["enabled"] == 0 or is_coarse(x["lon_deg"], x["lat_deg"]):
        end(state, core, x, out, code, _DATA_ENDED)
    elif x["first"] == 0:
        take_repeat(state, params, core, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence ends what lasts; at the very end its figures are brought up to date."""
    if state["first_ms"] == 0:
        return NEVER_MS
    due = silence_due_ms(x, core["clock_ms"], params["silence_ms"])
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end(state, core, x, out, code, _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1 and state["open"] == 1:
        write_edge(state, core, x, out, code, _UPDATE)
    return due


RULE = Rule(
    name="frozen_fix",
    title_zh="定位冻结",
    title_en="Frozen fix",
    unit="–",
    settings=FrozenFixSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("window_ms", "first_ms"),
    step=step,
    advance=advance,
    page=__doc__,
)
