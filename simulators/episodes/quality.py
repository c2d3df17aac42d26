"""What is wrong with fixes rather than with driving: drift, no fix, a wrong clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.background import ordinary_day
from simulators.episodes.episode import HOUR_S, Episode, row, set_out
from simulators.journey import Journey
from simulators.motion import Track
from simulators.schedule import DAY_S, Schedule, Span
from simulators.truth import TruthEpisode

NO_FIX_S = DAY_S
DRIFT_POINTS = 5
DRIFT_SHARE = 0.005
_UTC_S = -8 * HOUR_S - 11
"""Some seconds more, so that no report has the very time of an earlier one, which would make it a duplicate."""
_WEEK_ROLL_OVER_S = -1_024 * 7 * DAY_S


def _drift(fixes: int) -> Callable[[Journey, float], None]:
    """An ordinary day with displaced fixes on the way; below 5 of them it stays an ordinary day."""

    def plan(journey: Journey, day_s: float) -> None:
        journey.displace(int(day_s // DAY_S), fixes)
        ordinary_day(journey, day_s, must_drive=True)

    return plan


def _no_fix(hours: float) -> Callable[[Journey, float], None]:
    """In contact but without a fix, in a covered yard, for ``hours`` from 17:00 on."""

    def plan(journey: Journey, day_s: float) -> None:
        set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(14, 15)))
        journey.cruise(900.0)
        journey.stop()
        begun = journey.now_s + 600.0
        journey.rest(600.0 + hours * HOUR_S + 1_200.0)
        journey.lose_fix(Span(begun, begun + hours * HOUR_S))
        journey.drive(1_800.0)
        journey.rest(2_000.0)

    return plan


def _clock(shift_s: float | None, note: str, lasts_s: float = 3_600.0) -> Callable[[Journey, float], None]:
    """Standing at noon, the terminal states a wrong time for an hour; None is before 2000. 8 minutes are too short."""

    def plan(journey: Journey, day_s: float) -> None:
        set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(9.5, 11)))
        journey.cruise(1_200.0)
        journey.stop()
        begun = journey.now_s + 600.0
        journey.rest(6_000.0)
        span = Span(begun, begun + lasts_s)
        expected = lasts_s > 600.0
        journey.mistake_time(span, shift_s if shift_s is not None else 315_964_800 - journey.start_ms / 1000, note)
        grade = "general" if expected else None
        row(journey, "clock_fault", span, grade=grade, expected=expected, note=note)
        journey.drive(2_400.0)
        journey.rest(2_000.0)

    return plan


def drift_witness(schedule: Schedule, sent: Track, start_ms: int) -> list[TruthEpisode]:
    """A row for each day with displaced fixes: a drift day by rulebook Q7, or a near miss."""
    out: list[TruthEpisode] = []
    for day, _ in schedule.drift:
        of_day = (sent.at_s >= day * DAY_S) & (sent.at_s < (day + 1) * DAY_S)
        points, total = int(sent.displaced[of_day].sum()), int(of_day.sum())
        if not points:
            continue
        day_ms = start_ms + day * 86_400_000
        out.append(
            TruthEpisode(
                vehicle_id=schedule.member.vehicle.vehicle_id,
                rule="drift",
                grade="notice",
                onset_ms=day_ms,
                end_ms=day_ms + 86_400_000,
                value=float(points),
                limit=float(DRIFT_POINTS),
                near_boundary=abs(points - DRIFT_SHARE * total) < 1.0 and points >= DRIFT_POINTS,
                expected=points >= DRIFT_POINTS and points >= DRIFT_SHARE * total,
                note=f"{points} of {total} points",
            )
        )
    return out


def no_fix_witness(schedule: Schedule, sent: Track, start_ms: int, near_s: float) -> list[TruthEpisode]:
    """A row for each spell without a fix: an alarm from 24 h after the last valid one."""
    out: list[TruthEpisode] = []
    for span in schedule.no_fix:
        before = np.flatnonzero((sent.at_s < span.start_s) & sent.positioned)
        after = np.flatnonzero((sent.at_s >= span.end_s) & sent.positioned)
        if not len(before):
            continue
        last_s = float(sent.at_s[before[-1]])
        end_s = float(sent.at_s[after[0]]) if len(after) else None
        lasted_s = (end_s if end_s is not None else schedule.end_s) - last_s
        expected = lasted_s > NO_FIX_S
        out.append(
            TruthEpisode(
                vehicle_id=schedule.member.vehicle.vehicle_id,
                rule="no_fix",
                grade="notice",
                onset_ms=start_ms + round(1000 * (last_s + (NO_FIX_S if expected else 0.0))),
                end_ms=None if end_s is None else start_ms + round(1000 * end_s),
                value=lasted_s / 3600,
                limit=24.0,
                near_boundary=abs(lasted_s - NO_FIX_S) <= near_s,
                expected=expected,
                note="in a covered yard",
            )
        )
    return out


EPISODES: tuple[Episode, ...] = (
    Episode("drift_day", _drift(8)),
    Episode("drift_few", _drift(3)),
    Episode("no_fix", _no_fix(34.0), days=3, awake=True),
    Episode("no_fix_almost", _no_fix(20.0), days=2, awake=True),
    Episode("clock_ahead", _clock(8 * HOUR_S, "8 h ahead: Beijing time sent as UTC"), awake=True),
    Episode("clock_behind", _clock(_UTC_S, "8 h behind: UTC sent as Beijing time"), awake=True),
    Episode("clock_ahead_briefly", _clock(8 * HOUR_S, "8 h ahead for 8 minutes", 480.0), awake=True),
    Episode("clock_before_2000", _clock(None, "1980: no time yet"), awake=True),
    Episode("clock_roll_over", _clock(_WEEK_ROLL_OVER_S, "GPS week roll-over: 1,024 weeks behind"), awake=True),
)
