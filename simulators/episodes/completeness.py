"""Track completeness of a day (轨迹完整率), worked out for every vehicle-day that has a silence in it.

Rulebook T1 and T2: mileage between neighbouring reports more than 300 s and 2 km apart is unseen; a day of at least
20 km is low below 90 % and red below 70 %.
"""

from __future__ import annotations

import numpy as np

from simulators.episodes.gap import GAP_M, GAP_S
from simulators.motion import Track, step_m
from simulators.schedule import DAY_S, Schedule
from simulators.truth import TruthEpisode

YELLOW, RED = 90.0, 70.0
DAY_M = 20_000.0
_NEAR_POINTS = 1.5
_NEAR_M = 1_500.0


def witness(schedule: Schedule, sent: Track, start_ms: int) -> list[TruthEpisode]:
    """A row for each day with unseen mileage; a day that is complete enough is a near miss."""
    good = np.flatnonzero(sent.positioned & ~sent.displaced & (sent.stated_s == sent.at_s))
    if len(good) < 2 or not schedule.silences:
        return []
    seen = Track(*(getattr(sent, name)[good] for name in Track.__slots__))
    metres = step_m(seen)
    unseen = (np.diff(seen.at_s) > GAP_S) & (metres > GAP_M)
    day_of_step = (seen.at_s[1:] // DAY_S).astype(np.int64)
    out: list[TruthEpisode] = []
    for day in np.unique(day_of_step[unseen]):
        of_day = day_of_step == day
        total_m = float(metres[of_day].sum())
        rate = 100.0 * (1.0 - float(metres[of_day & unseen].sum()) / total_m)
        day_ms = start_ms + int(day) * 86_400_000
        near = abs(rate - YELLOW) < _NEAR_POINTS or abs(total_m - DAY_M) < _NEAR_M
        out.append(
            TruthEpisode(
                vehicle_id=schedule.member.vehicle.vehicle_id,
                rule="low_completeness",
                kind="day",
                grade=None if abs(rate - RED) < _NEAR_POINTS else "major" if rate < RED else "general",
                onset_ms=day_ms,
                end_ms=day_ms + 86_400_000,
                value=rate,
                limit=YELLOW,
                near_boundary=near,
                expected=rate < YELLOW and total_m >= DAY_M,
                note=f"{total_m / 1000:.1f} km in the day",
            )
        )
    return out
