"""Deviation from a permit 路线偏离 (R1): oversize transport, special hazmat, charter trips.

Only for vehicles with a permit (``permits_file``), and only on the trip that it is for. With a route the trip begins
inside the corridor, while the permit holds, once the vehicle has come 200 m nearer to the route's end, and is over
within 1 km of that end, however it got there, after at least half of the way that was left. Driving the route the other
way is no trip. Without a route the trip is any driving while the permit holds. One trip per permit.

``route``: outside the corridor (200 m each side unless the permit says otherwise) for at least 5 minutes, while the
permit holds; from the first report outside to the first one inside again; value: the greatest distance from the route
in metres.
``window``: moving for more than 5 minutes on the trip outside the hours that the permit allows; or going on inside the
corridor after it has run out (without a route: until the first stop of 20 minutes); or setting out from the route's
begin, up to a day, before it holds; from the first such report to the last; value: minutes of moving.
``speed``: over the permit's speed for more than 30 s with at least two reports, as ``speeding`` counts; value: km/h.

Standing outside the corridor neither begins nor ends a deviation by itself. Grade major. Sources: rulebook R1 (L:
公路安全保护条例 art. 65; buffer and times D).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.driving import is_moving
from monitor.engine.edges import MAX_STEP_MS, MIN_STEP_MS, longest_step_ms, new_edge, silence_due_ms
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade, LimitSource
from monitor.model.beijing import NEVER_MS, ms_of_day
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7

ROUTE, WINDOW, SPEED = 0, 1, 2
NOT_YET, ON_THE_WAY, ARRIVED, TOO_EARLY = 0, 1, 2, 3
"""Of the permit's trip: not begun, under way, over, or under way before the permit holds."""
FORWARD_M = 200.0
"""So much nearer to the route's end a vehicle is going to it (D: well beyond the error of two fixes)."""
LEAST_SHARE = 0.5
"""Of what was left of the route when the trip began; a route may come by its own end on the way (D)."""
UNKNOWN_M = -1.0
REST_MS = 1_200_000
"""A stop of this length ends a trip that nothing else ends (F6: a rest)."""
NOT_ASKED = -2
"""``permit`` of a held-back report: nobody has looked whether it falls under one."""
SILENCE_MS = 780_000
"""Live, what lasts is closed after this silence: the longest step of a run, and ten minutes for late reports (D)."""
MINUTE_MS = 60_000.0
MAX_SPEED_DKMH = 1600

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_MAJOR = int(Grade.MAJOR)
_PERMIT = int(LimitSource.PERMIT)


class RouteDeviationSettings(RuleSettings):
    """Settings of ``route_deviation``."""

    outside_s: float = Field(default=300, ge=0, description="R1: outside the corridor for at least this long (L; D)")
    window_s: float = Field(default=300, ge=0, description="moving outside the time window for longer than this (D)")
    hold_s: float = Field(default=30, ge=0, description="over the permit's speed for longer than this, as S1 (D)")
    arrival_m: float = Field(default=1000, ge=0, description="this near to the route's end the trip is over (D)")
    merge_s: float = Field(
        default=300, ge=0, le=3600, description="moving outside the time window goes on over a stop up to this (D)"
    )


PARAMS = np.dtype(
    [
        ("outside_ms", np.int64),
        ("window_ms", np.int64),
        ("hold_ms", np.int64),
        ("merge_ms", np.int64),
        ("arrival_m", np.float64),
        ("enabled", np.int64),
    ],
    align=True,
)

EPISODE = np.dtype(
    [
        ("from_ms", np.int64),  # 0 = none
        ("lasted_ms", np.int32),  # from there to the last report of it
        ("distance_m", np.float32),
        ("value", np.int32),  # of ``route`` 0.1 m, of ``window`` ms, of ``speed`` 0.1 km/h
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("end_lon_e7", np.int32),
        ("end_lat_e7", np.int32),
        ("n", np.int32),
        ("driver", np.int32),
        ("limit_dkmh", np.int16),
        ("published", np.int8),
        ("late", np.int8),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("permit", np.int32),  # 1 + position of the permit whose trip this is; 0 = none
        ("way_m", np.float32),  # before a trip: left to the route's end where it last went the other way; on it: to go
        ("beyond_m", np.float32),  # driven since the last report over the permit's speed
        ("trip", np.int8),  # NOT_YET, ON_THE_WAY, ARRIVED, TOO_EARLY
        ("moved_ms", np.int64),  # last report that moved, without a route
        ("route", EPISODE),
        ("window", EPISODE),
        ("speed", EPISODE),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, RouteDeviationSettings)
    return (
        round(settings.outside_s * 1000),
        round(settings.window_s * 1000),
        round(settings.hold_s * 1000),
        round(settings.merge_s * 1000),
        settings.arrival_m,
        int(settings.enabled),
    )


@compiled
def write_edge(episode: np.void, state: np.void, x: np.void, out: np.void, code: int, kind: int, edge: int) -> np.void:
    """An edge with the episode's figures."""
    e = new_edge(out, x, code, kind, edge, episode["from_ms"])
    e["driver"] = episode["driver"]
    e["peak"] = episode["value"] / (MINUTE_MS if kind == WINDOW else 10.0)
    if episode["limit_dkmh"] > 0:
        e["limit"] = episode["limit_dkmh"] / 10.0
        e["limit_source"] = _PERMIT
    e["distance_m"] = episode["distance_m"]
    e["start_lon"] = from_e7(episode["start_lon_e7"])
    e["start_lat"] = from_e7(episode["start_lat_e7"])
    e["end_lon"] = from_e7(episode["end_lon_e7"])
    e["end_lat"] = from_e7(episode["end_lat_e7"])
    e["n_reports"] = episode["n"]
    e["grade"] = _MAJOR
    e["late"] = episode["late"]
    e["permit"] = state["permit"] - 1
    return e


@compiled
def begin_episode(episode: np.void, x: np.void) -> None:
    """The first report of it."""
    episode["from_ms"] = x["fix_ms"]
    episode["distance_m"] = 0.0
    episode["value"] = 0
    episode["start_lon_e7"] = to_e7(x["lon_deg"])
    episode["start_lat_e7"] = to_e7(x["lat_deg"])
    episode["n"] = 0
    episode["driver"] = x["driver"]
    episode["limit_dkmh"] = 0
    episode["published"] = 0
    episode["late"] = 0
    extend(episode, x)


@compiled
def extend(episode: np.void, x: np.void) -> None:
    """One more report of it."""
    episode["lasted_ms"] = x["fix_ms"] - episode["from_ms"]
    episode["end_lon_e7"] = to_e7(x["lon_deg"])
    episode["end_lat_e7"] = to_e7(x["lat_deg"])
    episode["n"] += 1
    if x["late"] == 1:
        episode["late"] = 1


@compiled
def last_ms(episode: np.void) -> int:
    """Time of its last report."""
    return int(episode["from_ms"] + episode["lasted_ms"])


@compiled
def end_episode(
    episode: np.void, state: np.void, x: np.void, out: np.void, code: int, kind: int, end_ms: int, reason: int
) -> None:
    """It is over."""
    if episode["published"] == 1:
        e = write_edge(episode, state, x, out, code, kind, _CLEAR)
        e["end_ms"] = end_ms
        e["end_reason"] = reason
    episode["from_ms"] = 0
    episode["published"] = 0


@compiled
def end_all(state: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """Nothing of it goes on beyond its last report."""
    if state["route"]["from_ms"] != 0:
        end_episode(state["route"], state, x, out, code, ROUTE, last_ms(state["route"]), reason)
    if state["window"]["from_ms"] != 0:
        end_episode(state["window"], state, x, out, code, WINDOW, last_ms(state["window"]), reason)
    if state["speed"]["from_ms"] != 0:
        end_episode(state["speed"], state, x, out, code, SPEED, last_ms(state["speed"]), reason)


@compiled
def in_hours(x: np.void) -> bool:
    """Whether the permit allows this time of day."""
    begin, end = x["permit_hours_from_s"], x["permit_hours_to_s"]
    if begin < 0:
        return True
    second = ms_of_day(x["fix_ms"]) // 1000
    if begin < end:
        return bool(begin <= second < end)
    return bool(second >= begin or second < end)


@compiled
def is_outside(x: np.void) -> bool:
    """Whether the place is off the permit's corridor."""
    return bool(x["permit_corridor_m"] > 0.0 and x["route_off_m"] > x["permit_corridor_m"])


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: is it where, when and as fast as the permit says?"""
    if x["permit"] < 0 and state["permit"] == 0 and state["trip"] == NOT_YET:
        return
    take(state, params, core, x, out, code)


@compiled
def take(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """A report under a permit, or the first after one."""
    if x["dt_ms"] > SILENCE_MS:
        end_all(state, x, out, code, _DATA_ENDED)
    if x["permit"] == NOT_ASKED:
        return
    # The mark is 0 in the middle of a trip where new maps no longer have the permit.
    if x["permit"] + 1 != state["permit"] or state["permit"] == 0 or params["enabled"] == 0:
        end_all(state, x, out, code, _OVER)
        state["permit"] = x["permit"] + 1
        state["trip"] = NOT_YET
        state["way_m"] = UNKNOWN_M
        if x["permit"] < 0 or params["enabled"] == 0:
            return
    holds = x["permit_from_ms"] <= x["fix_ms"] < x["permit_to_ms"]
    outside = is_outside(x)
    moving = is_moving(x["motion_dkmh"], x["acc"])
    if x["permit_corridor_m"] == 0.0:
        follow_time(state, x, holds, moving)
    elif follow_route(state, params, x, holds, outside, moving):
        outside = False  # it has come to the end, if by another way
    judge_route(state, params, x, out, code, holds, outside, moving)
    judge_window(state, params, x, out, code, holds, outside, moving)
    judge_speed(state, params, core, x, out, code)


@compiled
def follow_time(state: np.void, x: np.void, holds: bool, moving: bool) -> None:
    """The trip of a permit without a route: from the first move while it holds to the first rest after it."""
    if holds:
        if moving and state["trip"] == NOT_YET:
            state["trip"] = ON_THE_WAY
    elif state["trip"] == ON_THE_WAY and x["fix_ms"] - state["moved_ms"] >= REST_MS:
        state["trip"] = ARRIVED
    if moving:
        state["moved_ms"] = x["fix_ms"]


@compiled
def follow_route(state: np.void, params: np.void, x: np.void, holds: bool, outside: bool, moving: bool) -> bool:
    """The trip of a permit with a route; whether it ends with this report."""
    if state["trip"] == TOO_EARLY and outside:
        state["trip"] = NOT_YET
        state["way_m"] = UNKNOWN_M
    elif state["trip"] == TOO_EARLY and holds:
        state["trip"] = ON_THE_WAY
    if state["trip"] == NOT_YET:
        set_out(state, params, x, holds, outside, moving)
        return False
    if state["trip"] == ARRIVED:
        return False
    state["way_m"] -= x["distance_m"]
    if x["route_end_m"] > params["arrival_m"] or state["way_m"] > 0.0:
        return False
    arrived = bool(state["trip"] == ON_THE_WAY)
    state["trip"] = ARRIVED if arrived else NOT_YET
    state["way_m"] = UNKNOWN_M
    return arrived


@compiled
def set_out(state: np.void, params: np.void, x: np.void, holds: bool, outside: bool, moving: bool) -> None:
    """Whether a trip begins: inside the corridor and nearer to its end than before."""
    if outside or x["fix_ms"] >= x["permit_to_ms"]:
        state["way_m"] = UNKNOWN_M
        return
    if not moving:
        return
    left_m = x["route_left_m"]
    since_m = state["way_m"]
    if since_m == UNKNOWN_M or left_m > since_m:
        state["way_m"] = left_m
        return
    from_begin = x["route_length_m"] - since_m <= params["arrival_m"]
    if since_m - left_m < FORWARD_M or left_m <= params["arrival_m"] or not (holds or from_begin):
        return
    state["trip"] = ON_THE_WAY if holds else TOO_EARLY
    state["way_m"] = left_m * LEAST_SHARE


@compiled
def judge_route(
    state: np.void, params: np.void, x: np.void, out: np.void, code: int, holds: bool, outside: bool, moving: bool
) -> None:
    """``route``: from the first report outside to the first inside again."""
    episode = state["route"]
    if episode["from_ms"] != 0:
        episode["distance_m"] += x["distance_m"]
        if not outside or not holds:
            # Back on the route at this report; where the permit ran out meanwhile, at the last one under it.
            end_ms = x["fix_ms"] if not outside else last_ms(episode)
            end_episode(episode, state, x, out, code, ROUTE, end_ms, _OVER)
            return
        extend(episode, x)
    elif outside and moving and holds and state["trip"] == ON_THE_WAY:
        begin_episode(episode, x)
    else:
        return
    off_dm = round(x["route_off_m"] * 10.0)
    if off_dm > episode["value"]:
        episode["value"] = off_dm
    if episode["published"] == 0 and episode["lasted_ms"] >= params["outside_ms"]:
        episode["published"] = 1
        write_edge(episode, state, x, out, code, ROUTE, _ONSET)


@compiled
def judge_window(
    state: np.void, params: np.void, x: np.void, out: np.void, code: int, holds: bool, outside: bool, moving: bool
) -> None:
    """``window``: moving on the trip when the permit does not allow it."""
    episode = state["window"]
    barred = state["trip"] == TOO_EARLY
    if state["trip"] == ON_THE_WAY:
        barred = not in_hours(x) if holds else not outside
    if episode["from_ms"] != 0 and (not barred or x["fix_ms"] - last_ms(episode) > params["merge_ms"]):
        end_episode(episode, state, x, out, code, WINDOW, last_ms(episode), _OVER)
    if not barred or not moving:
        return
    if episode["from_ms"] == 0:
        begin_episode(episode, x)
        return
    if x["dt_ms"] <= MAX_STEP_MS:
        episode["value"] += x["dt_ms"]
        episode["distance_m"] += x["distance_m"]
    extend(episode, x)
    if episode["published"] == 0 and episode["value"] > params["window_ms"]:
        episode["published"] = 1
        write_edge(episode, state, x, out, code, WINDOW, _ONSET)


@compiled
def judge_speed(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """``speed``: a run of reports over the permit's speed, as ``speeding`` strings them together."""
    episode = state["speed"]
    limit = x["permit_limit_dkmh"]
    speed = x["speed_dkmh"]
    over = limit > 0 and limit < speed <= MAX_SPEED_DKMH and state["trip"] == ON_THE_WAY
    if episode["from_ms"] != 0:
        since = x["fix_ms"] - last_ms(episode)
        if since > MIN_STEP_MS and since > longest_step_ms(core):
            end_episode(episode, state, x, out, code, SPEED, last_ms(episode), _OVER)
        else:
            state["beyond_m"] += x["distance_m"]
    if not over:
        return
    if episode["from_ms"] == 0:
        begin_episode(episode, x)
    else:
        episode["distance_m"] += state["beyond_m"]
        extend(episode, x)
    state["beyond_m"] = 0.0
    if speed > episode["value"]:
        episode["value"] = speed
        episode["limit_dkmh"] = limit
    if episode["published"] == 0 and episode["n"] >= 2 and episode["lasted_ms"] > params["hold_ms"]:
        episode["published"] = 1
        write_edge(episode, state, x, out, code, SPEED, _ONSET)


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence closes what lasts at its last report."""
    if state["route"]["from_ms"] == 0 and state["window"]["from_ms"] == 0 and state["speed"]["from_ms"] == 0:
        return NEVER_MS
    due = silence_due_ms(x, core["clock_ms"], SILENCE_MS)
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_all(state, x, out, code, _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1:
        for kind, episode in ((ROUTE, state["route"]), (WINDOW, state["window"]), (SPEED, state["speed"])):
            if episode["published"] == 1:
                write_edge(episode, state, x, out, code, kind, _UPDATE)
    return int(due)


RULE = Rule(
    name="route_deviation",
    title_zh="路线偏离",
    title_en="Route deviation",
    unit="m, min, km/h",
    settings=RouteDeviationSettings,
    params=PARAMS,
    fill=fill,
    kinds=("route", "window", "speed"),
    state=STATE,
    hot=("permit", "trip"),
    step=step,
    advance=advance,
    page=__doc__,
)
