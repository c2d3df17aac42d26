"""Vehicles that the registry calls out of use – stopped or retired – and that stand in the yard with the terminal on.

The plans move them; ``witness`` reads off the track which movements are more than a move about the yard (停运车辆移动).
"""

from __future__ import annotations

import numpy as np

from simulators.episodes.episode import HOUR_S, Episode, Sight
from simulators.journey import Journey
from simulators.lengths import around
from simulators.roads import straight_m
from simulators.schedule import MOVING_MS
from simulators.truth import TruthEpisode

PAUSE_S = 1_200.0
LEAST_M, YARD_M = 1_000.0, 500.0
LEAST_REPORTS = 3
_NEAR_M = 150.0


def driven(journey: Journey, day_s: float) -> None:
    """On the road for half an hour."""
    _leave(journey, day_s)
    journey.drive(float(journey.rng.uniform(1_200, 2_400)))
    journey.rest(2_400.0)


def driven_twice(journey: Journey, day_s: float) -> None:
    """There, a rest of more than 20 minutes, and on: two movements."""
    _leave(journey, day_s)
    journey.drive(900.0)
    journey.rest(float(journey.rng.uniform(1_800, 3_600)))
    journey.drive(900.0)
    journey.rest(2_400.0)


def stopover(journey: Journey, day_s: float) -> None:
    """There, a stop of ten minutes, and on: one movement."""
    _leave(journey, day_s)
    journey.drive(900.0)
    journey.rest(float(journey.rng.uniform(500, 800)))
    journey.drive(900.0)
    journey.rest(2_400.0)


def moved_little(journey: Journey, day_s: float) -> None:
    """Moved 700 m to the wash, and left there."""
    _leave(journey, day_s)
    journey.creep(130.0, 20.0)
    journey.rest(2_400.0)


def spread(journey: Journey, day_s: float) -> None:
    """Moved, slowly, by a way drawn about 1 km."""
    _leave(journey, day_s)
    journey.creep(4.0 + around(LEAST_M, 10_000.0).at(journey.quantile) / (36.0 / 3.6), 36.0)
    journey.rest(2_400.0)


def _leave(journey: Journey, day_s: float) -> None:
    journey.park_until(max(day_s + HOUR_S * float(journey.rng.uniform(8, 15)), journey.now_s + 1_800.0))


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row per movement: from its first moving report to its last, with 20 minutes of none on either side."""
    schedule, sent, start_ms = sight.schedule, sight.sent, sight.start_ms
    moving = np.flatnonzero((sent.speed_kmh >= MOVING_MS * 3.6) & sent.positioned)
    if not schedule.member.laid_up or not len(moving):
        return []
    out: list[TruthEpisode] = []
    for run in np.split(moving, np.flatnonzero(np.diff(sent.at_s[moving]) > PAUSE_S) + 1):
        first, last = int(run[0]), int(run[-1])
        before = max(first - 1, 0)
        way_m = float(sent.mileage_m[last] - sent.mileage_m[before])
        lon, lat = sent.true_lon_deg, sent.true_lat_deg
        stand, way = slice(before, before + 1), slice(first, last + 1)
        away_m = float(straight_m(lon[stand], lat[stand], lon[way], lat[way]).max())
        driver = int(sent.driver[first])
        out.append(
            TruthEpisode(
                vehicle_id=schedule.member.vehicle.vehicle_id,
                driver_id=schedule.member.drivers[driver] if driver >= 0 else "",
                rule="suspended_movement",
                grade="general",
                onset_ms=start_ms + round(sent.at_s[first]) * 1000,
                end_ms=start_ms + round(sent.at_s[last]) * 1000,
                value=way_m / 1000,
                limit=LEAST_M / 1000,
                near_boundary=abs(way_m - LEAST_M) < _NEAR_M,
                expected=way_m > LEAST_M and away_m > YARD_M and len(run) >= LEAST_REPORTS,
                times_threshold=way_m / LEAST_M,
                note="retired" if schedule.member.vehicle.retired_on else "reported as stopped",
            )
        )
    return out


EPISODES: tuple[Episode, ...] = (
    Episode("laid_up_driven", driven, laid_up=True),
    Episode("laid_up_driven_twice", driven_twice, laid_up=True),
    Episode("laid_up_moved_little", moved_little, laid_up=True),
    Episode("laid_up_stopover", stopover, laid_up=True),
    Episode("laid_up_spread", spread, laid_up=True),
)
