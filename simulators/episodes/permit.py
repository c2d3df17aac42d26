"""Trips under a permit (许可): off the route, outside the hours, before and after it holds, too fast; and near misses.

The vehicle drives its way as ever; it is the permit's route that leads elsewhere for a while. The truth holds for a
monitor that is given the permits of the run. Each trip begins at a stand of a day, so that no other drive is near it in
time, and ends at the end of its route.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from monitor.model.geo import EARTH_RADIUS_M
from simulators.episodes.episode import HOUR_S, Episode, make_room, row
from simulators.journey import Journey
from simulators.lengths import around
from simulators.permits import IssuedPermit
from simulators.roads import Circuit, Floats
from simulators.schedule import DAY_S, Span

OUTSIDE_S = 300.0
"""Off the route for at least this long (rulebook R1)."""
WINDOW_S = 300.0
"""Moving outside the permit's time for longer than this."""
HOLD_S = 30.0
"""Over the permit's speed for longer than this (rulebook S1)."""
CORRIDOR_M = 200.0
END_M = 1_000.0
"""From here to the end of the route the trip is over."""
LIMIT_KMH = 60.0
_DETOUR_M = 3_000.0
_ROOM_M = 50_000.0
_PIECE_S = 10.0
_SPARE_S = 600.0
"""The permit holds from so long before the trip to so long after it, standing both times."""
_UNIT_M = np.radians(1.0) * EARTH_RADIUS_M * np.array([np.cos(np.radians(39.2)), 1.0])


@dataclass(slots=True)
class Trip:
    """A drive from one stand to the next: where the vehicle was when."""

    journey: Journey
    at_s: list[float] = field(default_factory=list)
    way_m: list[float] = field(default_factory=list)

    def note(self) -> None:
        self.at_s.append(self.journey.now_s)
        self.way_m.append(self.journey.s_m)

    def start(self) -> None:
        self.note()
        self.journey.start()
        self.note()

    def cruise(self, seconds: float) -> None:
        until_s = self.journey.now_s + seconds
        while until_s - self.journey.now_s > 1e-6:
            self.journey.cruise(min(_PIECE_S, until_s - self.journey.now_s))
            self.note()

    def stop(self) -> None:
        """Come to the route's end, and stay."""
        self.note()
        self.journey.stop()
        self.note()

    def places(self) -> tuple[Floats, Floats]:
        """Moments a second apart, and places in metres, shape (n, 2)."""
        moments = np.arange(self.at_s[0], self.at_s[-1], 1.0)
        lon, lat, _ = self.journey.circuit.place(np.interp(moments, self.at_s, self.way_m))
        return moments, np.stack([lon, lat], axis=1) * _UNIT_M

    def arrived_s(self) -> float:
        """When the vehicle came near the end of its way."""
        moments, places = self.places()
        return float(moments[np.flatnonzero(np.hypot(*(places - places[-1]).T) > END_M)[-1]])


def way_of(circuit: Circuit, from_m: float, to_m: float) -> Floats:
    """Points in metres of a piece of a circuit that does not pass its depot."""
    base_m = from_m // circuit.length_m * circuit.length_m
    corners_m = circuit.at_m + base_m
    inner_m = corners_m[(corners_m > from_m + 1.0) & (corners_m < to_m - 1.0)]
    lon, lat, _ = circuit.place(np.concatenate(([from_m], inner_m, [to_m])))
    places: Floats = np.stack([lon, lat], axis=1) * _UNIT_M
    return places


def issue(journey: Journey, span: Span, line: Floats, **stated: object) -> None:
    """A permit for a span of time and a route in metres."""
    vehicle = journey.member.vehicle
    points = tuple((float(lon), float(lat)) for lon, lat in np.round(line / _UNIT_M, 7))
    times = journey.ms(span.start_s), journey.ms(span.end_s)
    journey.permits.append(
        IssuedPermit(vehicle.vehicle_id, vehicle.vehicle_class, *times, points, **stated)  # type: ignore[arg-type]
    )


def ready(journey: Journey, day_s: float) -> Trip:
    """On the first day to a place with road ahead; there until the second."""
    journey.park_until(max(day_s + 6.5 * HOUR_S, journey.now_s + 1_800.0))
    journey.start()
    journey.cruise(60.0)
    make_room(journey, _ROOM_M)
    journey.stop()
    leave_s = day_s + DAY_S + HOUR_S * float(journey.rng.uniform(9.0, 10.5))
    journey.park_until(max(leave_s, journey.now_s + DAY_S + 2 * _SPARE_S))
    return Trip(journey)


def around_trip(trip: Trip) -> Span:
    return Span(trip.at_s[0] - _SPARE_S, trip.at_s[-1] + _SPARE_S)


def left(corridor_m: float = CORRIDOR_M, *, backwards: bool = False) -> Callable[[Journey, float], None]:
    """The route leads around a piece of the way; with ``backwards`` it is the permit for the way back."""

    def plan(journey: Journey, day_s: float) -> None:
        trip = ready(journey, day_s)
        away_s = around(OUTSIDE_S, 1_200.0, reports_s=journey.interval_s).at(journey.quantile)
        trip.start()
        trip.cruise(300.0)
        off_m = journey.s_m
        trip.cruise(away_s)
        on_m = journey.s_m
        trip.cruise(420.0)
        trip.stop()
        before = way_of(journey.circuit, trip.way_m[0], off_m)
        after = way_of(journey.circuit, on_m, trip.way_m[-1])
        along = after[0] - before[-1]
        aside = np.array([-along[1], along[0]]) / np.hypot(*along) * _DETOUR_M
        line = np.concatenate((before, [before[-1] + aside, after[0] + aside], after))
        issue(journey, around_trip(trip), line[::-1] if backwards else line, corridor_m=corridor_m)
        moments, places = trip.places()
        off: Floats = np.asarray(shapely.distance(shapely.points(places), shapely.linestrings(line)), np.float64)
        for first, last in spans(off > CORRIDOR_M):
            span = Span(float(moments[first]), float(moments[last]))
            is_expected = corridor_m == CORRIDOR_M and not backwards
            row(
                journey,
                "route_deviation",
                span,
                kind="route",
                grade="major" if is_expected and span.length_s >= OUTSIDE_S else None,
                value=float(off[first:last].max()),
                near_boundary=is_expected and abs(span.length_s - OUTSIDE_S) <= 2 * journey.interval_s,
                expected=is_expected and span.length_s >= OUTSIDE_S,
                note="the other way" if backwards else f"a corridor of {corridor_m:.0f} m",
                times_threshold=span.length_s / OUTSIDE_S if is_expected else None,
            )
        settle_there(journey)

    return plan


def spans(true: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last position of each run of true values that is longer than half a minute."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], true, [False])).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2) if b - a > 30]


def too_late(*, by_hours: bool) -> Callable[[Journey, float], None]:
    """On the way when the permit's hours are over, or the permit has run out."""

    def plan(journey: Journey, day_s: float) -> None:
        trip = ready(journey, day_s)
        beyond_s = around(WINDOW_S, 1_300.0, reports_s=journey.interval_s).at(journey.quantile)
        trip.start()
        trip.cruise(300.0)
        over_s = (journey.now_s // 60.0 + 2.0) * 60.0
        trip.cruise(over_s - journey.now_s + beyond_s + 30.0)
        trip.stop()
        hours = ("06:00", f"{int(over_s % DAY_S // HOUR_S):02d}:{int(over_s % HOUR_S // 60):02d}")
        holds = around_trip(trip)
        line = way_of(journey.circuit, trip.way_m[0], trip.way_m[-1])
        if by_hours:
            issue(journey, holds, line, hours=hours)
        else:
            issue(journey, Span(holds.start_s, over_s), line)
        note = f"allowed until {hours[1]}" if by_hours else "run out"
        _window(journey, Span(over_s, trip.arrived_s()), note)
        settle_there(journey)

    return plan


def too_early(journey: Journey, day_s: float) -> None:
    """Sets out before the permit holds."""
    trip = ready(journey, day_s)
    before_s = around(WINDOW_S, 1_300.0, reports_s=journey.interval_s).at(journey.quantile)
    trip.start()
    trip.cruise(before_s)
    holds_from_s = float(round(journey.now_s))
    trip.cruise(600.0)
    trip.stop()
    line = way_of(journey.circuit, trip.way_m[0], trip.way_m[-1])
    issue(journey, Span(holds_from_s, around_trip(trip).end_s), line)
    _window(journey, Span(trip.at_s[1], holds_from_s), "does not hold yet")
    settle_there(journey)


def _window(journey: Journey, span: Span, note: str) -> None:
    expected = span.length_s > WINDOW_S
    row(
        journey,
        "route_deviation",
        span,
        kind="window",
        grade="major" if expected else None,
        value=span.length_s / 60,
        near_boundary=abs(span.length_s - WINDOW_S) <= 2 * journey.interval_s,
        expected=expected,
        note=note,
        times_threshold=span.length_s / WINDOW_S,
    )


def too_fast(journey: Journey, day_s: float) -> None:
    """Some 15 % over the permit's speed: a deviation, and speeding by the permit's limit."""
    trip = ready(journey, day_s)
    hold_s = max(1.0, around(HOLD_S, 600.0, reports_s=journey.interval_s).at(journey.quantile))
    base_kmh, peak_kmh = LIMIT_KMH - 10.0, round(LIMIT_KMH * float(journey.rng.uniform(1.12, 1.17)), 1)
    trip.start()
    journey.steady(base_kmh, 300.0)
    since_s = journey.now_s
    journey.steady(peak_kmh, hold_s)
    held_s = journey.now_s
    journey.steady(base_kmh, 5.0)
    share = (peak_kmh - LIMIT_KMH) / (peak_kmh - base_kmh)
    up_s = held_s - since_s - hold_s
    span = Span(since_s + up_s * (1.0 - share), held_s + (journey.now_s - 5.0 - held_s) * share)
    journey.steady(base_kmh, 300.0)
    trip.stop()
    issue(journey, around_trip(trip), way_of(journey.circuit, trip.way_m[0], trip.way_m[-1]), limit_kmh=LIMIT_KMH)
    expected = span.length_s > HOLD_S
    for rule, kind, grade in (("route_deviation", "speed", "major"), ("speeding", "", "general")):
        row(
            journey,
            rule,
            span,
            kind=kind,
            grade=grade,
            value=peak_kmh,
            limit=LIMIT_KMH,
            near_boundary=abs(span.length_s - HOLD_S) <= 2 * journey.interval_s,
            expected=expected,
            note="source=permit",
            times_threshold=span.length_s / HOLD_S,
        )
    settle_there(journey)


def at_limit(journey: Journey, day_s: float) -> None:
    """At the permit's speed for minutes: not over it."""
    trip = ready(journey, day_s)
    trip.start()
    since_s = journey.now_s
    journey.steady(LIMIT_KMH, 600.0)
    span = Span(since_s + 60.0, journey.now_s)
    trip.stop()
    issue(journey, around_trip(trip), way_of(journey.circuit, trip.way_m[0], trip.way_m[-1]), limit_kmh=LIMIT_KMH)
    row(
        journey,
        "route_deviation",
        span,
        kind="speed",
        value=LIMIT_KMH,
        limit=LIMIT_KMH,
        expected=False,
        note="at the permit's speed",
    )
    settle_there(journey)


def settle_there(journey: Journey) -> None:
    """At the end of the trip it stays beyond the permit's time."""
    journey.rest(float(journey.rng.uniform(2_000, 3_600)))


EPISODES: tuple[Episode, ...] = (
    Episode("permit_left", left(), days=2, long_haul=True),
    Episode("permit_hours", too_late(by_hours=True), days=2, long_haul=True),
    Episode("permit_run_out", too_late(by_hours=False), days=2, long_haul=True),
    Episode("permit_early", too_early, days=2, long_haul=True),
    Episode("permit_speed", too_fast, days=2, long_haul=True),
    Episode("permit_at_limit", at_limit, days=2, long_haul=True),
    Episode("permit_wide_corridor", left(4_000.0), days=2, long_haul=True),
    Episode("permit_other_way", left(backwards=True), days=2, long_haul=True),
)
