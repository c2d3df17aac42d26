"""Fatigue driving 疲劳驾驶 (F1, F2, F5-F7).

Continuous driving since the last rest: more than 4 h (kind ``day``), or more than 2 h of it inside the night
22:00-06:00 (kind ``night``; coaches and hazmat). A rest is at least 1,200 s, from the first report below 5 km/h (or the
last report before silence) to the next report at or above 5; short stops are not driving (switch: elapsed).

Moves of less than 2 minutes within 500 m of the stop (queueing) do not end a rest. Being carried (ACC off at up to
25 km/h: ferry, tow) is a rest; ACC off above 25 km/h for more than 2 minutes is unknown time. Silence within 1 km is
standing; up to 1,200 s with more than 1 km it is driving; longer it is unknown: *certain* takes it as rest where it can
hold one, else counts distance / class cap as driving, *suspected* takes it all as driving. Silence of more than 4 h
ends both.

The alarm comes at the moment the limit is passed and ends at the start of the rest that ends the run. Grade general,
major from 30 minutes over, serious from 60. The clock is the driver's where a card is known, else the vehicle's; two
drivers without cards (``crew = 2``) make it suspected. A card change counts only at a stop; out and in of the same card
is nothing. Where no card was in at the stop, nor since, the other driver takes over at the moment of his card, though
it moves: what was driven between without a card stays with the driver last named, of whom alone is known that he drove
without a rest. Pre-warnings (F5) come 30 minutes before ``day`` and 15 minutes before ``night``.

The time is told as stretches of driving, standing and unknown time (ACC contradicting, long silence with more than
1 km), whether the rule is on or not. A stretch is cut where another driver takes over or a first card is learned; its
driver is unknown where it began after a stop with no card in since.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.driving import (
    AFTER,
    BEFORE,
    DRIVING,
    LEARNED,
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
from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.engine.stretch_clock import (
    OPEN,
    begin_stretch,
    close_drive,
    cut_after,
    cut_before,
    name_again,
    pass_drive,
    pass_queue,
    pass_stand,
    pass_unseen,
    pull_up,
    who_drives,
    write_open,
)
from monitor.model.alarm import Certainty, EndReason, Grade
from monitor.model.beijing import NEVER_MS, ms_of_day
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7

DAY, NIGHT = 0, 1
HOUR_MS = 3_600_000.0

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_PREWARNING = int(EdgeType.PREWARNING)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)
_SERIOUS = int(Grade.SERIOUS)
_CERTAIN = int(Certainty.CERTAIN)
_SUSPECTED = int(Certainty.SUSPECTED)


class FatigueSettings(RuleSettings):
    """Settings of ``fatigue``."""

    day_limit_s: float = Field(default=14_400, gt=0, description="F1: order art. 24, regulation art. 62(7) (L)")
    night_limit_s: dict[str, float] = Field(
        default={"tour_coach": 7200, "charter_coach": 7200, "line_coach": 7200, "hazmat": 7200},
        description="F2 by class: law for passenger drivers (L), hazmat on (A); classes not named have none",
    )
    rest_s: float = Field(default=1200, gt=0, description="shortest rest: regulation art. 62(7) (L)")
    major_over_s: float = Field(default=1800, gt=0, description="grade major from this much over (D)")
    serious_over_s: float = Field(default=3600, gt=0, description="grade serious from this much over (D)")
    day_warning_s: float = Field(default=1800, ge=0, description="F5 before the day limit (V)")
    night_warning_s: float = Field(default=900, ge=0, description="F5 before the night limit (D)")
    queue_s: float = Field(default=120, ge=0, description="a shorter and nearer move does not end a rest; 0 = off (D)")
    queue_m: float = Field(default=500, ge=0, description="and no further than this from the stop (D)")
    elapsed: bool = Field(default=False, description="count short stops as driving (switch of the readings)")
    cap_kmh: dict[str, float] = Field(
        default={"hazmat": 80.0, "other": 120.0},
        description="class cap that bounds driving in unknown time; 100 for classes not named (L art. 78)",
    )


LIMITS = np.dtype([("limit_ms", np.int64), ("warning_ms", np.int64)], align=True)
"""Of one kind; a limit of 0 switches it off."""

PARAMS = np.dtype(
    [
        ("day", LIMITS),
        ("night", LIMITS),
        ("rest_ms", np.int64),
        ("major_ms", np.int64),
        ("serious_ms", np.int64),
        ("queue_ms", np.int64),
        ("queue_m", np.float64),
        ("cap_kmh", np.float64),
        ("elapsed", np.int64),
        ("two_drivers", np.int64),
        ("enabled", np.int64),
    ],
    align=True,
)

CLOCK = np.dtype(
    [
        ("onset_ms", np.int64),  # 0 = no alarm
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("certain_ms", np.int32),  # driving since the last rest (for ``night``: the part inside the night)
        ("suspected_ms", np.int32),
        ("onset_distance_m", np.float32),
        ("onset_n", np.int32),
        ("certainty", np.int8),
        ("grade", np.int8),
        ("warned", np.int8),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("driving", DRIVING),
        ("distance_m", np.float64),  # since the run began
        ("day", CLOCK),
        ("night", CLOCK),
        ("stretch", OPEN),
        ("n", np.int32),
        ("late", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, FatigueSettings)
    vehicle_class = facts.vehicle_class
    night_s = settings.night_limit_s.get(vehicle_class, 0)
    return (
        (round(settings.day_limit_s * 1000), round(settings.day_warning_s * 1000)),
        (round(night_s * 1000), round(settings.night_warning_s * 1000)),
        round(settings.rest_s * 1000),
        round(settings.major_over_s * 1000),
        round(settings.serious_over_s * 1000),
        round(settings.queue_s * 1000),
        settings.queue_m,
        settings.cap_kmh.get(vehicle_class, 100.0),
        int(settings.elapsed),
        int(facts.vehicle is not None and facts.vehicle.crew >= 2),
        int(settings.enabled),
    )


@folded
def night_overlap_ms(from_ms: int, to_ms: int) -> int:
    """How much of a span of less than 16 h lies inside 22:00-06:00."""
    start = ms_of_day(from_ms)
    end = start + (to_ms - from_ms)
    if start >= 21_600_000 and end <= 79_200_000:
        return 0
    total = 0
    for night_from, night_to in ((0, 21_600_000), (79_200_000, 108_000_000), (165_600_000, 194_400_000)):
        total += max(0, min(end, night_to) - max(start, night_from))
    return total


@compiled
def night_moment_ms(from_ms: int, remaining_ms: int) -> int:
    """When ``remaining_ms`` of night have passed since ``from_ms``, the night of that moment or the next."""
    in_day = ms_of_day(from_ms)
    if in_day < 21_600_000:
        if in_day + remaining_ms <= 21_600_000:
            return from_ms + remaining_ms
        remaining_ms -= 21_600_000 - in_day
        return from_ms - in_day + 79_200_000 + remaining_ms
    if in_day < 79_200_000:
        return from_ms - in_day + 79_200_000 + remaining_ms
    return from_ms + remaining_ms


@compiled
def governing_ms(clock: np.void) -> int:
    """The time an alarm goes by: certain where it is certain."""
    if clock["certainty"] == _CERTAIN:
        return int(clock["certain_ms"])
    return int(clock["suspected_ms"])


@compiled
def write_edge(
    state: np.void, clock: np.void, limits: np.void, x: np.void, out: np.void, code: int, kind: int, edge: int
) -> np.void:
    """An edge with the alarm's figures."""
    e = new_edge(out, x, code, kind, edge, clock["onset_ms"])
    e["driver"] = state["driving"]["driver"] - 1
    e["peak"] = governing_ms(clock) / HOUR_MS
    e["limit"] = limits["limit_ms"] / HOUR_MS
    e["distance_m"] = max(0.0, state["distance_m"] - np.float64(clock["onset_distance_m"]))
    e["start_lon"] = from_e7(clock["start_lon_e7"])
    e["start_lat"] = from_e7(clock["start_lat_e7"])
    e["n_reports"] = state["n"] - clock["onset_n"]
    e["grade"] = clock["grade"]
    e["certainty"] = clock["certainty"]
    e["late"] = state["late"]
    return e


@compiled
def grade_over(params: np.void, over_ms: int) -> int:
    """General; major and serious by how much the limit is passed."""
    if over_ms >= params["serious_ms"]:
        return _SERIOUS
    if over_ms >= params["major_ms"]:
        return _MAJOR
    return _GENERAL


@compiled
def end_clock(
    state: np.void,
    clock: np.void,
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
    """Clear what is raised and start from zero."""
    if clock["onset_ms"] != 0:
        e = write_edge(state, clock, limits, x, out, code, kind, _CLEAR)
        e["end_ms"] = max(end_ms, clock["onset_ms"])
        e["end_lon"] = end_lon
        e["end_lat"] = end_lat
        e["end_reason"] = reason
    clock["onset_ms"] = 0
    clock["certain_ms"] = 0
    clock["suspected_ms"] = 0
    clock["warned"] = 0


@compiled
def end_run(
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
    """The run is over: both clocks start from zero."""
    end_clock(state, state["day"], params["day"], x, out, code, DAY, end_ms, end_lon, end_lat, reason)
    end_clock(state, state["night"], params["night"], x, out, code, NIGHT, end_ms, end_lon, end_lat, reason)
    state["distance_m"] = 0.0
    state["n"] = 0
    state["late"] = 0
    state["driving"]["acc_fast_ms"] = 0


@compiled
def pass_limit(
    state: np.void,
    clock: np.void,
    params: np.void,
    limits: np.void,
    x: np.void,
    out: np.void,
    code: int,
    kind: int,
    moment_ms: int,
    certainty: int,
) -> None:
    """The limit was passed: a new alarm, or a suspected one that has become certain."""
    if clock["onset_ms"] == 0:
        clock["onset_ms"] = moment_ms
        clock["onset_distance_m"] = state["distance_m"]
        clock["onset_n"] = state["n"]
        clock["start_lon_e7"] = to_e7(x["lon_deg"])
        clock["start_lat_e7"] = to_e7(x["lat_deg"])
        clock["certainty"] = certainty
        clock["grade"] = grade_over(params, governing_ms(clock) - limits["limit_ms"])
        write_edge(state, clock, limits, x, out, code, kind, _ONSET)
    elif certainty < clock["certainty"]:
        clock["certainty"] = certainty
        write_edge(state, clock, limits, x, out, code, kind, _UPDATE)


@folded
def run_clock(
    state: np.void,
    clock: np.void,
    params: np.void,
    limits: np.void,
    x: np.void,
    out: np.void,
    code: int,
    kind: int,
    from_ms: int,
    certain_add: int,
    suspected_add: int,
) -> None:
    """Add driving to one clock, and say what that passes."""
    limit_ms = limits["limit_ms"]
    certain = np.int64(clock["certain_ms"])
    suspected = np.int64(clock["suspected_ms"])
    clock["certain_ms"] = certain + certain_add
    clock["suspected_ms"] = suspected + suspected_add
    if clock["onset_ms"] == 0 and suspected + suspected_add < limit_ms - limits["warning_ms"]:
        return
    if certain <= limit_ms < certain + certain_add:
        remaining = limit_ms - certain
        moment = night_moment_ms(from_ms, remaining) if kind == NIGHT else from_ms + remaining
        doubtful = params["two_drivers"] == 1 and state["driving"]["driver"] == 0
        certainty = _SUSPECTED if doubtful else _CERTAIN
        pass_limit(state, clock, params, limits, x, out, code, kind, moment, certainty)
    if suspected <= limit_ms < suspected + suspected_add:
        remaining = limit_ms - suspected
        moment = night_moment_ms(from_ms, remaining) if kind == NIGHT else from_ms + remaining
        pass_limit(state, clock, params, limits, x, out, code, kind, moment, _SUSPECTED)
    if clock["onset_ms"] != 0:
        grade = grade_over(params, governing_ms(clock) - limit_ms)
        if grade > clock["grade"]:
            clock["grade"] = grade
            write_edge(state, clock, limits, x, out, code, kind, _UPDATE)
        return
    now = certain + certain_add
    near = limit_ms - limits["warning_ms"] <= now < limit_ms
    if near and certain_add > 0 and clock["warned"] == 0:
        clock["warned"] = 1
        e = new_edge(out, x, code, kind, _PREWARNING, x["fix_ms"])
        e["driver"] = state["driving"]["driver"] - 1
        e["peak"] = now / HOUR_MS
        e["limit"] = limit_ms / HOUR_MS


@folded
def drive(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    from_ms: int,
    certain_to_ms: int,
    to_ms: int,
) -> None:
    """Add driving: ``from_ms`` to ``certain_to_ms`` to the certain clocks, to ``to_ms`` to the suspected ones."""
    if params["enabled"] == 0:
        return
    certain_add = certain_to_ms - from_ms
    suspected_add = to_ms - from_ms
    run_clock(state, state["day"], params, params["day"], x, out, code, DAY, from_ms, certain_add, suspected_add)
    if params["night"]["limit_ms"] == 0:
        return
    suspected_add = night_overlap_ms(from_ms, to_ms)
    if suspected_add == 0 and state["night"]["onset_ms"] == 0:
        return
    certain_add = night_overlap_ms(from_ms, certain_to_ms)
    run_clock(state, state["night"], params, params["night"], x, out, code, NIGHT, from_ms, certain_add, suspected_add)


@folded
def rest_begins(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """The stop has become a rest: the run ended where it began."""
    driving = state["driving"]
    lon = from_e7(driving["stop_lon_e7"])
    lat = from_e7(driving["stop_lat_e7"])
    end_run(state, params, x, out, code, driving["rest_ms"], lon, lat, _OVER)


@folded
def move(state: np.void, params: np.void, x: np.void, out: np.void, code: int, who: int) -> None:
    """The step was driving: it ends a stop unless it is short and near."""
    driving = state["driving"]
    stopped_ms = driving["rest_ms"]
    rested = driving["rested"]
    from_ms = driving_since_ms(driving, params["queue_ms"], params["queue_m"], x)
    if from_ms == 0:
        pass_queue(state["stretch"], x)
        return
    drive_ms = from_ms
    if stopped_ms != 0 and rested == 0 and params["elapsed"] == 1 and state["day"]["suspected_ms"] > 0:
        from_ms = stopped_ms
    state["distance_m"] += x["distance_m"]
    certain_to_ms = certain_until_ms(driving, from_ms, x)
    pass_drive(state["stretch"], driving, x, out, drive_ms, certain_to_ms, who)
    if certain_to_ms < from_ms:
        day = state["day"]
        day["certain_ms"] = max(0, day["certain_ms"] - (from_ms - certain_to_ms))
        night = state["night"]
        night["certain_ms"] = max(0, night["certain_ms"] - night_overlap_ms(certain_to_ms, from_ms))
        certain_to_ms = from_ms
    drive(state, params, x, out, code, from_ms, certain_to_ms, x["fix_ms"])


@compiled
def pass_unknown(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """Silence of more than a rest with more than 1 km moved: rest for certain if it can hold one, driving if not."""
    driving = state["driving"]
    from_ms = x["previous_fix_ms"]
    to_ms = x["fix_ms"]
    least_ms = min(least_driving_ms(params["cap_kmh"], x), to_ms - from_ms)
    slack_ms = to_ms - from_ms - least_ms
    stopped_ms = 0
    end_ms = from_ms
    end_lon = x["previous_lon_deg"]
    end_lat = x["previous_lat_deg"]
    if driving["rest_ms"] != 0:
        stopped_ms = from_ms - driving["rest_ms"]
        end_ms = driving["rest_ms"]
        end_lon = from_e7(driving["stop_lon_e7"])
        end_lat = from_e7(driving["stop_lat_e7"])
    leave_stop(driving)
    if slack_ms + stopped_ms >= params["rest_ms"]:
        day = state["day"]
        night = state["night"]
        day_raised = day["onset_ms"] != 0 and day["certainty"] == _CERTAIN
        night_raised = night["onset_ms"] != 0 and night["certainty"] == _CERTAIN
        if day_raised or night_raised:
            end_run(state, params, x, out, code, end_ms, end_lon, end_lat, _DATA_ENDED)
            return
        day["certain_ms"] = 0
        day["warned"] = 0
        night["certain_ms"] = 0
        night["warned"] = 0
        state["distance_m"] += x["distance_m"]
        drive(state, params, x, out, code, from_ms, from_ms, to_ms)
        return
    state["distance_m"] += x["distance_m"]
    drive(state, params, x, out, code, from_ms, from_ms + least_ms, to_ms)


@folded
def step(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """One accepted report: what was the time since the last one?"""
    driving = state["driving"]
    stretch = state["stretch"]
    if x["first"] == 1:
        begin(driving, x)
        begin_stretch(stretch, driving, x)
        return
    if x["dt_ms"] <= LONG_SILENCE_MS:
        state["n"] += 1
        if x["late"] == 1:
            state["late"] = 1
    who = who_drives(driving)
    change = change_of_driver(driving, x)
    if change == BEFORE:
        at_ms = last_seen_driving_ms(driving, x["previous_fix_ms"])
        end_run(state, params, x, out, code, at_ms, x["previous_lon_deg"], x["previous_lat_deg"], _OVER)
        take_over(driving, x)
        who = who_drives(driving)
        cut_before(stretch, driving, x, out)
    kind = kind_of_step(params["rest_ms"], x)
    if kind == STANDING:
        rests = stand(driving, params["rest_ms"], x)
        pass_stand(stretch, driving, x, out, who)
        if rests:
            rest_begins(state, params, x, out, code)
    elif kind == MOVING:
        move(state, params, x, out, code, who)
        if change == AFTER:
            at_ms = last_seen_driving_ms(driving, x["fix_ms"])
            end_run(state, params, x, out, code, at_ms, x["lon_deg"], x["lat_deg"], _OVER)
            take_over(driving, x)
    elif kind == UNKNOWN:
        pass_unseen(stretch, x, out, who)
        pass_unknown(state, params, x, out, code)
    else:
        pass_unseen(stretch, x, out, who)
        at_ms = last_seen_driving_ms(driving, x["previous_fix_ms"])
        end_run(state, params, x, out, code, at_ms, x["previous_lon_deg"], x["previous_lat_deg"], _DATA_ENDED)
        leave_stop(driving)
    if change in (LEARNED, AFTER):
        cut_after(stretch, driving, x, out)
    elif stretch["driver"] == 0:
        name_again(stretch, driving, x)
    come_to_rest(driving, x)
    pull_up(stretch, driving, x, out)


@compiled
def advance(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> int:
    """Silence of more than 4 h ends the run at its last report, or at the stop before it."""
    due = NEVER_MS
    if core["fix_ms"] != 0 and state["day"]["suspected_ms"] != 0:
        due = core["clock_ms"] + LONG_SILENCE_MS
        if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
            fall_silent(state, params, core, x, out, code, due)
            due = NEVER_MS
        elif x["final"] == 1:
            if state["day"]["onset_ms"] != 0:
                write_edge(state, state["day"], params["day"], x, out, code, DAY, _UPDATE)
            if state["night"]["onset_ms"] != 0:
                write_edge(state, state["night"], params["night"], x, out, code, NIGHT, _UPDATE)
    if x["final"] == 1 and core["fix_ms"] != 0:
        write_open(state["stretch"], x["row"], out, core["fix_ms"])
    return int(due)


@compiled
def fall_silent(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int, due: int) -> None:
    """The run is over, as of the deadline."""
    at_ms = last_seen_driving_ms(state["driving"], core["fix_ms"])
    now = x["clock_ms"]
    x["clock_ms"] = due
    end_run(state, params, x, out, code, at_ms, core["lon_deg"], core["lat_deg"], _DATA_ENDED)
    x["clock_ms"] = now
    close_drive(state["stretch"], state["driving"], x["row"], out, core["fix_ms"])


RULE = Rule(
    name="fatigue",
    title_zh="疲劳驾驶",
    title_en="Fatigue driving",
    unit="h",
    kinds=("day", "night"),
    subject_driver=True,
    settings=FatigueSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("driving", "distance_m", "day", "stretch", "n"),
    step=step,
    advance=advance,
    page=__doc__,
)
