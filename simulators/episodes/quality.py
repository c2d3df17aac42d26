"""What is wrong with fixes rather than with driving: drift, no fix, a wrong clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.background import ordinary_day
from simulators.episodes.episode import HOUR_S, Episode, Sight, row, set_out
from simulators.journey import Journey
from simulators.lengths import around
from simulators.motion import Flags, Track
from simulators.roads import straight_m
from simulators.schedule import DAY_S, Span
from simulators.truth import TruthEpisode

NO_FIX_S = DAY_S
DRIFT_POINTS = 5
DRIFT_SHARE = 0.005
CLOCK_S, CLOCK_REPORTS = 600.0, 5
DRIFT_KMH, DRIFT_M = 160.0, 200.0
_FAR_M = 30_000.0
"""From where it slept, so that no vehicle can have been here at any time that is stated wrong by hours."""
_NEAR_POINTS = 1.0
"""A displaced fix more or less: the first and the last of a day may go uncounted."""
_UTC_S = -8 * HOUR_S - 11
"""Some seconds more, so that no report has the very time of an earlier one, which would make it a duplicate."""
_WEEK_ROLL_OVER_S = -1_024 * 7 * DAY_S


def _drift(times: float) -> Callable[[Journey, float], None]:
    """An ordinary day with so many times as many displaced fixes on the way as make a drift day."""

    def plan(journey: Journey, day_s: float) -> None:
        journey.displace(int(day_s // DAY_S), times)
        ordinary_day(journey, day_s, must_drive=True)

    return plan


def _drift_spread(journey: Journey, day_s: float) -> None:
    """A number of displaced fixes drawn about that of a drift day."""
    _drift(around(1.0, 6.0).at(journey.quantile))(journey, day_s)


def _no_fix(given_hours: float | None) -> Callable[[Journey, float], None]:
    """In contact but without a fix, in a covered yard, for some hours from 17:00 on; None draws them about 24."""

    def plan(journey: Journey, day_s: float) -> None:
        hours = around(NO_FIX_S / HOUR_S, 38.0).at(journey.quantile) if given_hours is None else given_hours
        set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(14, 15)))
        journey.cruise(900.0)
        journey.stop()
        begun = journey.now_s + 600.0
        journey.rest(600.0 + hours * HOUR_S + 1_200.0)
        journey.lose_fix(Span(begun, begun + hours * HOUR_S))
        journey.drive(1_800.0)
        journey.rest(2_000.0)

    return plan


def _clock(shift_s: float | None, note: str, given_s: float | None = 3_600.0) -> Callable[[Journey, float], None]:
    """Standing at noon, the terminal states a wrong time for a while; a shift of None is before 2000.

    Ten minutes and five reports are enough for a fault; a time of None is drawn about that.
    """

    def plan(journey: Journey, day_s: float) -> None:
        least_s = max(CLOCK_S, (CLOCK_REPORTS - 1) * journey.parked_interval_s)
        lengths = around(least_s, 10_000.0, reports_s=journey.parked_interval_s)
        lasts_s = lengths.at(journey.quantile) if given_s is None else given_s
        slept_m = journey.s_m
        set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(9.5, 11)))
        journey.cruise(1_200.0)
        latest_s = journey.now_s + HOUR_S
        while _apart_m(journey, slept_m) < _FAR_M and journey.now_s < latest_s:
            journey.cruise(60.0)
        journey.stop()
        begun = journey.now_s + 600.0
        journey.rest(lasts_s + 2_400.0)
        span = Span(begun, begun + lasts_s)
        journey.mistake_time(span, shift_s if shift_s is not None else 315_964_800 - journey.start_ms / 1000, note)
        row(
            journey,
            "clock_fault",
            span,
            grade="general" if lasts_s > least_s else None,
            near_boundary=abs(lasts_s - least_s) <= 2 * journey.parked_interval_s,
            expected=lasts_s > least_s,
            note=note,
            times_threshold=lasts_s / least_s,
        )
        journey.drive(2_400.0)
        journey.rest(2_000.0)

    return plan


def _apart_m(journey: Journey, from_m: float) -> float:
    lon, lat, _ = journey.circuit.place(np.array([from_m, journey.s_m]))
    return float(straight_m(lon[:1], lat[:1], lon[1:], lat[1:])[0])


def witness(sight: Sight) -> list[TruthEpisode]:
    return _drift_days(sight) + _without_fix(sight)


def _drift_days(sight: Sight) -> list[TruthEpisode]:
    """A row for each day with displaced fixes: a drift day by rulebook Q7, or a near miss."""
    out: list[TruthEpisode] = []
    displaced = sight.sent.displaced | _elsewhere(sight.sent)
    day_of = sight.sent.stated_s // DAY_S
    for day in np.unique(day_of[displaced]).astype(int).tolist():
        of_day = day_of == day
        points, total = int(displaced[of_day].sum()), int(of_day.sum())
        day_ms = sight.start_ms + day * 86_400_000
        out.append(
            TruthEpisode(
                vehicle_id=sight.vehicle_id,
                rule="drift",
                grade="notice",
                onset_ms=day_ms,
                end_ms=day_ms + 86_400_000,
                value=float(points),
                limit=float(DRIFT_POINTS),
                near_boundary=abs(points - max(DRIFT_POINTS, DRIFT_SHARE * total)) <= _NEAR_POINTS,
                expected=points >= DRIFT_POINTS and points >= DRIFT_SHARE * total,
                note=f"{points} of {total} points",
                times_threshold=points / max(DRIFT_POINTS, DRIFT_SHARE * total),
            )
        )
    return out


def _elsewhere(sent: Track) -> Flags:
    """Reports whose clock is behind, and whose place no vehicle can be at when they say: drift points by Q6.

    The way is measured from the newest report whose clock is right.
    """
    right = sent.stated_s == sent.at_s
    wrong = np.flatnonzero(~right & sent.positioned & (sent.stated_s > sent.at_s[0]) & (sent.stated_s < sent.at_s))
    out = np.zeros(len(sent), bool)
    known = np.flatnonzero(right & sent.positioned & ~sent.displaced)
    if not len(wrong) or not len(known):
        return out
    before = known[np.searchsorted(sent.at_s[known], sent.stated_s[wrong], side="right") - 1]
    lon, lat = sent.true_lon_deg, sent.true_lat_deg
    metres = straight_m(lon[before], lat[before], lon[wrong], lat[wrong])
    seconds = np.maximum(sent.stated_s[wrong] - sent.at_s[before], 1.0)
    out[wrong] = (metres > DRIFT_M) & (metres / seconds > DRIFT_KMH / 3.6)
    return out


def _without_fix(sight: Sight) -> list[TruthEpisode]:
    """A row for each spell without a fix: an alarm from 24 h after the last valid one."""
    schedule, sent, start_ms = sight.schedule, sight.sent, sight.start_ms
    near_s = 2 * sight.parked_interval_s
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
                times_threshold=lasted_s / NO_FIX_S,
            )
        )
    return out


EPISODES: tuple[Episode, ...] = (
    Episode("drift_day", _drift(1.8)),
    Episode("drift_few", _drift(0.6)),
    Episode("drift_spread", _drift_spread),
    Episode("no_fix", _no_fix(34.0), days=3, awake=True),
    Episode("no_fix_almost", _no_fix(20.0), days=2, awake=True),
    Episode("no_fix_spread", _no_fix(None), days=3, awake=True),
    Episode("clock_ahead", _clock(8 * HOUR_S, "8 h ahead: Beijing time sent as UTC"), awake=True),
    Episode("clock_behind", _clock(_UTC_S, "8 h behind: UTC sent as Beijing time"), awake=True, long_haul=True),
    Episode("clock_ahead_briefly", _clock(8 * HOUR_S, "8 h ahead for 8 minutes", 480.0), awake=True),
    Episode("clock_spread", _clock(8 * HOUR_S, "8 h ahead for a while", None), awake=True),
    Episode("clock_before_2000", _clock(None, "1980: no time yet"), awake=True),
    Episode("clock_roll_over", _clock(_WEEK_ROLL_OVER_S, "GPS week roll-over: 1,024 weeks behind"), awake=True),
)
