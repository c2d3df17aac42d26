"""Low track completeness 轨迹完整率低 (T2, T3).

Complete mileage divided by total mileage, in percent, of a Beijing day (from 20 km in the day) and of a calendar month
(from 100 km in the month). Below 90 % yellow (general), below 70 % red (major). Onset and end are the day's or the
month's.

The month is the sum of its days and is judged when it is over: with its last day, or, where there were no reports on
that day, at its end. Live, a report of a month that is judged already counts for the next one, until settlement.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS, day_start_ms, month_start_day, next_month_day
from monitor.model.compiled import compiled
from monitor.model.edge import EdgeType

DAY, MONTH = 0, 1
GRACE_MS = 600_000
"""Live, a month is closed as long after its end as a day is, so that reports under way are still counted."""

_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_WINDOW_OVER = int(EndReason.WINDOW_OVER)
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)


class LowCompletenessSettings(RuleSettings):
    """Settings of ``low_completeness``."""

    yellow_percent: float = Field(default=90.0, gt=0, le=100, description="T2, T3: general below this (D)")
    red_percent: float = Field(default=70.0, gt=0, le=100, description="T2, T3: major below this (A)")
    least_m: float = Field(default=20_000, ge=0, description="T2 only from this mileage in the day (D)")
    least_month_m: float = Field(default=100_000, ge=0, description="T3 only from this mileage in the month (D)")


PARAMS = np.dtype(
    [
        ("yellow_percent", np.float64),
        ("red_percent", np.float64),
        ("least_m", np.float64),
        ("least_month_m", np.float64),
        ("enabled", np.int64),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("mileage_m", np.float64),  # of the month's days so far
        ("mileage_complete_m", np.float64),
        ("reports", np.int32),
        ("end_day", np.int32),  # first day after the month; 0 = nothing of it yet
        ("judged_day", np.int32),  # first day after the last month that was judged
        ("counted", np.int8),  # the day in progress is in a month that was just judged
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, LowCompletenessSettings)
    return (
        settings.yellow_percent,
        settings.red_percent,
        settings.least_m,
        settings.least_month_m,
        int(settings.enabled),
    )


@compiled
def judge(
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    kind: int,
    from_day: int,
    end_day: int,
    total_m: float,
    complete_m: float,
    reports: int,
) -> None:
    """A day or a month is over: judge its rate."""
    least_m = params["least_m"] if kind == DAY else params["least_month_m"]
    if params["enabled"] == 0 or total_m < least_m or total_m <= 0.0:
        return
    rate = 100.0 * complete_m / total_m
    if rate >= params["yellow_percent"]:
        return
    for edge in (_ONSET, _CLEAR):
        e = new_edge(out, x, code, kind, edge, day_start_ms(from_day))
        e["driver"] = -1
        e["peak"] = rate
        e["mean"] = rate
        e["limit"] = params["yellow_percent"]
        e["distance_m"] = total_m
        e["grade"] = _MAJOR if rate < params["red_percent"] else _GENERAL
        e["n_reports"] = reports
        e["late"] = 0
        if edge == _CLEAR:
            e["end_ms"] = day_start_ms(end_day)
            e["end_reason"] = _WINDOW_OVER


@compiled
def month_of(state: np.void, day: int) -> int:
    """First day after the month that a day counts for: its own, or the next where that one is judged already."""
    return next_month_day(max(int(day), int(state["judged_day"])))


@compiled
def count_day(state: np.void, total_m: float, complete_m: float, reports: int) -> None:
    """Add a day to its month."""
    state["mileage_m"] += total_m
    state["mileage_complete_m"] += complete_m
    state["reports"] += reports


@compiled
def close_month(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """Judge the month and begin with nothing."""
    end_day = state["end_day"]
    judge(
        params,
        x,
        out,
        code,
        MONTH,
        month_start_day(end_day - 1),
        end_day,
        state["mileage_m"],
        state["mileage_complete_m"],
        state["reports"],
    )
    state["mileage_m"] = 0.0
    state["mileage_complete_m"] = 0.0
    state["reports"] = 0
    state["end_day"] = 0
    state["judged_day"] = end_day


@compiled
def close_day(
    state: np.void,
    params: np.void,
    core: np.void,
    day: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """A day is over, perhaps the last of a month."""
    number = day["day"]
    total_m, complete_m, reports = day["mileage_m"], day["mileage_complete_m"], day["reports_total"]
    judge(params, x, out, code, DAY, number, number + 1, total_m, complete_m, reports)
    if state["counted"] == 1:
        state["counted"] = 0
        return
    if state["end_day"] != 0 and number >= state["end_day"]:
        close_month(state, params, x, out, code)
    if state["end_day"] == 0:
        state["end_day"] = month_of(state, number)
    count_day(state, total_m, complete_m, reports)
    if number + 1 == state["end_day"]:
        close_month(state, params, x, out, code)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """A month ends by the clock; the day in progress belongs to it or to a later one."""
    now = x["clock_ms"]
    open_day = core["day"] if core["reports_total"] > 0 else 0
    while True:
        if state["end_day"] == 0:
            if open_day <= 0 or state["counted"] == 1:
                return NEVER_MS
            state["end_day"] = month_of(state, open_day)
        due = day_start_ms(state["end_day"])
        if x["settled"] == 0:
            due += GRACE_MS
        if now < due:
            return due - 1
        if 0 < open_day < state["end_day"]:
            count_day(state, core["mileage_m"], core["mileage_complete_m"], core["reports_total"])
            state["counted"] = 1
        x["clock_ms"] = due
        close_month(state, params, x, out, code)
        x["clock_ms"] = now


RULE = Rule(
    name="low_completeness",
    title_zh="轨迹完整率低",
    title_en="Low track completeness",
    unit="%",
    kinds=("day", "month"),
    settings=LowCompletenessSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    advance=advance,
    close_day=close_day,
    page=__doc__,
)
