"""Cumulative driving (累计驾驶超时): coaches over 8 h in 24 hours or 44 h in 7 days, though rested in time, or almost.

The plans drive; ``witness`` adds up from the schedule of every coach what was driven in any 24 hours and 7 days.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulators.episodes.episode import COACHES, HOUR_S, Episode, Sight
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import DAY_S, MOVING_MS, Schedule, Span
from simulators.truth import TruthEpisode

_WINDOWS: tuple[tuple[str, int, int], ...] = (("day_24h", 86_400, 28_800), ("week", 604_800, 158_400))
_REST_S, _QUEUE_S, _QUEUE_M, _CARRIED_KMH = 1_200, 120, 500.0, 25.0
_GRID_S = 900
"""The rule may spread what leaves the week over an hour: at most a quarter of one off."""


def legs(hours: float) -> Callable[[Journey, float], None]:
    """Three legs of a day that make so many hours, with rests of about 40 minutes between."""

    def plan(journey: Journey, day_s: float) -> None:
        journey.park_until(max(day_s + HOUR_S * float(journey.rng.uniform(6.1, 7.5)), journey.now_s + 2_000.0))
        for _ in range(3):
            journey.drive(hours * HOUR_S / 3)
            journey.rest(float(journey.rng.uniform(1_800, 3_000)))

    return plan


def spread(journey: Journey, day_s: float) -> None:
    """A day of legs whose hours are drawn about 8."""
    legs(around(8.0, 10.4).at(journey.quantile))(journey, day_s)


def evening_and_morning(journey: Journey, day_s: float) -> None:
    """5 h until late, and 4 h from early on: lawful by the calendar, over 8 h within 24 hours."""
    journey.park_until(max(day_s + HOUR_S * 15.5, journey.now_s + 2_000.0))
    for part_h in (2.5, 2.5):
        journey.drive(part_h * HOUR_S)
        journey.rest(1_800.0)
    journey.park_until(day_s + DAY_S + HOUR_S * 6.2)
    for part_h in (2.0, 2.1):
        journey.drive(part_h * HOUR_S)
        journey.rest(1_800.0)


def week(hours_a_day: float) -> Callable[[Journey, float], None]:
    """Seven days alike, in two legs each."""

    def plan(journey: Journey, day_s: float) -> None:
        for day in range(7):
            journey.park_until(max(day_s + day * DAY_S + HOUR_S * 7, journey.now_s + 2_000.0))
            for _ in range(2):
                journey.drive(hours_a_day * HOUR_S / 2)
                journey.rest(float(journey.rng.uniform(2_400, 3_600)))

    return plan


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row for each leg between two rests that is over a limit, or about at it."""
    schedule, start_ms, interval_s = sight.schedule, sight.start_ms, sight.interval_s
    vehicle = schedule.member.vehicle
    if vehicle.vehicle_class not in COACHES:
        return []
    drives, doubtful = _driving(schedule)
    out: list[TruthEpisode] = []
    for first, last, driver in _spells(schedule, drives):
        own = np.zeros(len(drives), np.int64)
        own[first:last] = drives[first:last]
        driven = np.concatenate([[0], np.cumsum(own)])
        unsure = np.concatenate([[0], np.cumsum(own * doubtful)])
        starts = np.concatenate([[0], np.cumsum(np.diff(own, prepend=0) == 1)])
        for leg in _legs(own):
            at = np.arange(round(leg.start_s), round(leg.end_s))
            for kind, window_s, limit_s in _WINDOWS:
                back = np.maximum(at + 1 - window_s, 0)
                sums = (driven[at + 1] - driven[back]) * own[at]
                peak = int(np.argmax(sums))
                value_s = int(sums[peak])
                off_s = 2 * interval_s * (1 + int(starts[at[peak] + 1] - starts[back[peak]]))
                off_s += int(unsure[at[peak] + 1] - unsure[back[peak]])
                off_s += _GRID_S if kind == "week" and back[peak] > 0 else 0
                over = np.flatnonzero(sums > limit_s)
                near = abs(value_s - limit_s) <= off_s
                if not len(over) and not near:
                    continue
                major_s = limit_s * 1.1
                grade = None if abs(value_s - major_s) <= off_s else "major" if value_s >= major_s else "general"
                onset_s = at[over[0]] if len(over) else at[peak]
                out.append(
                    TruthEpisode(
                        vehicle_id=vehicle.vehicle_id,
                        driver_id=schedule.member.drivers[driver] if driver >= 0 else "",
                        rule="cumulative_driving",
                        kind=kind,
                        grade=grade if len(over) else None,
                        onset_ms=start_ms + int(onset_s) * 1000,
                        end_ms=start_ms + round(leg.end_s) * 1000 if leg.end_s < schedule.end_s else None,
                        value=value_s / HOUR_S,
                        limit=limit_s / HOUR_S,
                        near_boundary=near,
                        suspected=driver < 0,
                        expected=bool(len(over)),
                        note=f"driven within {'24 hours' if kind == 'day_24h' else '7 days'}",
                        times_threshold=value_s / limit_s,
                    )
                )
    return out


def _driving(schedule: Schedule) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By second: whether it drives; whether the reports do not tell."""
    at_s = np.arange(0.0, schedule.end_s)
    speed_ms = schedule.speed_ms(at_s)
    drives = speed_ms >= MOVING_MS
    for phase in schedule.phases:
        if not phase.acc_on:  # on a ferry
            inside = slice(max(0, int(phase.span.start_s)), int(phase.span.end_s) + 1)
            drives[inside] &= speed_ms[inside] > _CARRIED_KMH / 3.6
    for span in _runs(drives):
        first, last = int(span.start_s), int(span.end_s)
        if span.length_s < _QUEUE_S and speed_ms[first:last].sum() <= _QUEUE_M:
            drives[first:last] = False
    doubtful = np.zeros(len(drives), bool)
    silences = [silence.span for silence in schedule.silences]
    errors = [error.span for error in schedule.clock_errors]
    for span in (*silences, *errors, *schedule.no_fix, *schedule.frozen, *schedule.pinned):
        doubtful[max(0, int(span.start_s)) : int(span.end_s) + 1] = True
    return drives, doubtful


def _spells(schedule: Schedule, drives: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """First and last second and driver of each driver's spell; another card counts from the next stop on."""
    changes: list[tuple[int, int]] = []
    for phase in schedule.phases:
        if phase.driver < 0 or (changes and changes[-1][1] == phase.driver):
            continue
        begun = min(max(0, int(phase.span.start_s)), len(drives))
        still = np.flatnonzero(~drives[begun:])
        changes.append((begun + int(still[0]) if len(still) and changes else 0, phase.driver))
    if not changes:
        return [(0, len(drives), -1)]
    ends = [begun for begun, _ in changes[1:]] + [len(drives)]
    return [(begun, end, driver) for (begun, driver), end in zip(changes, ends, strict=True) if end > begun]


def _runs(drives: NDArray[np.bool_] | NDArray[np.int64]) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], drives.astype(np.int8), [0]])))
    return [Span(float(first), float(last)) for first, last in edges.reshape(-1, 2)]


def _legs(own: NDArray[np.int64]) -> list[Span]:
    """Runs with stops shorter than a rest between them, as one each."""
    found: list[Span] = []
    for run in _runs(own):
        if found and run.start_s - found[-1].end_s < _REST_S:
            found[-1] = Span(found[-1].start_s, run.end_s)
        else:
            found.append(run)
    return found


EPISODES: tuple[Episode, ...] = (
    Episode("cumulative_day", legs(8.5), classes=COACHES),
    Episode("cumulative_day_major", legs(9.6), classes=COACHES),
    Episode("cumulative_day_almost", legs(7.9), classes=COACHES),
    Episode("cumulative_spread", spread, classes=COACHES),
    Episode("cumulative_evening", evening_and_morning, days=2, classes=COACHES),
    Episode("cumulative_week", week(6.8), days=7, classes=COACHES),
)
