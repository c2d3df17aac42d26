"""Cumulative driving 累计驾驶超时 (F3, F4).

Driving of the last 24 hours of more than 8 h (kind ``day_24h``: order art. 24), or of the last 7 days of more than
44 h (kind ``week``: norm art. 38). Both windows slide; coaches only unless set otherwise. Driving is what ``fatigue``
takes for it: short stops are not counted, being carried is rest, silence up to 1,200 s with more than 1 km is driving.
Of longer silence with more than 1 km, *certain* counts distance / class cap, from its beginning, and *suspected*
counts all; of more than 4 h neither counts anything.

The alarm comes at the moment the limit is passed, or with the first driving after a rest while the sum is still over
it, and ends at the start of the next rest of at least 1,200 s. Grade general, major from 10 % over; the value is the
highest sum reached. It is certain for what a known driver drove, else suspected: nobody says that one driver drove it
all. Another driver's card, which counts only at a stop, begins from zero; where no card was in since the stop, from the
moment of his. What one driver drove in several vehicles, with his card in, is added up at settlement, to the
millisecond; such a sum takes the place of one that a vehicle alone passes later in the same run.

Counted in whole seconds. The 24 hours are exact for up to 12 stretches of driving in them, beyond that off by some
seconds, 40 minutes at the very worst; the week by at most 15 min 15 s, where only half of the hour that leaves it was
driven.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.driving import (
    AFTER,
    BEFORE,
    DRIVING,
    LONG_SILENCE_MS,
    MOVING,
    STANDING,
    UNKNOWN,
    begin,
    certain_until_ms,
    change_of_driver,
    come_to_rest,
    driving_since_ms,
    kind_of_step,
    last_seen_driving_ms,
    least_driving_ms,
    leave_stop,
    stand,
    take_over,
)
from monitor.engine.driving_sums import (
    DAY_SUM,
    HOUR_S,
    WEEK_SUM,
    add_to_day,
    add_to_week,
    doubt_day,
    doubt_week,
    drop_old,
    forget_day,
    forget_week,
    go_to_hour,
    keep_open,
    most_in_day,
    sum_of_day,
    sum_of_week,
)
from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import Certainty, EndReason, Grade
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7

DAY_24H, WEEK = 0, 1

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)
_CERTAIN = int(Certainty.CERTAIN)
_SUSPECTED = int(Certainty.SUSPECTED)


class CumulativeDrivingSettings(RuleSettings):
    """Settings of ``cumulative_driving``."""

    classes: tuple[str, ...] = Field(
        default=("tour_coach", "charter_coach", "line_coach"),
        description="classes it applies to: order art. 24 and norm art. 38 are about coaches (L)",
    )
    day_limit_s: float = Field(default=28_800, gt=0, description="F3, of 24 h: order art. 24 (L)")
    week_limit_s: float = Field(default=158_400, gt=0, description="F4, of 7 days: norm art. 38 (L)")
    major_over_percent: float = Field(default=10, gt=0, description="grade major from this much over (D)")
    rest_s: float = Field(default=1200, gt=0, description="shortest rest: regulation art. 62(7) (L)")
    queue_s: float = Field(default=120, ge=0, description="a shorter and nearer move does not end a stop; 0 = off (D)")
    queue_m: float = Field(default=500, ge=0, description="and no further than this from the stop (D)")
    cap_kmh: dict[str, float] = Field(
        default={"hazmat": 80.0, "other": 120.0},
        description="class cap that bounds driving in unknown time; 100 for classes not named (L art. 78)",
    )


LIMITS = np.dtype([("limit_s", np.int64), ("major_s", np.int64)], align=True)
"""Of one kind."""

PARAMS = np.dtype(
    [
        ("day_24h", LIMITS),
        ("week", LIMITS),
        ("rest_ms", np.int64),
        ("queue_ms", np.int64),
        ("queue_m", np.float64),
        ("cap_kmh", np.float64),
        ("enabled", np.int64),
    ],
    align=True,
)

ALARM = np.dtype(
    [
        ("onset_ms", np.int64),  # 0 = no alarm
        ("distance_m", np.float64),  # since the onset
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("peak_s", np.int32),
        ("n", np.int32),
        ("certainty", np.int8),
        ("grade", np.int8),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("driving", DRIVING),
        ("day_24h", ALARM),
        ("week", ALARM),
        ("day_sum", DAY_SUM),
        ("week_sum", WEEK_SUM),
        ("watched", np.int8),  # the rule has been on since the report before
        ("late", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, CumulativeDrivingSettings)
    vehicle_class = facts.vehicle_class
    limits = [
        (round(limit_s), round(limit_s * (1 + settings.major_over_percent / 100)))
        for limit_s in (settings.day_limit_s, settings.week_limit_s)
    ]
    return (
        *limits,
        round(settings.rest_s * 1000),
        round(settings.queue_s * 1000),
        settings.queue_m,
        settings.cap_kmh.get(vehicle_class, 100.0),
        int(settings.enabled and vehicle_class in settings.classes),
    )


@compiled
def write_edge(
    state: np.void, alarm: np.void, limits: np.void, x: np.void, out: np.void, code: int, kind: int, edge: int
) -> np.void:
    """An edge with the alarm's figures."""
    e = new_edge(out, x, code, kind, edge, alarm["onset_ms"])
    e["driver"] = state["driving"]["driver"] - 1
    e["peak"] = alarm["peak_s"] / HOUR_S
    e["limit"] = limits["limit_s"] / HOUR_S
    e["distance_m"] = alarm["distance_m"]
    e["start_lon"] = from_e7(alarm["start_lon_e7"])
    e["start_lat"] = from_e7(alarm["start_lat_e7"])
    e["n_reports"] = alarm["n"]
    e["grade"] = alarm["grade"]
    e["certainty"] = alarm["certainty"]
    e["late"] = state["late"]
    return e


@compiled
def end_alarm(
    state: np.void,
    alarm: np.void,
    limits: np.void,
    x: np.void,
    out: np.void,
    code: int,
    kind: int,
    end_ms: int,
    end_lon: float,
    end_lat: float,
    reason: int,
) -> None:
    """Clear what is raised."""
    if alarm["onset_ms"] == 0:
        return
    e = write_edge(state, alarm, limits, x, out, code, kind, _CLEAR)
    e["end_ms"] = max(end_ms, alarm["onset_ms"])
    e["end_lon"] = end_lon
    e["end_lat"] = end_lat
    e["end_reason"] = reason
    alarm["onset_ms"] = 0


@compiled
def end_alarms(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    end_ms: int,
    end_lon: float,
    end_lat: float,
    reason: int,
) -> None:
    """A rest, or what is taken for one: the sums stay."""
    end_alarm(state, state["day_24h"], params["day_24h"], x, out, code, DAY_24H, end_ms, end_lon, end_lat, reason)
    end_alarm(state, state["week"], params["week"], x, out, code, WEEK, end_ms, end_lon, end_lat, reason)
    state["late"] = 0


@compiled
def sum_at(state: np.void, kind: int, at_s: int, sure: int) -> int:
    """Driving of the window before a moment, of what has been added."""
    if kind == DAY_24H:
        return sum_of_day(state["day_sum"], at_s, sure)
    return sum_of_week(state["week_sum"], at_s, sure)


@compiled
def moment_s(state: np.void, kind: int, limit_s: int, from_s: int, to_s: int, sure: int) -> int:
    """When the limit is passed by driving from ``from_s`` to ``to_s``, at whose end it is: the sum never falls then."""
    low = from_s
    high = to_s
    while low < high:
        middle = (low + high) // 2
        if sum_at(state, kind, middle, sure) + middle - from_s > limit_s:
            high = middle
        else:
            low = middle + 1
    return max(from_s, low - 1)


@compiled
def judge_drive(
    state: np.void,
    alarm: np.void,
    limits: np.void,
    x: np.void,
    out: np.void,
    code: int,
    kind: int,
    from_s: int,
    to_s: int,
    sure: int,
) -> None:
    """Say what driving passes that is not yet added."""
    limit_s = limits["limit_s"]
    length_s = to_s - from_s
    all_s = sum_at(state, kind, to_s, 0) + length_s
    sure_s = sum_at(state, kind, to_s, 1) + length_s if sure == 1 else 0
    if alarm["onset_ms"] == 0:
        if all_s <= limit_s:
            return
        certain = sure_s > limit_s
        alarm["onset_ms"] = moment_s(state, kind, limit_s, from_s, to_s, 1 if certain else 0) * 1000
        alarm["distance_m"] = 0.0
        alarm["n"] = 0
        alarm["start_lon_e7"] = to_e7(x["lon_deg"])
        alarm["start_lat_e7"] = to_e7(x["lat_deg"])
        alarm["certainty"] = _CERTAIN if certain else _SUSPECTED
        alarm["peak_s"] = sure_s if certain else all_s
        alarm["grade"] = _MAJOR if alarm["peak_s"] >= limits["major_s"] else _GENERAL
        write_edge(state, alarm, limits, x, out, code, kind, _ONSET)
        return
    changed = False
    if alarm["certainty"] == _SUSPECTED and sure_s > limit_s:
        alarm["certainty"] = _CERTAIN
        alarm["peak_s"] = sure_s
        changed = True
    alarm["peak_s"] = max(alarm["peak_s"], sure_s if alarm["certainty"] == _CERTAIN else all_s)
    if alarm["grade"] < _MAJOR and alarm["peak_s"] >= limits["major_s"]:
        alarm["grade"] = _MAJOR
        changed = True
    if changed:
        write_edge(state, alarm, limits, x, out, code, kind, _UPDATE)


@folded
def judge_day(
    state: np.void, params: np.void, x: np.void, out: np.void, code: int, from_s: int, to_s: int, sure: int
) -> None:
    """The 24 hours, unless there is nothing to say."""
    limits = params["day_24h"]
    day = state["day_sum"]
    if state["day_24h"]["onset_ms"] == 0 and most_in_day(day) + to_s - from_s <= limits["limit_s"]:
        return
    if day["open_to_s"] < from_s:
        keep_open(day)
    drop_old(day, from_s)
    judge_drive(state, state["day_24h"], limits, x, out, code, DAY_24H, from_s, to_s, sure)


@folded
def judge_week(
    state: np.void, params: np.void, x: np.void, out: np.void, code: int, from_s: int, to_s: int, sure: int
) -> None:
    """The 7 days, unless there is nothing to say."""
    limits = params["week"]
    week = state["week_sum"]
    if state["week"]["onset_ms"] == 0 and week["all_s"] + to_s - from_s <= limits["limit_s"]:
        return
    go_to_hour(week, from_s // HOUR_S)
    judge_drive(state, state["week"], limits, x, out, code, WEEK, from_s, to_s, sure)


@compiled
def drive(
    state: np.void, params: np.void, x: np.void, out: np.void, code: int, from_ms: int, to_ms: int, sure: int
) -> None:
    """Driving that follows all before it; of nobody who is known it is never sure."""
    from_s = from_ms // 1000
    to_s = to_ms // 1000
    if to_s <= from_s:
        return
    judge_day(state, params, x, out, code, from_s, to_s, sure)
    judge_week(state, params, x, out, code, from_s, to_s, sure)
    add_to_day(state["day_sum"], from_s, to_s, sure)
    add_to_week(state["week_sum"], from_s, to_s, sure)


@folded
def travel(state: np.void, x: np.void) -> None:
    """The way since the onset."""
    if state["day_24h"]["onset_ms"] != 0:
        state["day_24h"]["distance_m"] += x["distance_m"]
    if state["week"]["onset_ms"] != 0:
        state["week"]["distance_m"] += x["distance_m"]


@folded
def move(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """The step was driving: it ends a stop unless it is short and near."""
    driving = state["driving"]
    from_ms = driving_since_ms(driving, params["queue_ms"], params["queue_m"], x)
    if from_ms == 0:
        return
    travel(state, x)
    until_ms = certain_until_ms(driving, from_ms, x)
    if until_ms < from_ms:
        doubt_week(state["week_sum"], doubt_day(state["day_sum"], until_ms // 1000))
    sure = 1 if driving["driver"] != 0 and until_ms > from_ms else 0
    drive(state, params, x, out, code, from_ms, x["fix_ms"], sure)


@compiled
def pass_unknown(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """Silence of more than a rest with more than 1 km moved: driving as far as the way needs it, the rest perhaps.

    Where it can hold a rest it ends a certain alarm; the next driving will tell whether the sum is still over.
    """
    driving = state["driving"]
    from_ms = x["previous_fix_ms"]
    to_ms = x["fix_ms"]
    least_ms = min(least_driving_ms(params["cap_kmh"], x), to_ms - from_ms)
    stop_ms = last_seen_driving_ms(driving, from_ms)
    leave_stop(driving)
    driving["acc_fast_ms"] = 0
    travel(state, x)
    known = 1 if driving["driver"] != 0 else 0
    day = state["day_24h"]
    week = state["week"]
    day_certain = day["onset_ms"] != 0 and day["certainty"] == _CERTAIN
    week_certain = week["onset_ms"] != 0 and week["certainty"] == _CERTAIN
    if to_ms - stop_ms - least_ms >= params["rest_ms"] and (day_certain or week_certain):
        lon = x["previous_lon_deg"]
        lat = x["previous_lat_deg"]
        end_alarms(state, params, x, out, code, stop_ms, lon, lat, _DATA_ENDED)
        for_certain_s = (from_ms + least_ms) // 1000
        add_to_day(state["day_sum"], from_ms // 1000, for_certain_s, known)
        add_to_week(state["week_sum"], from_ms // 1000, for_certain_s, known)
        add_to_day(state["day_sum"], for_certain_s, to_ms // 1000, 0)
        add_to_week(state["week_sum"], for_certain_s, to_ms // 1000, 0)
        return
    drive(state, params, x, out, code, from_ms, from_ms + least_ms, known)
    drive(state, params, x, out, code, from_ms + least_ms, to_ms, 0)


@compiled
def forget(state: np.void) -> None:
    """Another driver, or the rule is off: nothing was driven."""
    forget_day(state["day_sum"])
    forget_week(state["week_sum"])


@compiled
def begin_from_zero(
    state: np.void, params: np.void, x: np.void, out: np.void, code: int, end_ms: int, end_lon: float, end_lat: float
) -> None:
    """Another driver has taken over."""
    end_alarms(state, params, x, out, code, end_ms, end_lon, end_lat, _OVER)
    forget(state)
    state["driving"]["acc_fast_ms"] = 0
    take_over(state["driving"], x)


@compiled
def switch_off(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """The rule no longer applies to the vehicle."""
    driving = state["driving"]
    at_ms = last_seen_driving_ms(driving, x["previous_fix_ms"])
    end_alarms(state, params, x, out, code, at_ms, x["previous_lon_deg"], x["previous_lat_deg"], _DATA_ENDED)
    forget(state)
    leave_stop(driving)
    driving["acc_fast_ms"] = 0
    state["watched"] = 0


@folded
def count_report(state: np.void, x: np.void) -> None:
    """The reports since the onset."""
    if state["day_24h"]["onset_ms"] != 0:
        state["day_24h"]["n"] += 1
    if state["week"]["onset_ms"] != 0:
        state["week"]["n"] += 1
    if x["late"] == 1:
        state["late"] = 1


@compiled
def watch(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """One report of a vehicle that the rule applies to: what was the time since the last one?"""
    driving = state["driving"]
    if state["watched"] == 0:
        state["watched"] = 1
        begin(driving, x)
        return
    if x["dt_ms"] <= LONG_SILENCE_MS:
        count_report(state, x)
    lon = x["previous_lon_deg"]
    lat = x["previous_lat_deg"]
    at_ms = last_seen_driving_ms(driving, x["previous_fix_ms"])
    change = change_of_driver(driving, x)
    if change == BEFORE:
        begin_from_zero(state, params, x, out, code, at_ms, lon, lat)
    kind = kind_of_step(params["rest_ms"], x)
    if kind == MOVING:
        move(state, params, x, out, code)
        if change == AFTER:
            at_ms = last_seen_driving_ms(driving, x["fix_ms"])
            begin_from_zero(state, params, x, out, code, at_ms, x["lon_deg"], x["lat_deg"])
    elif kind == STANDING:
        if stand(driving, params["rest_ms"], x):
            stop_lon = from_e7(driving["stop_lon_e7"])
            stop_lat = from_e7(driving["stop_lat_e7"])
            end_alarms(state, params, x, out, code, driving["rest_ms"], stop_lon, stop_lat, _OVER)
    elif kind == UNKNOWN:
        pass_unknown(state, params, x, out, code)
    else:
        end_alarms(state, params, x, out, code, at_ms, lon, lat, _DATA_ENDED)
        leave_stop(driving)
        driving["acc_fast_ms"] = 0
    come_to_rest(driving, x)


@folded
def step(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """One accepted report, if the rule applies to the vehicle."""
    if params["enabled"] == 1:
        watch(state, params, x, out, code)
    elif state["watched"] == 1:
        switch_off(state, params, x, out, code)


@compiled
def advance(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> int:
    """Silence of more than 4 h ends an alarm at the last report, or at the stop before it."""
    day = state["day_24h"]
    week = state["week"]
    if day["onset_ms"] == 0 and week["onset_ms"] == 0:
        return NEVER_MS
    due = core["clock_ms"] + LONG_SILENCE_MS
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        at_ms = last_seen_driving_ms(state["driving"], core["fix_ms"])
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_alarms(state, params, x, out, code, at_ms, core["lon_deg"], core["lat_deg"], _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1:
        if day["onset_ms"] != 0:
            write_edge(state, day, params["day_24h"], x, out, code, DAY_24H, _UPDATE)
        if week["onset_ms"] != 0:
            write_edge(state, week, params["week"], x, out, code, WEEK, _UPDATE)
    return int(due)


RULE = Rule(
    name="cumulative_driving",
    title_zh="累计驾驶超时",
    title_en="Cumulative driving",
    unit="h",
    kinds=("day_24h", "week"),
    subject_driver=True,
    settings=CumulativeDrivingSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("watched",),
    step=step,
    advance=advance,
    page=__doc__,
)
