"""Clock fault 时钟异常: the terminal is online, but its time is wrong by hours or is nonsense.

What a report's time is ahead of its receipt (below 0: behind) is judged as reports arrive, positioned or not, in order
or not. A report is a sign when its time is ahead by half an hour or more, behind by more than 183 days (1970,
2000-01-01, GPS week roll-over of 1,024 weeks), or behind by whole hours to within 2 minutes (time zones: 8 h). Being
ahead or that far behind cannot come from waiting; being behind by hours can, so such signs must all agree to within
2 minutes: a queue that drains after an outage comes nearer and nearer, a wrong clock stays where it is.

Raised when five signs reach over 10 minutes, with no good time (off by less than half an hour) in between; times that
are neither good nor a sign decide nothing. Onset is the receipt of the first sign, end that of the last one before a
good time (``condition_over``) or before silence of more than a day (``data_ended``); grade general. The value is by how
many hours the clock was ahead at the first sign, below 0 behind. Reports made up later (0x0704 type 1, ``backfill``)
say nothing here, nor do files without ``recv_time``.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import DAY_MS, NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7

HOUR_MS = 3_600_000

_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_GENERAL = int(Grade.GENERAL)


class ClockFaultSettings(RuleSettings):
    """Settings of ``clock_fault``."""

    least_s: float = Field(default=1800, gt=0, description="off by less than this is a good time (D)")
    oldest_days: float = Field(
        default=183.0, gt=0, description="further behind is no lateness: positions are kept so long (L art. 25)"
    )
    near_s: float = Field(default=120, gt=0, description="so near to whole hours, and to the first sign (D)")
    signs: int = Field(default=5, ge=2, description="at least this many signs (D)")
    hold_s: float = Field(default=600, gt=0, description="that reach over at least this long (D)")
    silence_s: float = Field(default=86_400, gt=0, description="silence longer than this ends it (D, as O1)")


PARAMS = np.dtype(
    [
        ("least_ms", np.int64),
        ("oldest_ms", np.int64),
        ("near_ms", np.int64),
        ("hold_ms", np.int64),
        ("silence_ms", np.int64),
        ("signs", np.int64),
        ("enabled", np.int64),
    ],
    align=True,
)
STATE = np.dtype(
    [
        ("first_ms", np.int64),  # receipt of the first sign
        ("last_ms", np.int64),  # receipt of the last one
        ("last_fix_ms", np.int64),  # what its time was
        ("offset_ms", np.int64),  # terminal's time less receipt, at the first sign
        ("start_lon_e7", np.int32),  # of the first sign; 0 and 0 without a position
        ("start_lat_e7", np.int32),
        ("n", np.int32),  # signs; 0 = none
        ("open", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, ClockFaultSettings)
    return (
        round(settings.least_s * 1000),
        round(settings.oldest_days * DAY_MS),
        round(settings.near_s * 1000),
        round(settings.hold_s * 1000),
        round(settings.silence_s * 1000),
        settings.signs,
        int(settings.enabled),
    )


@compiled
def is_impossible(params: np.void, offset_ms: int) -> bool:
    """Ahead, or further behind than any report can wait."""
    return bool(offset_ms >= params["least_ms"] or offset_ms < -params["oldest_ms"])


@compiled
def is_whole_hours(params: np.void, offset_ms: int) -> bool:
    """Near to a whole number of hours behind."""
    rest_ms = -offset_ms % HOUR_MS
    return bool(min(rest_ms, HOUR_MS - rest_ms) <= params["near_ms"])


@compiled
def write_edge(state: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the fault's figures; nobody drives a clock."""
    e = new_edge(out, x, code, 0, edge, state["first_ms"])
    e["driver"] = -1
    e["peak"] = state["offset_ms"] / np.float64(HOUR_MS)
    e["grade"] = _GENERAL
    e["n_reports"] = state["n"]
    if state["start_lon_e7"] != 0 or state["start_lat_e7"] != 0:
        e["start_lon"] = from_e7(state["start_lon_e7"])
        e["start_lat"] = from_e7(state["start_lat_e7"])
    e["late"] = 0
    return e


@compiled
def end(state: np.void, x: np.void, out: np.void, code: int, at_ms: int, reason: int) -> None:
    """Forget the signs, and clear what they raised."""
    if state["open"] == 1:
        e = write_edge(state, x, out, code, _CLEAR)
        e["at_ms"] = at_ms
        e["end_ms"] = state["last_ms"]
        e["end_reason"] = reason
    state["open"] = 0
    state["n"] = 0


@compiled
def silence_due_ms(state: np.void, params: np.void, x: np.void) -> int:
    """When silence ends what there is; after a pause of our own not before its grace is over."""
    due: int = state["last_ms"] + params["silence_ms"]
    if due > x["paused_ms"]:
        due = max(due, x["grace_until_ms"])
    return due


@compiled
def take_offset(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """A report with a wrong time, or one that comes after such."""
    offset_ms = x["offset_ms"]
    recv_ms = x["recv_ms"]
    if state["n"] > 0:
        due_ms = silence_due_ms(state, params, x)
        if recv_ms > due_ms:
            end(state, x, out, code, due_ms, _DATA_ENDED)
    if -params["least_ms"] < offset_ms < params["least_ms"]:
        if state["n"] > 0:
            end(state, x, out, code, x["clock_ms"], _OVER)
        return
    impossible = is_impossible(params, offset_ms)
    if not impossible and not is_whole_hours(params, offset_ms):
        return
    n = int(state["n"])
    if n > 0:
        fix_ms = recv_ms + offset_ms
        if not impossible and fix_ms == state["last_fix_ms"]:
            return
        if state["open"] == 0:
            was_impossible = is_impossible(params, state["offset_ms"])
            if impossible != was_impossible or (
                not impossible and abs(offset_ms - state["offset_ms"]) > params["near_ms"]
            ):
                n = 0
    if n == 0:
        state["first_ms"] = recv_ms
        state["last_ms"] = recv_ms
        state["offset_ms"] = offset_ms
        state["start_lon_e7"] = to_e7(x["lon_deg"]) if x["positioned"] == 1 else 0
        state["start_lat_e7"] = to_e7(x["lat_deg"]) if x["positioned"] == 1 else 0
    state["n"] = n + 1
    state["last_ms"] = max(state["last_ms"], recv_ms)
    state["last_fix_ms"] = recv_ms + offset_ms
    if state["open"] == 0 and n + 1 >= params["signs"] and state["last_ms"] - state["first_ms"] >= params["hold_ms"]:
        state["open"] = 1
        write_edge(state, x, out, code, _ONSET)


@folded
def receipt(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One report as it arrived; most have a good time and follow others that had."""
    offset_ms = x["offset_ms"]
    if state["n"] == 0 and -params["least_ms"] < offset_ms < params["least_ms"]:
        return
    if params["enabled"] == 0:
        end(state, x, out, code, x["clock_ms"], _DATA_ENDED)
    elif x["backfill"] == 0:
        take_offset(state, params, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence ends what is open."""
    if state["open"] == 0:
        return NEVER_MS
    due = silence_due_ms(state, params, x)
    if x["clock_ms"] > due:
        end(state, x, out, code, due, _DATA_ENDED)
        return NEVER_MS
    return due


RULE = Rule(
    name="clock_fault",
    title_zh="时钟异常",
    title_en="Clock fault",
    unit="h",
    settings=ClockFaultSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("n",),
    receipt=receipt,
    advance=advance,
    page=__doc__,
)
