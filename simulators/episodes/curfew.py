"""Night curfew (凌晨禁行): a coach on the road between 02:00 and 05:00, and trips beside it that are allowed.

The plans drive; ``witness`` reads off the schedule of every vehicle when it moved inside the window.
"""

from __future__ import annotations

import numpy as np

from simulators.episodes.episode import COACHES, HOUR_S, KEY_CLASSES, TRUCKS, Episode, Sight
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import DAY_S, MOVING_MS, Schedule, Span
from simulators.truth import TruthEpisode

BEGIN_S, END_S = 2 * HOUR_S, 5 * HOUR_S
LIMIT_S = 300.0
SHORT_STOP_S = 60.0
CARRIED_KMH = 25.0
EXEMPT_LINE_KM = 200.0


def run(journey: Journey, day_s: float) -> None:
    """From about 02:30 on for half an hour to an hour; where the line is short enough it is allowed."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(2.1, 3.2)))
    journey.drive(float(journey.rng.uniform(1_500, 3_600)))
    journey.rest(3_000.0)


def spread(journey: Journey, day_s: float) -> None:
    """A run whose time is drawn about 5 minutes."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(2.1, 3.2)))
    journey.drive(around(LIMIT_S, 6_000.0, reports_s=journey.interval_s).at(journey.quantile))
    journey.rest(3_000.0)


def from_before(journey: Journey, day_s: float) -> None:
    """From 01:20 until some time after 02:00: what lies before is no part of it."""
    _begin(journey, day_s + HOUR_S * 1.35)
    journey.drive(max(day_s + HOUR_S * 2 - journey.now_s, 0.0) + float(journey.rng.uniform(900, 2_400)))
    journey.rest(3_000.0)


def until_after(journey: Journey, day_s: float) -> None:
    """From 04:30 until after the window, which ends it at 05:00."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(4.3, 4.6)))
    journey.drive(float(journey.rng.uniform(3_000, 4_800)))
    journey.rest(3_000.0)


def short(journey: Journey, day_s: float) -> None:
    """Parked elsewhere within 3 minutes: too short."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(2.2, 4.2)))
    journey.drive(180.0)
    journey.rest(3_000.0)


def stopped(journey: Journey, day_s: float) -> None:
    """Twice 3 minutes with 5 minutes of standing between: two runs, both too short."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(2.2, 4.2)))
    journey.drive(180.0)
    journey.rest(300.0)
    journey.drive(180.0)
    journey.rest(3_000.0)


def truck(journey: Journey, day_s: float) -> None:
    """The curfew is for coaches."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(2.2, 3.2)))
    journey.drive(float(journey.rng.uniform(900, 2_400)))
    journey.rest(3_000.0)


def _begin(journey: Journey, at_s: float) -> None:
    journey.park_until(max(at_s, journey.now_s + 2_000.0))


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row for the longest run of each night in which the vehicle moves inside the window, whatever made it move."""
    schedule, start_ms = sight.schedule, sight.start_ms
    vehicle = schedule.member.vehicle
    if vehicle.vehicle_class not in KEY_CLASSES:
        return []
    out: list[TruthEpisode] = []
    for day in range(int(schedule.end_s // DAY_S) + 1):
        begin_s = day * DAY_S + BEGIN_S
        span = longest_run(schedule, begin_s, min(day * DAY_S + END_S, schedule.end_s))
        if span is None:
            continue
        moved_s, run = span
        over_s = moved_s - LIMIT_S
        short_line = vehicle.line_km is not None and vehicle.line_km <= EXEMPT_LINE_KM
        bound = vehicle.vehicle_class in COACHES and not short_line and vehicle.relay_from is None
        expected = over_s > 0 and bound
        phase = next(item for item in schedule.phases if item.span.start_s <= run.start_s < item.span.end_s)
        out.append(
            TruthEpisode(
                vehicle_id=vehicle.vehicle_id,
                driver_id=schedule.member.drivers[phase.driver] if phase.driver >= 0 else "",
                rule="night_curfew",
                kind="",
                grade="major" if expected else None,
                onset_ms=start_ms + round(run.start_s) * 1000,
                end_ms=start_ms + round(run.end_s) * 1000,
                value=moved_s / 60,
                limit=LIMIT_S / 60,
                near_boundary=bound and abs(over_s) <= 2 * sight.interval_s,
                expected=expected,
                note="exempt line" if short_line else "on the road between 02:00 and 05:00" if bound else "exempt",
                times_threshold=moved_s / LIMIT_S if bound else None,
            )
        )
    return out


def longest_run(schedule: Schedule, begin_s: float, end_s: float) -> tuple[float, Span] | None:
    """Seconds moved and span of the run with most of them."""
    return max(runs_between(schedule, begin_s, end_s), key=lambda run: run[0], default=None)


def runs_between(schedule: Schedule, begin_s: float, end_s: float) -> list[tuple[float, Span]]:
    """Seconds moved and span of each run, to the second; stops of up to a minute break none."""
    at_s = np.arange(begin_s, end_s)
    speed_ms = schedule.speed_ms(at_s)
    moves = speed_ms >= MOVING_MS
    for phase in schedule.phases:
        if not phase.acc_on:  # on a ferry
            inside = (at_s >= phase.span.start_s) & (at_s < phase.span.end_s)
            moves &= ~(inside & (speed_ms <= CARRIED_KMH / 3.6))
    moments = at_s[moves]
    runs = np.split(moments, np.flatnonzero(np.diff(moments) > SHORT_STOP_S + 1) + 1)
    return [(float(len(run)), Span(float(run[0]), float(run[-1]) + 1)) for run in runs if len(run)]


EPISODES: tuple[Episode, ...] = (
    Episode("curfew_run", run, classes=COACHES),
    Episode("curfew_from_before", from_before, classes=COACHES),
    Episode("curfew_until_after", until_after, classes=COACHES),
    Episode("curfew_spread", spread, classes=COACHES),
    Episode("curfew_short", short, classes=COACHES),
    Episode("curfew_stopped", stopped, classes=COACHES),
    Episode("curfew_truck", truck, classes=TRUCKS),
)
