"""Track completeness of a day and a month (轨迹完整率), for every vehicle that has a silence in it.

Rulebook T1 to T3: mileage between neighbouring reports more than 300 s and 2 km apart is unseen; a day of at least
20 km, or a month of at least 100 km, is low below 90 % and red below 70 %. A month is judged when it has ended.
"""

from __future__ import annotations

import numpy as np

from monitor.model.beijing import date_of, day_number, day_of, day_start_ms
from simulators.episodes.gap import GAP_M, GAP_S
from simulators.motion import Track, step_m
from simulators.schedule import DAY_S, Schedule
from simulators.truth import TruthEpisode

YELLOW, RED = 90.0, 70.0
DAY_M, MONTH_M = 20_000.0, 100_000.0
_NEAR_POINTS = 1.5
_NEAR_M = 1_500.0


def witness(schedule: Schedule, sent: Track, start_ms: int) -> list[TruthEpisode]:
    """A row for each day or ended month with unseen mileage; one that is complete enough is a near miss."""
    good = np.flatnonzero(sent.positioned & ~sent.displaced & (sent.stated_s == sent.at_s))
    if len(good) < 2 or not schedule.silences:
        return []
    seen = Track(*(getattr(sent, name)[good] for name in Track.__slots__))
    metres = step_m(seen)
    unseen = (np.diff(seen.at_s) > GAP_S) & (metres > GAP_M)
    first_day = day_of(start_ms)
    day_of_step = first_day + (seen.at_s[1:] // DAY_S).astype(np.int64)
    end_day = first_day + int(schedule.end_s // DAY_S)
    out: list[TruthEpisode] = []
    for day in np.unique(day_of_step[unseen]).tolist():
        of_day = day_of_step == day
        figures = float(metres[of_day].sum()), float(metres[of_day & unseen].sum())
        out.append(_row(schedule, "day", day, day + 1, *figures))
    for month in sorted({date_of(day).replace(day=1) for day in np.unique(day_of_step[unseen]).tolist()}):
        begin = day_number(month)
        after = day_number(month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1))
        if after <= end_day:
            of_month = (day_of_step >= begin) & (day_of_step < after)
            figures = float(metres[of_month].sum()), float(metres[of_month & unseen].sum())
            out.append(_row(schedule, "month", begin, after, *figures))
    return out


def _row(schedule: Schedule, kind: str, from_day: int, end_day: int, total_m: float, unseen_m: float) -> TruthEpisode:
    least_m = MONTH_M if kind == "month" else DAY_M
    rate = 100.0 * (1.0 - unseen_m / total_m)
    return TruthEpisode(
        vehicle_id=schedule.member.vehicle.vehicle_id,
        rule="low_completeness",
        kind=kind,
        grade=None if abs(rate - RED) < _NEAR_POINTS else "major" if rate < RED else "general",
        onset_ms=day_start_ms(from_day),
        end_ms=day_start_ms(end_day),
        value=rate,
        limit=YELLOW,
        near_boundary=abs(rate - YELLOW) < _NEAR_POINTS or abs(total_m - least_m) < _NEAR_M,
        expected=rate < YELLOW and total_m >= least_m,
        note=f"{total_m / 1000:.1f} km in the {kind}",
    )
