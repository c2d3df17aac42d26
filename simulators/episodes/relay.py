"""Relay hand-over (接驳): line coaches with a certificate on the road after 02:00, with and without one.

The relay point is the coach station of Gaotai, where every circuit begins (``gaotai_fences.geojson``). The plans
drive in lawful pieces; ``witness`` reads off the schedule whether the coach stood there in the evening.
"""

from __future__ import annotations

import numpy as np

from monitor.model.fleet import VehicleClass
from simulators.episodes.curfew import BEGIN_S, END_S, EXEMPT_LINE_KM, LIMIT_S, runs_between
from simulators.episodes.episode import HOUR_S, Episode, Sight
from simulators.journey import Journey
from simulators.roads import straight_m
from simulators.schedule import DAY_S, MOVING_MS, Schedule
from simulators.truth import TruthEpisode

HAND_OVER_S = (22 * HOUR_S - DAY_S, 2 * HOUR_S)
"""From midnight."""
STOP_S = 120.0
POINT_M = 480.0
"""From the middle of the relay point to its nearer borders; no episode stops at this distance."""
_LINE = frozenset({VehicleClass.LINE_COACH})
_PIECE_S, _REST_S = 1_500.0, 1_500.0


def missing(journey: Journey, day_s: float) -> None:
    """On the road from 21:20 on, with rests wherever it is, until about 03:00."""
    _go_on(journey, day_s + HOUR_S * 21.3, day_s + HOUR_S * float(journey.rng.uniform(26.3, 27.3)))


def handed_over(journey: Journey, day_s: float) -> None:
    """At the station until 22:40, then on the road until about 03:00."""
    _go_on(journey, day_s + HOUR_S * 22.7, day_s + HOUR_S * float(journey.rng.uniform(26.3, 27.3)))


def parked(journey: Journey, day_s: float) -> None:
    """On the road without a hand-over, and parked before 02:00."""
    _go_on(journey, day_s + HOUR_S * 21.3, day_s + HOUR_S * 24.8)


def _go_on(journey: Journey, from_s: float, until_s: float) -> None:
    journey.park_until(max(from_s, journey.now_s + 2_000.0))
    while journey.now_s < until_s:
        journey.drive(_PIECE_S)
        journey.rest(_REST_S)
    journey.rest(3_000.0)


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row for the first run of more than 5 minutes of each night that a certificate allows."""
    schedule, vehicle = sight.schedule, sight.schedule.member.vehicle
    short_line = vehicle.line_km is not None and vehicle.line_km <= EXEMPT_LINE_KM
    if vehicle.relay_from is None or short_line:
        return []
    out: list[TruthEpisode] = []
    for day in range(1, int(schedule.end_s // DAY_S) + 1):
        midnight_s = day * DAY_S
        runs = runs_between(schedule, midnight_s + BEGIN_S, min(midnight_s + END_S, schedule.end_s))
        long = [run for run in runs if run[0] > LIMIT_S]
        if not runs:
            continue
        moved_s, run = long[0] if long else max(runs, key=lambda item: item[0])
        stood_s = _stood_s(schedule, midnight_s)
        first = int(np.searchsorted(sight.sent.at_s, run.start_s, side="right")) - 1
        expected = bool(long) and stood_s < STOP_S
        out.append(
            TruthEpisode(
                vehicle_id=vehicle.vehicle_id,
                driver_id=sight.driver_id(max(first, 0)),
                rule="relay_missing",
                grade="general" if expected else None,
                onset_ms=sight.ms(run.start_s),
                end_ms=sight.ms(run.end_s),
                value=moved_s / 60,
                limit=LIMIT_S / 60,
                near_boundary=abs(moved_s - LIMIT_S) <= 2 * sight.interval_s
                or abs(stood_s - STOP_S) <= 2 * sight.interval_s,
                expected=expected,
                note=f"stood at the relay point for {stood_s:.0f} s",
            )
        )
    return out


def _stood_s(schedule: Schedule, midnight_s: float) -> float:
    """The longest stand at the relay point in the evening before a midnight and until 02:00, to the second."""
    at_s = np.arange(midnight_s + HAND_OVER_S[0], midnight_s + HAND_OVER_S[1])
    lon, lat, _ = schedule.circuit.place(schedule.travelled_m(at_s))
    lon_0, lat_0, _ = schedule.circuit.place(np.zeros(1))
    stands = (straight_m(lon_0, lat_0, lon, lat) <= POINT_M) & (schedule.speed_ms(at_s) < MOVING_MS)
    moments = at_s[stands]
    stays = np.split(moments, np.flatnonzero(np.diff(moments) > 1.5) + 1)
    return float(max(len(stay) for stay in stays))


EPISODES: tuple[Episode, ...] = (
    Episode("relay_missing", missing, days=2, classes=_LINE, certified=True),
    Episode("relay_handed_over", handed_over, days=2, classes=_LINE, certified=True),
    Episode("relay_parked", parked, days=2, classes=_LINE, certified=True),
)
