"""Track completeness of a day and a month (轨迹完整率), for every vehicle that has a silence in it.

Rulebook T1 to T3: mileage between neighbouring reports more than 300 s and 2 km apart is unseen; a day of at least
20 km, or a month of at least 100 km, is low below 90 % and red below 70 %. A month is judged when it has ended.
"""

from __future__ import annotations

import numpy as np

from monitor.model.beijing import date_of, day_number, day_of, day_start_ms
from simulators.episodes.episode import Sight
from simulators.episodes.gap import GAP_M, GAP_S
from simulators.motion import Flags, Track, step_m
from simulators.roads import Floats
from simulators.schedule import DAY_S, Schedule
from simulators.truth import TruthEpisode

YELLOW, RED = 90.0, 70.0
DAY_M, MONTH_M = 20_000.0, 100_000.0
_NEAR_POINTS = 1.5
_NEAR_M = 1_500.0
_NEAR_SHARE = 0.1


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row for each day or ended month with unseen mileage; one that is complete enough is a near miss.

    A step that is within two reports or a tenth of a gap's least counts either way, and so may its day.
    """
    schedule, sent, start_ms = sight.schedule, sight.sent, sight.start_ms
    good = np.flatnonzero(sent.positioned & ~sent.displaced & (sent.stated_s == sent.at_s))
    if len(good) < 2 or not schedule.silences:
        return []
    seen = Track(*(getattr(sent, name)[good] for name in Track.__slots__))
    metres = step_m(seen)
    seconds = np.diff(seen.at_s)
    unseen = (seconds > GAP_S) & (metres > GAP_M)
    maybe = (seconds > GAP_S - 2 * sight.interval_s) & (metres > GAP_M * (1 - _NEAR_SHARE))
    surely = (seconds > GAP_S + 2 * sight.interval_s) & (metres > GAP_M * (1 + _NEAR_SHARE))
    first_day = day_of(start_ms)
    day_of_step = first_day + (seen.at_s[1:] // DAY_S).astype(np.int64)
    end_day = first_day + int(schedule.end_s // DAY_S)
    out: list[TruthEpisode] = []
    for day in np.unique(day_of_step[maybe]).tolist():
        out.append(_row(schedule, "day", day, day + 1, *_figures(metres, day_of_step == day, unseen, maybe, surely)))
    for month in sorted({date_of(day).replace(day=1) for day in np.unique(day_of_step[maybe]).tolist()}):
        begin = day_number(month)
        after = day_number(month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1))
        if after <= end_day:
            of_month = (day_of_step >= begin) & (day_of_step < after)
            out.append(_row(schedule, "month", begin, after, *_figures(metres, of_month, unseen, maybe, surely)))
    return out


def _figures(metres: Floats, of_period: Flags, unseen: Flags, maybe: Flags, surely: Flags) -> tuple[float, ...]:
    """Metres of a period: all, unseen, unseen at most and at least."""
    parts = (of_period, of_period & unseen, of_period & maybe, of_period & surely)
    return tuple(float(metres[part].sum()) for part in parts)


def _row(
    schedule: Schedule,
    kind: str,
    from_day: int,
    end_day: int,
    total_m: float,
    unseen_m: float,
    most_m: float,
    least_unseen_m: float,
) -> TruthEpisode:
    least_m = MONTH_M if kind == "month" else DAY_M
    rate = 100.0 * (1.0 - unseen_m / total_m)
    lowest, highest = (100.0 * (1.0 - metres / total_m) for metres in (most_m, least_unseen_m))

    def near(step: float) -> bool:
        return lowest - _NEAR_POINTS < step < highest + _NEAR_POINTS

    return TruthEpisode(
        vehicle_id=schedule.member.vehicle.vehicle_id,
        rule="low_completeness",
        kind=kind,
        grade=None if near(RED) else "major" if rate < RED else "general",
        onset_ms=day_start_ms(from_day),
        end_ms=day_start_ms(end_day),
        value=rate,
        limit=YELLOW,
        near_boundary=near(YELLOW) or (rate < YELLOW and abs(total_m - least_m) < _NEAR_M),
        expected=rate < YELLOW and total_m >= least_m,
        note=f"{total_m / 1000:.1f} km in the {kind}",
        times_threshold=min((100.0 - rate) / (100.0 - YELLOW), total_m / least_m),
    )
